#include "bench/wire.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "websocket/mask.h"

namespace pushwire::bench {
namespace {

constexpr std::uint64_t kMaxFrame = 16 * 1024 * 1024;
constexpr std::size_t kMaxHead = 64 * 1024;
constexpr websocket::MaskKey kKey = {'\x37', '\x21', '\x5a', '\x3d'};

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

// The value of a header in a head; empty when it is not there.
std::string_view header(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const std::size_t colon = line.find(':');
    if (colon != line.npos && equals_ignoring_case(line.substr(0, colon), name)) {
      const std::size_t first = line.find_first_not_of(" \t", colon + 1);
      return first == line.npos ? std::string_view() : line.substr(first);
    }
  }
  return {};
}

}  // namespace

Result<std::optional<ServerFrame>> next_server_frame(std::string_view& bytes) {
  if (bytes.size() < 2) {
    return std::nullopt;
  }
  if ((byte_at(bytes, 0) & 0x70) != 0 || (byte_at(bytes, 1) & 0x80) != 0) {
    return fail("the server sent a frame that is masked or has reserved bits");
  }
  std::uint64_t length = byte_at(bytes, 1);
  const std::size_t extended = length == 126 ? 2 : (length == 127 ? 8 : 0);
  if (bytes.size() < 2 + extended) {
    return std::nullopt;
  }
  if (extended > 0) {
    length = 0;
    for (std::size_t i = 0; i < extended; ++i) {
      length = length << 8 | byte_at(bytes, 2 + i);
    }
  }
  if (length > kMaxFrame) {
    return fail("the server sent a frame of more than 16 MiB");
  }
  if (bytes.size() - 2 - extended < length) {
    return std::nullopt;
  }
  const ServerFrame frame{static_cast<websocket::Opcode>(byte_at(bytes, 0) & 0x0f), bytes.substr(2 + extended, length)};
  bytes.remove_prefix(2 + extended + length);
  return frame;
}

std::string client_frame(websocket::Opcode opcode, std::string_view payload) {
  const std::size_t head = websocket::frame_header_size(payload.size());
  std::string frame(head, '\0');
  (void)websocket::write_frame_header(frame.data(), opcode, payload.size());  // only tells where the payload goes
  frame[1] = static_cast<char>(static_cast<unsigned char>(frame[1]) | 0x80U);
  frame.append(kKey.data(), kKey.size());
  const std::size_t begin = frame.size();
  frame += payload;
  (void)websocket::unmask(std::span(frame).subspan(begin), kKey);  // masking and unmasking are the same
  return frame;
}

Result<std::optional<int>> AnswerReader::next(std::string_view& bytes) {
  while (true) {
    bool went_on = false;
    if (body_ == Body::kHead || body_ == Body::kChunkLine) {
      const Result<bool> read = body_ == Body::kHead ? read_head(bytes) : read_chunk_line(bytes);
      if (!read) {
        return tl::unexpected(read.error());
      }
      went_on = *read;
    } else if (body_ == Body::kTrailer) {
      went_on = skip_trailer(bytes);
    } else {
      went_on = skip_body(bytes);
    }
    if (!went_on) {
      return std::nullopt;
    }
    if (body_ == Body::kHead && status_ >= 200) {
      return status_;
    }
  }
}

Result<bool> AnswerReader::read_head(std::string_view& bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == bytes.npos) {
    return bytes.size() > kMaxHead ? Result<bool>(fail("an HTTP answer has more than 64 KiB of headers")) : false;
  }
  const std::string_view head = bytes.substr(0, end);
  bytes.remove_prefix(end + 4);
  if (!head.starts_with("HTTP/1.") || head.size() < 12 ||
      std::from_chars(head.data() + 9, head.data() + 12, status_).ec != std::errc{}) {
    return fail("what answered does not speak HTTP/1");
  }
  if (equals_ignoring_case(header(head, "transfer-encoding"), "chunked")) {
    body_ = Body::kChunkLine;
    return true;
  }
  const std::string_view length = header(head, "content-length");
  remaining_ = 0;
  if (!length.empty() && std::from_chars(length.data(), length.data() + length.size(), remaining_).ec != std::errc{}) {
    return fail("an HTTP answer has a bad Content-Length");
  }
  body_ = status_ >= 200 && remaining_ > 0 ? Body::kLength : Body::kHead;
  return true;
}

Result<bool> AnswerReader::read_chunk_line(std::string_view& bytes) {
  const std::size_t end = bytes.find("\r\n");
  if (end == bytes.npos) {
    return false;
  }
  std::size_t size = 0;
  if (std::from_chars(bytes.data(), bytes.data() + end, size, 16).ec != std::errc{} || size > kMaxFrame) {
    return fail("an HTTP answer has a bad chunk");
  }
  bytes.remove_prefix(end + 2);
  remaining_ = size + 2;  // and the line end behind it
  body_ = size == 0 ? Body::kTrailer : Body::kChunk;
  return true;
}

bool AnswerReader::skip_body(std::string_view& bytes) {
  const std::size_t skipped = std::min(remaining_, bytes.size());
  bytes.remove_prefix(skipped);
  remaining_ -= skipped;
  if (remaining_ > 0) {
    return false;
  }
  body_ = body_ == Body::kLength ? Body::kHead : Body::kChunkLine;
  return true;
}

bool AnswerReader::skip_trailer(std::string_view& bytes) {
  const std::size_t end = bytes.find("\r\n");
  if (end == bytes.npos) {
    return false;
  }
  bytes.remove_prefix(end + 2);
  body_ = end == 0 ? Body::kHead : Body::kTrailer;
  return true;
}

}  // namespace pushwire::bench
