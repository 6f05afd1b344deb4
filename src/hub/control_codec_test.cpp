#include "hub/control_codec.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pushwire::hub {
namespace {

session::SessionId session_id(unsigned char first) {
  session::SessionId id;
  id.bytes[0] = first;
  return id;
}

SessionInfo session_of(unsigned char first, std::vector<std::string> topics = {"a", "b/c"}) {
  return {session_id(first), "phöne", "[::1]:5", 1'700'000'000'123, 1'700'000'001'000, std::move(topics), {}};
}

ControlMessage round_trip(const ControlMessage& message) {
  const DecodedControl decoded = decode_control(encode_control(message));
  EXPECT_TRUE(decoded.message);
  return decoded.message.value_or(ControlMessage{});
}

TEST(ControlCodec, AnnouncementComesBackAsItWas) {
  const Announcement announcement{.version = "0.1.0",
                                  .uptime_ms = 61'000,
                                  .connections = 1'000'000,
                                  .users = 3,
                                  .subscriptions = 1ULL << 40,
                                  .draining = true,
                                  .curious = false};
  const ControlMessage message = round_trip({42, announcement});
  EXPECT_EQ(message.run, 42U);
  EXPECT_EQ(std::get<Announcement>(message.body), announcement);
  Announcement curious;
  curious.curious = true;
  EXPECT_EQ(std::get<Announcement>(round_trip({1, curious}).body), curious);
}

// Nodes of later versions have to understand these bytes.
TEST(ControlCodec, ItsBytesAreAsTheHeaderSays) {
  EXPECT_EQ(encode_control({0x0807060504030201, Goodbye{}}), (std::string{"\x01\x02\x01\x02\x03\x04\x05\x06\x07\x08"}));
  const std::string question = encode_control({1, NodeQuestion{7, CountSubscribers{"t/1"}}});
  EXPECT_EQ(question, (std::string{"\x01\x03\1\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\x02\x03t/1", 23}));
  const std::string answer = encode_control({1, NodeAnswer{.to_run = 2, .number = 3, .part = 4, .answer = Count{5}}});
  EXPECT_EQ(answer,
            (std::string{"\x01\x04\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\x01\x02\5\0\0\0\0\0\0\0", 38}));
}

TEST(ControlCodec, QuestionsComeBackAsTheyWere) {
  const auto question = [](Question asked) {
    const NodeQuestion back = std::get<NodeQuestion>(round_trip({1, NodeQuestion{99, std::move(asked)}}).body);
    EXPECT_EQ(back.number, 99U);
    return back.question;
  };
  EXPECT_EQ(std::get<ListSessions>(question(ListSessions{"älice"})).user, "älice");
  EXPECT_EQ(std::get<CountSubscribers>(question(CountSubscribers{"t"})).topic, "t");
  const auto all = std::get<KickUser>(question(KickUser{"bob", std::nullopt}));
  EXPECT_EQ(all.user, "bob");
  EXPECT_EQ(all.session, std::nullopt);
  const auto one = std::get<KickUser>(question(KickUser{"bob", session_id(9)}));
  EXPECT_EQ(one.user, "bob");
  EXPECT_EQ(one.session, session_id(9));
}

TEST(ControlCodec, AnswersComeBackAsTheyWere) {
  NodeAnswer answer{.to_run = 5, .number = 6, .part = 7, .last = false, .truncated = true, .answer = Count{8}};
  const auto count = std::get<NodeAnswer>(round_trip({1, answer}).body);
  EXPECT_EQ(count.to_run, 5U);
  EXPECT_EQ(count.number, 6U);
  EXPECT_EQ(count.part, 7U);
  EXPECT_FALSE(count.last);
  EXPECT_TRUE(count.truncated);
  EXPECT_EQ(std::get<Count>(count.answer).count, 8U);
  answer.answer = SessionList{{session_of(1), session_of(2, {})}};
  const NodeAnswer back = std::get<NodeAnswer>(round_trip({1, answer}).body);
  const auto& sessions = std::get<SessionList>(back.answer).sessions;
  ASSERT_EQ(sessions.size(), 2U);
  EXPECT_EQ(sessions[0].session, session_id(1));
  EXPECT_EQ(sessions[0].device, "phöne");
  EXPECT_EQ(sessions[0].remote, "[::1]:5");
  EXPECT_EQ(sessions[0].connected_at, 1'700'000'000'123);
  EXPECT_EQ(sessions[0].last_seen_at, 1'700'000'001'000);
  EXPECT_EQ(sessions[0].topics, (std::vector<std::string>{"a", "b/c"}));
  EXPECT_EQ(sessions[1].session, session_id(2));
  EXPECT_TRUE(sessions[1].topics.empty());
}

TEST(ControlCodec, WhatALaterVersionAppendsIsIgnored) {
  const ControlMessage message{1, NodeQuestion{7, ListSessions{"u"}}};
  const DecodedControl decoded = decode_control(encode_control(message) + "more");
  ASSERT_TRUE(decoded.message);
  EXPECT_EQ(std::get<ListSessions>(std::get<NodeQuestion>(decoded.message->body).question).user, "u");
}

TEST(ControlCodec, WhatALaterVersionInventsIsUnknownAndNotDamaged) {
  const std::string question = encode_control({1, NodeQuestion{7, CountSubscribers{"t"}}});
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{18}}) {  // version, kind, what is asked
    std::string later = question;
    later[at] = '\x63';
    const DecodedControl decoded = decode_control(later);
    EXPECT_FALSE(decoded.message);
    EXPECT_EQ(decoded.fault, ControlFault::kUnknown) << at;
  }
}

