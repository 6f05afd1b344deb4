// Frames of RocketMQ's remoting protocol: one request or answer each, in both directions of a connection.
//
//   i32 length of what follows | u8 kind of header, u24 its length | header | body        (big-endian)
//
// We write JSON headers. A server answers with the kind of its own configuration, so both are read: JSON, and the
// binary one ("ROCKETMQ"). Sans-I/O: bytes in, values out. Any thread, one at a time.
// Source: org.apache.rocketmq.remoting.protocol.RemotingCommand; the server takes 16 MiB, the length included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace pushwire::bus::rocketmq {

// What the length field may say: with itself 16 MiB.
constexpr std::size_t kMaxFrameBytes = 16 * 1024 * 1024 - 4;
// More fields than any answer has: a header is small.
constexpr std::size_t kMaxFields = 128;

// A name and its value, as a request carries them.
using Field = std::pair<std::string_view, std::string_view>;

struct Header {
  static constexpr std::uint32_t kAnswer = 1;
  static constexpr std::uint32_t kOneWay = 2;

  int code = 0;  // of the request, or of the answer
  std::uint32_t opaque = 0;
  std::uint32_t flag = 0;
  std::string remark;                                       // for people
  std::vector<std::pair<std::string, std::string>> fields;  // "extFields"

  bool is_answer() const noexcept { return (flag & kAnswer) != 0; }
  bool is_one_way() const noexcept { return (flag & kOneWay) != 0; }
  // Empty when it is not there.
  std::optional<std::string_view> field(std::string_view name) const noexcept;
  // Empty when it is not there or no integer.
  std::optional<std::int64_t> integer(std::string_view name) const noexcept;
};

struct RequestHead {
  int code = 0;
  std::uint32_t opaque = 0;
  std::uint32_t flag = 0;
};

// Appends a whole frame. Requires: fields and body together fit into a frame.
void append_request(std::string& out, const RequestHead& head, std::span<const Field> fields, std::string_view body);
// The answer to a request of the server's that nobody here knows (code 3).
void append_not_supported(std::string& out, std::uint32_t opaque);

// One frame as it lies in memory.
struct RawFrame {
  bool is_binary = false;  // kind of header
  std::string_view header;
  std::string_view body;
};

// The error names what is wrong with it: the connection cannot be used any more.
Result<Header> decode_header(const RawFrame& frame);

// Cuts a stream into frames. A frame that lies whole in one piece of input is not copied.
class FrameReader {
 public:
  // Takes from `bytes` up to the end of the next frame. Empty: all was taken and the frame is not whole yet. What is
  // returned is valid until the next call, and while the memory behind `bytes` is. An error is final.
  Result<std::optional<RawFrame>> next(std::string_view& bytes);
  // Bytes that are kept for a frame that is not whole.
  std::size_t buffer_bytes() const noexcept { return kept_.capacity(); }
  // For a new stream.
  void reset() { *this = FrameReader(); }

 private:
  std::string kept_;       // begins with the length field
  bool is_given_ = false;  // kept_ is the frame that the last call returned
};

}  // namespace pushwire::bus::rocketmq
