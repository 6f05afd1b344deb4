// SessionId: 128 random bits that name one channel session in the whole cluster. Unguessable, so that knowing it is a
// right to it. Value type; any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace pushwire::session {

struct SessionId {
  static constexpr std::size_t kTextSize = 22;  // base64url without padding

  std::array<unsigned char, 16> bytes{};

  std::string to_string() const;
  // Empty when `text` is not the canonical form.
  static std::optional<SessionId> parse(std::string_view text);
  // The bits are random already.
  std::size_t hash() const noexcept {
    std::size_t value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  friend auto operator<=>(const SessionId&, const SessionId&) = default;
};

// Makes ids from the operating system's generator, read in blocks. Thread: the owner's.
class RandomIds {
 public:
  SessionId next();

 private:
  std::array<unsigned char, 1024> pool_{};
  std::size_t used_ = sizeof pool_;
};

}  // namespace pushwire::session
