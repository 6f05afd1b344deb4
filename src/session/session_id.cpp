#include "session/session_id.h"

#include <sys/random.h>

#include <algorithm>

#include "base/base64.h"
#include "base/check.h"

namespace pushwire::session {

std::string SessionId::to_string() const {
  return base64url_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::optional<SessionId> SessionId::parse(std::string_view text) {
  if (text.size() != kTextSize) {
    return std::nullopt;
  }
  const auto decoded = base64url_decode(text);
  if (!decoded) {
    return std::nullopt;
  }
  SessionId id;
  std::memcpy(id.bytes.data(), decoded->data(), id.bytes.size());
  return id;
}

SessionId RandomIds::next() {
  SessionId id;
  if (used_ + id.bytes.size() > pool_.size()) {
    // getrandom() gives up to 256 bytes whole; more could be cut short by a signal.
    for (std::size_t at = 0; at < pool_.size(); at += 256) {
      PW_CHECK(getrandom(pool_.data() + at, 256, 0) == 256);
    }
    used_ = 0;
  }
  std::memcpy(id.bytes.data(), pool_.data() + used_, id.bytes.size());
  std::fill_n(pool_.begin() + static_cast<std::ptrdiff_t>(used_), id.bytes.size(), static_cast<unsigned char>(0));
  used_ += id.bytes.size();
  return id;
}

}  // namespace pushwire::session
