#include "protocol/disconnect.h"

#include <algorithm>

namespace pushwire::protocol {
namespace {

constexpr std::size_t kMaxReasonBytes = 123;  // RFC 6455 5.5: 125 bytes less the code

constexpr bool order_is_the_enum() {
  for (std::size_t i = 0; i < kDisconnects.size(); ++i) {
    if (static_cast<std::size_t>(kDisconnects[i].disconnect) != i || kDisconnects[i].reason.size() > kMaxReasonBytes) {
      return false;
    }
  }
  return kDisconnects.back().disconnect == Disconnect::kOther;
}
static_assert(order_is_the_enum());

// From 3000 on the code itself tells the client what to do, by thousands and their halves.
constexpr bool hints_follow_the_ranges() {
  return std::all_of(kDisconnects.begin(), kDisconnects.end(), [](const DisconnectEntry& entry) {
    return entry.code < 3000 || (entry.code % 1000 < 500) == (entry.reconnect == Reconnect::kYes);
  });
}
static_assert(hints_follow_the_ranges());

}  // namespace

Disconnect disconnect_from_code(std::uint16_t code) noexcept {
  const auto* found =
      std::find_if(kDisconnects.begin(), kDisconnects.end(), [code](const auto& entry) { return entry.code == code; });
  return found == kDisconnects.end() ? Disconnect::kOther : found->disconnect;
}

}  // namespace pushwire::protocol
