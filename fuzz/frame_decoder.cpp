// Fuzzes the WebSocket frame decoder and message reader: a stream read whole and the same stream read in pieces must
// give the same events, and the reader must never hold more than its limits allow. libFuzzer entry; one thread.
//
// Input: byte 0 message limit, byte 1 fragment limit and whether binary is accepted, byte 2 where the pieces are cut;
// the rest is the stream.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/utf8.h"
#include "websocket/close_code.h"
#include "websocket/message_reader.h"

namespace {

using pushwire::websocket::Event;
using pushwire::websocket::kMaxControlPayload;
using pushwire::websocket::MessageReader;
using pushwire::websocket::ReadLimits;

constexpr std::size_t kParameters = 3;

struct Seen {
  Event::Kind kind;
  std::uint16_t code;
  std::string payload;
  bool operator==(const Seen&) const = default;
};

struct Outcome {
  std::vector<Seen> events;
  bool at_rest;
  bool operator==(const Outcome&) const = default;
};

void check_event(const Event& event, const ReadLimits& limits) {
  switch (event.kind) {
    case Event::Kind::kText:
      PW_CHECK(pushwire::is_valid_utf8(event.payload));
      PW_CHECK(event.payload.size() <= limits.max_message_bytes);
      return;
    case Event::Kind::kBinary:
      PW_CHECK(limits.accept_binary);
      PW_CHECK(event.payload.size() <= limits.max_message_bytes);
      return;
    case Event::Kind::kPing:
    case Event::Kind::kPong:
      PW_CHECK(event.payload.size() <= kMaxControlPayload);
      return;
    case Event::Kind::kClose:
      PW_CHECK(event.code == pushwire::websocket::close_code::kNone ||
               pushwire::websocket::is_valid_received_close_code(event.code));
      PW_CHECK(pushwire::is_valid_utf8(event.payload));
      return;
    case Event::Kind::kFault:
      PW_CHECK(!event.payload.empty());
      return;
  }
}

// Lengths of the reads, from a small linear congruence: mostly short, so that headers are cut too.
class Cutter {
 public:
  explicit Cutter(std::uint8_t seed) : state_(seed) {}
  std::size_t next() {
    state_ = state_ * 1664525U + 1013904223U;
    const std::uint32_t random = state_ >> 16;
    return (random & 7U) == 0 ? 1 + (random >> 3) % 200 : 1 + (random >> 3) % 7;
  }

 private:
  std::uint32_t state_;
};

// Feeds the stream as a connection would: each read in memory of its own, the reader kept only when not at rest.
// Without a cutter everything is one read.
Outcome run(std::string_view stream, const ReadLimits& limits, std::optional<Cutter> cutter) {
  Outcome outcome{};
  std::optional<MessageReader> kept;
  do {
    const std::string_view chunk = stream.substr(0, cutter ? cutter->next() : stream.size());
    stream.remove_prefix(chunk.size());
    const auto memory = std::make_unique<char[]>(chunk.size());
    if (!chunk.empty()) {
      std::memcpy(memory.get(), chunk.data(), chunk.size());
    }
    std::span<char> bytes(memory.get(), chunk.size());
    MessageReader reader = kept ? std::move(*kept) : MessageReader(limits);
    kept.reset();
    while (const std::optional<Event> event = reader.next(bytes)) {
      check_event(*event, limits);
      outcome.events.push_back({event->kind, event->code, std::string(event->payload)});
      PW_CHECK(reader.buffer_bytes() <= limits.max_message_bytes + kMaxControlPayload);
    }
    PW_CHECK(reader.buffer_bytes() <= limits.max_message_bytes + kMaxControlPayload);
    PW_CHECK(bytes.empty() || !reader.at_rest());
    if (!reader.at_rest()) {
      kept.emplace(std::move(reader));
    }
  } while (!stream.empty());
  outcome.at_rest = !kept.has_value();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < kParameters) {
    return 0;
  }
  const ReadLimits limits{.max_message_bytes = data[0] * std::size_t{4},
                          .max_fragments = 1U + (data[1] >> 1),
                          .accept_binary = (data[1] & 1) != 0};
  const std::string_view stream(reinterpret_cast<const char*>(data) + kParameters, size - kParameters);
  const Outcome whole = run(stream, limits, std::nullopt);
  const Outcome pieces = run(stream, limits, Cutter(data[2]));
  PW_CHECK(whole == pieces);
  return 0;
}
