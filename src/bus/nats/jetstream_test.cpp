#include "bus/nats/jetstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pushwire::bus::nats {
namespace {

using testing::HasSubstr;
using Next = StreamPosition::Next;

ApiAnswer stream(std::uint64_t first, std::uint64_t last, std::string created = "2026-01-01T00:00:00Z") {
  ApiAnswer answer;
  answer.first = first;
  answer.last = last;
  answer.created = std::move(created);
  return answer;
}

TEST(NatsSubject, IsTheNamespaceWithATail) {
  EXPECT_EQ(subject_of("pushwire").value(), "pushwire.bus");
  EXPECT_EQ(subject_of("acme.prod").value(), "acme.prod.bus");
}

TEST(NatsSubject, RefusesWhatNatsTakesForWildcardsOrTwoWords) {
  for (const char* bad : {"", ".a", "a.", "a..b", "a b", "a*", "a.>", "a\tb"}) {
    const Result<std::string> subject = subject_of(bad);
    ASSERT_FALSE(subject) << bad;
    EXPECT_THAT(subject.error().message, HasSubstr("bus.namespace"));
  }
}

TEST(NatsStreamName, HasNoDots) {
  EXPECT_EQ(stream_of("acme.prod/eu"), "acme_prod_eu");
}

TEST(NatsStream, KeepsRecordsMuchLongerThanTheyAreReplayed) {
  using namespace std::chrono_literals;
  EXPECT_EQ(stream_age(10s), 120s);
  EXPECT_EQ(stream_age(60s), 360s);
}

TEST(NatsStream, KnowsIdsLongerThanARecordIsSentAgainAndNotLongerThanItKeepsRecords) {
  using namespace std::chrono_literals;
  EXPECT_EQ(duplicate_window(2s), 30s);
  EXPECT_EQ(duplicate_window(20s), 80s);
  EXPECT_LE(duplicate_window(1h), stream_age(0s));
}

TEST(NatsStream, MissesAConsumerBeforeWhatItMissesIsStale) {
  using std::chrono::milliseconds;
  for (const milliseconds age : {milliseconds(3'000), milliseconds(10'000), milliseconds(3'600'000)}) {
    EXPECT_LE(3 * heartbeat(age), age / 2) << age.count();
    EXPECT_GE(heartbeat(age), milliseconds(500));
  }
  EXPECT_EQ(heartbeat(milliseconds(100)), milliseconds(500)) << "the server takes none below 100 ms";
}

TEST(NatsRequests, AreWhatTheServerUnderstands) {
  EXPECT_EQ(stream_request({"pw", "pw.bus", std::chrono::seconds(120), std::chrono::seconds(30), {}}),
            R"({"name":"pw","subjects":["pw.bus"],"retention":"limits","discard":"old","storage":"file",)"
            R"("num_replicas":1,"max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_msg_size":-1,)"
            R"("max_age":120000000000,"duplicate_window":30000000000})");
  const StreamPlan plan{"pw", "pw.bus", {}, {}, std::chrono::milliseconds(1'500)};
  EXPECT_THAT(consumer_request(plan, 42, "_INBOX.x.data.1"),
              testing::AllOf(HasSubstr(R"("opt_start_seq":42)"), HasSubstr(R"("idle_heartbeat":1500000000)")));
}

TEST(NatsApiAnswer, TellsWhereAStreamIs) {
  const auto answer =
      read_api_answer(R"({"type":"io.nats.jetstream.api.v1.stream_info_response","config":{"name":"pw"},)"
                      R"("created":"2026-11-24T15:00:00Z","state":{"messages":3,"first_seq":5,"last_seq":7}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->code, 0);
  EXPECT_EQ(answer->created, "2026-11-24T15:00:00Z");
  EXPECT_EQ(answer->first, 5u);
  EXPECT_EQ(answer->last, 7u);
}

TEST(NatsApiAnswer, TellsWhatTheServerRefused) {
  const auto answer = read_api_answer(R"({"error":{"code":404,"err_code":10059,"description":"stream not found"}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->code, 404);
  EXPECT_EQ(answer->error_code, kNoSuchStream);
  EXPECT_EQ(answer->description, "stream not found");
}

TEST(NatsApiAnswer, AnErrorWithoutACodeIsAnError) {
  EXPECT_NE(read_api_answer(R"({"error":{}})")->code, 0);
}

TEST(NatsApiAnswer, RefusesWhatIsNoJsonObject) {
  for (const char* bad : {"", "7", "[1]", "{", R"({"error":{"code":404})", R"({"state":7}x)"}) {
    EXPECT_FALSE(read_api_answer(bad)) << bad;
  }
}

TEST(NatsDelivery, IsReadFromTheShortAndTheLongReplySubject) {
  for (const char* reply :
       {"$JS.ACK.pw.abc.1.77.5.1700000000000000000.3", "$JS.ACK.hub.HASH.pw.abc.1.77.5.1700000000000000000.3",
        "$JS.ACK._.HASH.pw.abc.1.77.5.1700000000000000000.3.token"}) {
    const auto delivery = read_delivery(reply);
    ASSERT_TRUE(delivery) << reply;
    EXPECT_EQ(delivery->stream, 77u);
    EXPECT_EQ(delivery->consumer, 5u);
  }
}

TEST(NatsDelivery, IsNothingElse) {
  for (const char* reply : {"", "$JS.ACK.", "$JS.FC.pw.abc.x", "$JS.ACK.pw.abc.1.77.5.17", "$JS.ACK.pw.abc.1.x.y.1.3",
                            "_INBOX.abc", "$JS.ACK.a.b.c.d.e.f.g.h"}) {
    EXPECT_FALSE(read_delivery(reply)) << reply;
  }
}

TEST(NatsPosition, BeginsBehindWhatIsThereAtTheFirstTime) {
  StreamPosition position;
  EXPECT_FALSE(position.on_stream(stream(1, 41)));
  EXPECT_EQ(position.start(), 42u);
}

TEST(NatsPosition, BeginsAtTheFirstRecordOfAnEmptyStream) {
  StreamPosition position;
  EXPECT_FALSE(position.on_stream(stream(0, 0)));
  EXPECT_EQ(position.start(), 1u);
}

TEST(NatsPosition, GoesOnWhereItWasAfterAReconnect) {
  StreamPosition position;
  (void)position.on_stream(stream(1, 10));
  EXPECT_EQ(position.on_record({11, 1}), Next::kRecord);
  EXPECT_EQ(position.on_record({12, 2}), Next::kRecord);
  EXPECT_FALSE(position.on_stream(stream(1, 50)));
  EXPECT_EQ(position.start(), 13u);
  EXPECT_EQ(position.on_record({13, 1}), Next::kRecord);  // the new consumer counts from one
}

TEST(NatsPosition, TellsHowManyRecordsAreNoLongerThere) {
  StreamPosition position;
  (void)position.on_stream(stream(1, 10));
  const auto missed = position.on_stream(stream(21, 50));
  ASSERT_TRUE(missed);
  EXPECT_THAT(*missed, HasSubstr("10 records"));
  EXPECT_EQ(position.start(), 21u);
}

TEST(NatsPosition, TellsThatTheStreamIsAnotherOne) {
  StreamPosition shorter;
  (void)shorter.on_stream(stream(1, 10));
  EXPECT_TRUE(shorter.on_stream(stream(1, 3)));
  EXPECT_EQ(shorter.start(), 1u);
  StreamPosition longer;
  (void)longer.on_stream(stream(1, 10));
  EXPECT_TRUE(longer.on_stream(stream(1, 30, "2026-02-02T00:00:00Z")));
  EXPECT_EQ(longer.start(), 1u);
}

TEST(NatsPosition, SeesWhatTheServerSentAndDidNotArrive) {
  StreamPosition position;
  (void)position.on_stream(stream(1, 10));
  EXPECT_EQ(position.on_record({11, 1}), Next::kRecord);
  EXPECT_EQ(position.on_record({13, 3}), Next::kHole);
  EXPECT_EQ(position.start(), 12u);
  EXPECT_TRUE(position.on_heartbeat(1));
  EXPECT_FALSE(position.on_heartbeat(2));
}

TEST(NatsPosition, TellsRecordsRemovedFromTheStreamFromThoseLostOnTheWay) {
  StreamPosition position;
  (void)position.on_stream(stream(1, 10));
  EXPECT_EQ(position.on_record({15, 1}), Next::kSkipped);
  EXPECT_EQ(position.start(), 16u);
}

TEST(NatsPosition, LeavesOutWhatComesTwice) {
  StreamPosition position;
  (void)position.on_stream(stream(1, 10));
  EXPECT_EQ(position.on_record({11, 1}), Next::kRecord);
  EXPECT_EQ(position.on_record({11, 1}), Next::kRepeated);
  EXPECT_EQ(position.on_record({11, 2}), Next::kRepeated);
  EXPECT_EQ(position.on_record({12, 3}), Next::kRecord);
}

}  // namespace
}  // namespace pushwire::bus::nats