TEST(ControlCodec, WhatIsCutAnywhereIsDamaged) {
  for (const ControlMessage& message :
       {ControlMessage{1, Announcement{.version = "1"}},
        ControlMessage{1, NodeQuestion{7, KickUser{"u", session_id(1)}}},
        ControlMessage{1, NodeAnswer{.answer = SessionList{{session_of(1)}}}}, ControlMessage{1, Goodbye{}}}) {
    const std::string whole = encode_control(message);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const DecodedControl decoded = decode_control(whole.substr(0, size));
      EXPECT_FALSE(decoded.message) << size;
      EXPECT_EQ(decoded.fault, ControlFault::kDamaged) << size;
    }
  }
}

TEST(ControlCodec, NamesThatCannotBeAreDamaged) {
  for (const Question& bad :
       {Question{ListSessions{""}}, Question{ListSessions{std::string(129, 'u')}},
        Question{KickUser{"a\x01", std::nullopt}}, Question{CountSubscribers{"a b"}}, Question{ListSessions{"\xff"}}}) {
    EXPECT_FALSE(decode_control(encode_control({1, NodeQuestion{1, bad}})).message);
  }
  EXPECT_FALSE(decode_control(encode_control({1, Announcement{.version = "\xc3"}})).message) << "no UTF-8";
  EXPECT_TRUE(is_node_name("n1"));
  EXPECT_FALSE(is_node_name(""));
  EXPECT_FALSE(is_node_name("\xff"));
  EXPECT_FALSE(is_node_name(std::string(256, 'n')));
}

// A list that says it is long costs no memory before its entries are there.
TEST(ControlCodec, ReadsNoFurtherThanTheBytes) {
  std::string answer = encode_control({1, NodeAnswer{.answer = SessionList{}}});
  answer[answer.size() - 2] = '\xff';
  answer[answer.size() - 1] = '\xff';
  EXPECT_FALSE(decode_control(answer).message);
}

TEST(ControlCodec, SplitsALongAnswerIntoPartsThatHoldAllOfIt) {
  SessionList list;
  for (unsigned char i = 0; i < 10; ++i) {
    list.sessions.push_back(session_of(i));
  }
  const std::size_t one = encoded_size(list.sessions[0]);
  const NodeQuestion question{7, ListSessions{"u"}};
  const auto parts = split_answer(question, 5, Answer{list}, {.part_bytes = 3 * one, .parts = 64});
  ASSERT_EQ(parts.size(), 4U);
  unsigned char next = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    EXPECT_EQ(parts[i].part, i);
    EXPECT_EQ(parts[i].last, i == 3);
    EXPECT_FALSE(parts[i].truncated);
    EXPECT_EQ(parts[i].number, 7U);
    EXPECT_EQ(parts[i].to_run, 5U);
    EXPECT_LE(encode_control({1, parts[i]}).size(), 3 * one + 64);
    for (const SessionInfo& session : std::get<SessionList>(parts[i].answer).sessions) {
      EXPECT_EQ(session.session, session_id(next++));
    }
  }
  EXPECT_EQ(next, 10);
}

TEST(ControlCodec, SaysWhenAnAnswerIsCut) {
  SessionList list;
  for (unsigned char i = 0; i < 10; ++i) {
    list.sessions.push_back(session_of(i));
  }
  const auto parts = split_answer({}, 5, Answer{list}, {.part_bytes = 1, .parts = 4});
  ASSERT_EQ(parts.size(), 4U) << "one session a part, however long";
  EXPECT_TRUE(parts[3].last);
  EXPECT_TRUE(parts[3].truncated);
  EXPECT_EQ(std::get<SessionList>(parts[3].answer).sessions.size(), 1U);
}

TEST(ControlCodec, AnEmptyListAndACountAreOnePart) {
  for (const Answer& answer : {Answer{SessionList{}}, Answer{Count{3}}}) {
    const auto parts = split_answer({}, 5, Answer{answer}, {});
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_TRUE(parts[0].last);
  }
}

}  // namespace
}  // namespace pushwire::hub
