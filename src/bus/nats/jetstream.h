// The texts of the JetStream interface that the link needs, and its place in a stream.
// https://docs.nats.io/reference/reference-protocols/nats_api_reference and the server's ADR-1, ADR-15, ADR-37.
// Values and pure functions; any thread. libnats has calls for most of this, but they block, and its ordered consumer
// loses messages without a word when the receiver is slow.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pushwire::bus::nats {

// The subject that all records of a namespace go to. An error names bus.namespace.
Result<std::string> subject_of(std::string_view name_space);
// A stream's name may have no dots.
std::string stream_of(std::string_view name_space);

// What the server keeps a record for, and how long it knows the id of one that it has.
std::chrono::seconds stream_age(std::chrono::milliseconds max_replay_age) noexcept;
std::chrono::seconds duplicate_window(std::chrono::milliseconds publish_timeout) noexcept;
// How often the server says that a consumer lives. Three that do not come are half of bus.max_replay_age (if that is
// not very short): what a new consumer then brings is not stale yet.
std::chrono::milliseconds heartbeat(std::chrono::milliseconds max_replay_age) noexcept;

struct StreamPlan {
  std::string name;
  std::string subject;
  std::chrono::seconds max_age{};
  std::chrono::seconds duplicate_window{};
  std::chrono::milliseconds heartbeat{};
};
std::string stream_request(const StreamPlan& plan);
// A consumer that vanishes with its connection and pushes what is stored from `start` on.
std::string consumer_request(const StreamPlan& plan, std::uint64_t start, const std::string& deliver_to);

struct ApiAnswer {
  int code = 0;        // of an error; 0: none
  int error_code = 0;  // what exactly: 10059 for no such stream
  std::string description;
  std::string created;  // when the stream was made: tells it from another of its name
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
constexpr int kNoSuchStream = 10059;
constexpr int kMessageTooLarge = 10054;

// Empty when it is no JSON object.
std::optional<ApiAnswer> read_api_answer(std::string_view json);

struct Delivery {
  std::uint64_t stream = 0;    // the record's number in the stream
  std::uint64_t consumer = 0;  // and how many the consumer has sent
};
// From the reply subject of a record. Empty when it is none of a stream's.
std::optional<Delivery> read_delivery(std::string_view reply);

// What is the next record of the stream.
class StreamPosition {
 public:
  enum class Next : std::uint8_t {
    kRecord,   // the one expected
    kSkipped,  // a record, but some before it are gone from the stream
    kRepeated,
    kHole,  // the server sent some that did not arrive: begin again from start()
  };

  // The stream as it is now, before a consumer is made. A text, for the log, when records may have been missed.
  std::optional<std::string> on_stream(const ApiAnswer& stream);
  // Where the consumer has to begin.
  std::uint64_t start() const noexcept { return next_; }
  Next on_record(const Delivery& delivery) noexcept;
  // Something came whose numbers are not known. It may have been a record: what comes next tells.
  void on_swallowed() noexcept { ++swallowed_; }
  // The consumer says how many it has sent. False: not all of them have arrived, begin again from start().
  bool on_heartbeat(std::uint64_t consumer) noexcept;

 private:
  std::uint64_t next_ = 0;  // 0: not known
  std::uint64_t consumer_ = 0;
  std::uint64_t swallowed_ = 0;  // since consumer_
  std::string created_;
};

}  // namespace pushwire::bus::nats
