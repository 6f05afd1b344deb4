#include "bus/nats/jetstream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json_reader.h"
#include "base/json_writer.h"

namespace pushwire::bus::nats {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

std::string quoted(std::string_view text) {
  std::string out;
  json_append_string(out, text);
  return out;
}

template <class Number>
Number number_of(std::string_view text) noexcept {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void read_error(JsonReader& reader, ApiAnswer& answer) {
  answer.code = -1;  // an error in any case
  reader.enter_object();
  while (const auto key = reader.next_member()) {
    const std::string_view value = reader.skip_value();
    if (key->equals("code")) {
      answer.code = number_of<int>(value);
    } else if (key->equals("err_code")) {
      answer.error_code = number_of<int>(value);
    } else if (key->equals("description") && value.size() >= 2) {
      answer.description = value.substr(1, value.size() - 2);
    }
  }
  answer.code = answer.code == 0 ? -1 : answer.code;
}

void read_state(JsonReader& reader, ApiAnswer& answer) {
  reader.enter_object();
  while (const auto key = reader.next_member()) {
    const std::string_view value = reader.skip_value();
    if (key->equals("first_seq")) {
      answer.first = number_of<std::uint64_t>(value);
    } else if (key->equals("last_seq")) {
      answer.last = number_of<std::uint64_t>(value);
    }
  }
}

}  // namespace

Result<std::string> subject_of(std::string_view name_space) {
  const bool empty_token = name_space.empty() || name_space.front() == '.' || name_space.back() == '.' ||
                           name_space.find("..") != std::string_view::npos;
  const bool wild = std::any_of(name_space.begin(), name_space.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '*' || c == '>' || c == '\x7f';
  });
  if (empty_token || wild) {
    return fail(
        fmt::format("bus.namespace: \"{}\" is no NATS subject (no spaces, '*', '>' or empty parts)", name_space));
  }
  return fmt::format("{}.bus", name_space);
}

std::string stream_of(std::string_view name_space) {
  std::string name(name_space);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '.' || c == '/' || c == '\\'; }, '_');
  return name;
}

seconds stream_age(std::chrono::milliseconds max_replay_age) noexcept {
  return std::max(seconds(120), std::chrono::ceil<seconds>(6 * max_replay_age));
}

seconds duplicate_window(std::chrono::milliseconds publish_timeout) noexcept {
  return std::clamp(std::chrono::ceil<seconds>(4 * publish_timeout), seconds(30), seconds(120));
}

std::chrono::milliseconds heartbeat(std::chrono::milliseconds max_replay_age) noexcept {
  return std::clamp(max_replay_age / 6, std::chrono::milliseconds(500), std::chrono::milliseconds(2'000));
}

std::string stream_request(const StreamPlan& plan) {
  return fmt::format(
      R"({{"name":{},"subjects":[{}],"retention":"limits","discard":"old","storage":"file","num_replicas":1,)"
      R"("max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_msg_size":-1,"max_age":{},"duplicate_window":{}}})",
      quoted(plan.name), quoted(plan.subject), nanoseconds(plan.max_age).count(),
      nanoseconds(plan.duplicate_window).count());
}

std::string consumer_request(const StreamPlan& plan, std::uint64_t start, const std::string& deliver_to) {
  return fmt::format(
      R"({{"stream_name":{},"config":{{"deliver_policy":"by_start_sequence","opt_start_seq":{},"ack_policy":"none",)"
      R"("replay_policy":"instant","deliver_subject":{},"flow_control":true,"idle_heartbeat":{},)"
      R"("num_replicas":1,"mem_storage":true}}}})",
      quoted(plan.name), start, quoted(deliver_to), nanoseconds(plan.heartbeat).count());
}

std::optional<ApiAnswer> read_api_answer(std::string_view json) {
  JsonReader reader(json);
  if (reader.peek() != JsonKind::kObject) {
    return std::nullopt;
  }
  ApiAnswer answer;
  reader.enter_object();
  while (const auto key = reader.next_member()) {
    const JsonKind kind = reader.peek();
    if (key->equals("error") && kind == JsonKind::kObject) {
      read_error(reader, answer);
    } else if (key->equals("state") && kind == JsonKind::kObject) {
      read_state(reader, answer);
    } else if (key->equals("created") && kind == JsonKind::kString) {
      answer.created = reader.read_string().value_or(JsonString{}).raw;
    } else {
      reader.skip_value();
    }
  }
  if (!reader.finish()) {
    return std::nullopt;
  }
  return answer;
}

// $JS.ACK.<stream>.<consumer>.<tries>.<stream number>.<consumer number>.<time>.<waiting>, and since ADR-15 with the
// domain and a hash of the account before the stream, and perhaps something behind.
std::optional<Delivery> read_delivery(std::string_view reply) {
  constexpr std::string_view kPrefix = "$JS.ACK.";
  constexpr std::size_t kShort = 7;
  constexpr std::size_t kLong = 9;
  constexpr std::size_t kMost = 10;
  if (!reply.starts_with(kPrefix)) {
    return std::nullopt;
  }
  reply.remove_prefix(kPrefix.size());
  std::array<std::string_view, kMost> parts;
  std::size_t count = 0;
  for (bool more = true; more && count < kMost; ++count) {
    const std::size_t dot = reply.find('.');
    more = dot != std::string_view::npos;
    parts[count] = reply.substr(0, dot);
    reply.remove_prefix(more ? dot + 1 : reply.size());
  }
  if (count != kShort && count < kLong) {
    return std::nullopt;
  }
  const std::size_t shift = count == kShort ? 0 : 2;
  const Delivery delivery{number_of<std::uint64_t>(parts[shift + 3]), number_of<std::uint64_t>(parts[shift + 4])};
  return delivery.stream == 0 || delivery.consumer == 0 ? std::nullopt : std::optional(delivery);
}

std::optional<std::string> StreamPosition::on_stream(const ApiAnswer& stream) {
  consumer_ = swallowed_ = 0;
  const std::uint64_t first = std::max<std::uint64_t>(stream.first, 1);
  const bool known = next_ != 0;
  const bool other = known && (stream.created != created_ || stream.last + 1 < next_);
  created_ = stream.created;
  if (!known) {
    next_ = stream.last + 1;
  } else if (other) {
    next_ = first;
    return "the stream is not the one that it was";
  } else if (first > next_) {
    const std::uint64_t gone = first - next_;
    next_ = first;
    return fmt::format("{} records are no longer in the stream", gone);
  }
  return std::nullopt;
}

StreamPosition::Next StreamPosition::on_record(const Delivery& delivery) noexcept {
  if (delivery.consumer <= consumer_ || delivery.stream < next_) {
    consumer_ = std::max(consumer_, delivery.consumer);
    return Next::kRepeated;
  }
  const std::uint64_t unseen = delivery.consumer - consumer_ - 1;
  if (unseen > swallowed_) {
    return Next::kHole;
  }
  const bool skipped = delivery.stream != next_ + unseen;
  swallowed_ = 0;
  consumer_ = delivery.consumer;
  next_ = delivery.stream + 1;
  return skipped ? Next::kSkipped : Next::kRecord;
}

bool StreamPosition::on_heartbeat(std::uint64_t consumer) noexcept {
  if (consumer > consumer_ + swallowed_) {
    return false;
  }
  if (consumer > consumer_) {
    next_ += consumer - consumer_;
    consumer_ = consumer;
    swallowed_ = 0;
  }
  return true;
}

}  // namespace pushwire::bus::nats
