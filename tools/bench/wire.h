// The client's half of the two wire formats, sans-I/O: frames that servers send (RFC 6455 5.2), frames that clients
// send (masked), and HTTP answers as far as a load generator must understand them (RFC 9112). Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "websocket/frame.h"

namespace pushwire::bench {

struct ServerFrame {
  websocket::Opcode opcode = websocket::Opcode::kText;
  std::string_view payload;
};

// The frame at the front of `bytes`, which is moved past it; nothing when it has not wholly arrived. An error when it
// is masked, has reserved bits or is longer than 16 MiB.
Result<std::optional<ServerFrame>> next_server_frame(std::string_view& bytes);

std::string client_frame(websocket::Opcode opcode, std::string_view payload);

// Takes one HTTP answer after the other from a stream. Only the status is kept.
class AnswerReader {
 public:
  // The status of the next whole answer, moving `bytes` past what was read; nothing when more bytes are needed: what is
  // left in `bytes` must then come again, with more behind it.
  Result<std::optional<int>> next(std::string_view& bytes);

 private:
  enum class Body : std::uint8_t { kHead, kLength, kChunkLine, kChunk, kTrailer };

  Result<bool> read_head(std::string_view& bytes);
  Result<bool> read_chunk_line(std::string_view& bytes);
  bool skip_body(std::string_view& bytes);
  bool skip_trailer(std::string_view& bytes);

  Body body_ = Body::kHead;
  int status_ = 0;
  std::size_t remaining_ = 0;
};

}  // namespace pushwire::bench
