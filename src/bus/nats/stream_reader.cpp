#include "bus/nats/stream_reader.h"

#include <fmt/format.h>

#include <charconv>

namespace pushwire::bus::nats {
namespace {

// Names of inbox subjects: an answer that belongs to an earlier stage is left aside.
constexpr std::string_view kLookingName = "info";
constexpr std::string_view kMakingName = "make";
constexpr std::string_view kConsumerName = "consumer";

std::string_view header(natsMsg& message, const char* name) {
  const char* value = nullptr;
  return natsMsgHeader_Get(&message, name, &value) == NATS_OK && value != nullptr ? value : std::string_view{};
}

}  // namespace

Result<> StreamReader::begin(Connection& connection, MonotonicMs now) {
  connection_ = &connection;
  excuse(now);
  // Before the consumer: it pushes to a subject that somebody listens to, or not at all.
  if (Result<> subscribed = connection.subscribe(connection.private_subject()); !subscribed) {
    return subscribed;
  }
  ask_for(Stage::kLooking, "STREAM.INFO", {});
  return {};
}

void StreamReader::reset() noexcept {
  connection_ = nullptr;
  stage_ = Stage::kIdle;
}

void StreamReader::ask_for(Stage stage, const std::string& api, std::string_view body) {
  stage_ = stage;
  const std::string_view name = stage == Stage::kLooking  ? kLookingName
                                : stage == Stage::kMaking ? kMakingName
                                                          : kConsumerName;
  (void)connection_->request(fmt::format("$JS.API.{}.{}", api, plan_.name), connection_->inbox(name), body);
}

void StreamReader::on_inbox(std::string_view name, std::string_view body) {
  const bool expected = (stage_ == Stage::kLooking && name == kLookingName) ||
                        (stage_ == Stage::kMaking && name == kMakingName) ||
                        (stage_ == Stage::kConsumer && name == kConsumerName);
  if (!expected) {
    return;
  }
  const std::optional<ApiAnswer> answer = read_api_answer(body);
  if (!answer) {
    owner_.on_broken(fmt::format("bus.nats.servers: {} gave an answer that is no JSON", connection_->server()));
    return;
  }
  if (stage_ == Stage::kLooking && answer->error_code == kNoSuchStream) {
    ask_for(Stage::kMaking, "STREAM.CREATE", stream_request(plan_));
  } else if (answer->code != 0) {
    refuse(stage_ == Stage::kConsumer ? "a consumer of" : "", *answer);
  } else if (stage_ == Stage::kConsumer) {
    stage_ = Stage::kReading;
    owner_.on_ready();
  } else {
    on_stream(*answer);
  }
}

void StreamReader::on_stream(const ApiAnswer& answer) {
  const std::optional<std::string> missed = position_.on_stream(answer);
  ask_for(Stage::kConsumer, "CONSUMER.CREATE",
          consumer_request(plan_, position_.start(), connection_->private_subject()));
  if (missed) {
    owner_.on_records_missed(fmt::format("{} (stream {})", *missed, plan_.name));
  }
}

void StreamReader::refuse(std::string_view what, const ApiAnswer& answer) {
  owner_.on_broken(fmt::format("bus.nats.mode: {} refused {}{}stream {}: {} ({})", connection_->server(), what,
                               what.empty() ? "" : " ", plan_.name, answer.description, answer.error_code));
}

void StreamReader::on_data(natsMsg& message, MonotonicMs now) {
  excuse(now);
  const char* reply = natsMsg_GetReply(&message);
  const std::optional<Delivery> delivery = read_delivery(reply == nullptr ? "" : reply);
  if (!delivery) {
    on_control(message);
    return;
  }
  const std::uint64_t expected = position_.start();
  switch (position_.on_record(*delivery)) {
    case StreamPosition::Next::kSkipped:
      owner_.on_records_missed(
          fmt::format("stream {} went on with {} after {}: the records between them have been "
                      "removed",
                      plan_.name, delivery->stream, expected - 1));
      [[fallthrough]];
    case StreamPosition::Next::kRecord:
      owner_.on_stream_record({natsMsg_GetData(&message), static_cast<std::size_t>(natsMsg_GetDataLength(&message))});
      break;
    case StreamPosition::Next::kRepeated:
      break;
    case StreamPosition::Next::kHole:
      owner_.on_broken(
          fmt::format("bus.nats.servers: {} left out some records, they are asked for again", connection_->server()));
      break;
  }
}

// Its number went with it. It counts as a record of the consumer's that came and cannot be read: asked for again, it
// would only be swallowed again.
void StreamReader::on_swallowed(MonotonicMs now) {
  excuse(now);
  position_.on_swallowed();
  owner_.on_stream_record({});
}

// ADR-15: status 100 is a heartbeat, or flow control when it wants an answer; others are the consumer's end.
void StreamReader::on_control(natsMsg& message) {
  const std::string_view status = header(message, "Status");
  if (status.empty()) {
    return;  // somebody's message to our private subject
  }
  if (status != "100") {
    owner_.on_broken(fmt::format("bus.nats.servers: {} ended the consumer: {} {}", connection_->server(), status,
                                 header(message, "Description")));
    return;
  }
  if (const char* reply = natsMsg_GetReply(&message); reply != nullptr) {
    (void)connection_->publish(std::string(reply), {});
    return;
  }
  if (const std::string_view stalled = header(message, "Nats-Consumer-Stalled"); !stalled.empty()) {
    (void)connection_->publish(std::string(stalled), {});
  }
  const std::string_view text = header(message, "Nats-Last-Consumer");
  std::uint64_t last = 0;
  std::from_chars(text.data(), text.data() + text.size(), last);
  if (!position_.on_heartbeat(last)) {
    owner_.on_broken(fmt::format("bus.nats.servers: the last records from {} did not arrive, they are asked for again",
                                 connection_->server()));
  }
}

void StreamReader::on_nobody() {
  if (stage_ != Stage::kReading && stage_ != Stage::kIdle) {
    owner_.on_broken(fmt::format("bus.nats.mode: {} has no JetStream, or not for this user", connection_->server()));
  }
}

void StreamReader::check(MonotonicMs now) {
  if (stage_ == Stage::kIdle) {
    return;
  }
  const MonotonicMs waiting = connection_->unanswered_for(now);
  const MonotonicMs silent = now - heard_at_;
  if (ready() && waiting > kPatienceMs) {
    excuse(now);  // nobody is heard then, which is the connection's affair
  } else if (ready() && !asked_ && 2 * silent > 3 * plan_.heartbeat.count()) {
    asked_ = true;
    connection_->ask_for_life();
  } else if (ready() && waiting == 0 && silent > 3 * plan_.heartbeat.count()) {
    owner_.on_broken(fmt::format("bus.nats.servers: the consumer at {} is silent", connection_->server()));
  } else if (!ready() && silent > kAnswerMs) {
    owner_.on_broken(fmt::format("bus.nats.mode: JetStream at {} does not answer", connection_->server()));
  }
}

}  // namespace pushwire::bus::nats
