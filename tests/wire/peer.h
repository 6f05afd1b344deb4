// Peer: one end of a connection to the node under test: what it reads, and whether that is what the transcript says.
// It knows HTTP answers until 101, frames after it. Thread: the test's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/fd.h"

namespace pushwire::wire {

enum class Port : std::uint8_t { kClient, kApi };

class Peer {
 public:
  Peer(net::Fd fd, Port port) : fd_(std::move(fd)), port_(port) {}

  // Bytes taken by the kernel; all of them when the other end has gone.
  std::size_t write(std::string_view bytes);
  // True when something came: bytes, or the end.
  bool read();
  void hold(bool held) noexcept { held_ = held; }
  void shut_down();

  // Takes what `wanted` describes off what was read, or says how it differs.
  Result<> expect(std::string_view wanted);
  // What was read and nobody expected; "" for nothing.
  std::string unexpected() const;
  // Everything that was read, taken off.
  std::string take() { return std::exchange(inbox_, {}); }
  // Of the last welcome.
  const std::string& session() const noexcept { return session_; }

 private:
  struct Frame {
    std::size_t opcode = 0;
    bool fin = true;
    std::string_view payload;  // in inbox_
    std::size_t size = 0;      // of the whole frame
  };
  struct Response {
    std::size_t status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    const std::string* header(std::string_view name) const;
  };

  Result<> expect_response(std::size_t status);
  Result<> expect_upgrade();
  Result<> expect_status(std::string_view arguments);
  Result<> expect_header(std::string_view arguments, bool present) const;
  Result<> expect_eof();
  Result<> expect_frame(std::string_view word, std::string_view arguments);
  Result<> expect_close(const Frame& frame, std::string_view arguments) const;
  Result<> expect_texts(std::string_view pattern);
  Result<Frame> next_frame() const;
  void note_welcome(const Frame& frame);

  net::Fd fd_;
  Port port_;
  bool held_ = false;
  bool upgraded_ = false;
  bool eof_ = false;    // read and not yet expected
  bool ended_ = false;  // read
  std::string inbox_;
  Response response_;
  std::string session_;
};

}  // namespace pushwire::wire
