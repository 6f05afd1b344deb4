#include "session/user_session.h"

#include <cstring>
#include <new>

#include "session/channel_session.h"

namespace pushwire::session {

UserSession::Owner UserSession::create(std::string_view user) {
  void* memory = ::operator new(sizeof(UserSession) + user.size());
  Owner owner(new (memory) UserSession(static_cast<std::uint32_t>(user.size())));
  std::memcpy(static_cast<void*>(owner.get() + 1), user.data(), user.size());
  return owner;
}

void UserSession::Deleter::operator()(UserSession* user) const noexcept {
  user->~UserSession();
  ::operator delete(user);
}

void UserSession::add(ChannelSession& session) noexcept {
  session.older_ = newest_;
  session.newer_ = nullptr;
  (newest_ == nullptr ? oldest_ : newest_->newer_) = &session;
  newest_ = &session;
  ++count_;
}

void UserSession::remove(ChannelSession& session) noexcept {
  (session.older_ == nullptr ? oldest_ : session.older_->newer_) = session.newer_;
  (session.newer_ == nullptr ? newest_ : session.newer_->older_) = session.older_;
  session.older_ = nullptr;
  session.newer_ = nullptr;
  --count_;
}

}  // namespace pushwire::session
