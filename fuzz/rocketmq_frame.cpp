// Fuzzes what a RocketMQ server may send: frames with both kinds of header, messages of a pull, routes. A stream read
// whole and the same stream read in pieces must give the same frames. libFuzzer entry; one thread.
//
// Input: byte 0 how long the pieces are; the rest is the stream.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "bus/rocketmq/frame.h"
#include "bus/rocketmq/message.h"
#include "bus/rocketmq/route.h"

namespace {

using namespace pushwire::bus::rocketmq;

struct Seen {
  std::string header;
  std::string body;
  bool operator==(const Seen&) const = default;
};

void read_body(std::string_view body) {
  MessageReader reader(body);
  std::size_t bytes = 0;
  while (const std::optional<Message> message = reader.next()) {
    bytes += message->body.size() + message->topic.size() + message->properties.size();
    PW_CHECK(property_of(message->properties, "TAGS").size() <= message->properties.size());
  }
  PW_CHECK(bytes <= body.size());
  if (const auto route = parse_route(body)) {
    PW_CHECK(route->brokers.size() <= kMaxBrokers);
    for (const BrokerRoute& broker : route->brokers) {
      PW_CHECK(broker.read_queues <= kMaxQueues && broker.write_queues <= kMaxQueues && broker.master.port != 0);
    }
  }
}

// Each piece in memory of its own, so that a read past its end is seen.
std::vector<Seen> run(std::string_view stream, std::size_t piece) {
  FrameReader reader;
  std::vector<Seen> seen;
  while (!stream.empty()) {
    const std::string_view part = stream.substr(0, piece);
    stream.remove_prefix(part.size());
    const auto memory = std::make_unique<char[]>(part.size());
    part.copy(memory.get(), part.size());
    std::string_view rest(memory.get(), part.size());
    for (;;) {
      const auto frame = reader.next(rest);
      if (!frame) {
        return seen;
      }
      if (!*frame) {
        break;
      }
      if (const auto header = decode_header(**frame)) {
        PW_CHECK(header->fields.size() <= kMaxFields);
      }
      read_body((*frame)->body);
      seen.push_back({std::string((*frame)->header), std::string((*frame)->body)});
    }
    PW_CHECK(rest.empty());
    PW_CHECK(reader.buffer_bytes() <= 2 * kMaxFrameBytes);
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) {
    return 0;
  }
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  PW_CHECK(run(stream, stream.size()) == run(stream, 1U + data[0]));
  return 0;
}
