// UserSession: all channel sessions of one user on this node, oldest first. One allocation with the user id behind it.
// Thread: the user's home worker. Lifetime: from the user's first channel session to the end of the last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace pushwire::session {

class ChannelSession;

class UserSession {
 public:
  struct Deleter {
    void operator()(UserSession* user) const noexcept;
  };
  using Owner = std::unique_ptr<UserSession, Deleter>;

  // Requires: a valid user id (at most 128 bytes).
  static Owner create(std::string_view user);

  std::string_view user() const noexcept { return {reinterpret_cast<const char*>(this + 1), size_}; }
  std::uint32_t count() const noexcept { return count_; }
  ChannelSession* oldest() const noexcept { return oldest_; }

  // Appends as the newest.
  void add(ChannelSession& session) noexcept;
  void remove(ChannelSession& session) noexcept;

 private:
  explicit UserSession(std::uint32_t size) noexcept : size_(size) {}

  ChannelSession* oldest_ = nullptr;
  ChannelSession* newest_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint32_t size_;
};

static_assert(sizeof(UserSession) == 24, "16 ends of the list, 8 counts; the user id follows");

}  // namespace pushwire::session
