// Disconnect: why a connection ended, and the one table of close codes (RFC 6455 7.4, docs/protocol.md).
// 3000-3499 and 4000-4499 tell a client to reconnect with back-off, 3500-3999 and 4500-4999 not to.
// Values, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pushwire::protocol {

enum class Disconnect : std::uint8_t {
  kNormal,
  kGoingAway,
  kProtocolError,
  kUnsupportedData,
  kNoStatus,
  kAbnormal,
  kInvalidUtf8,
  kPolicyViolation,
  kTooBig,
  kExtensionMissing,
  kInternal,
  kShutdown,
  kTokenExpired,
  kSlowClient,
  kNoHeartbeat,
  kTokenRevoked,
  kBadRequest,
  kKicked,
  kDisplaced,
  kOther,
};

enum class Reconnect : std::uint8_t { kYes, kNo };

struct DisconnectEntry {
  Disconnect disconnect;
  std::uint16_t code;       // 0 for kOther
  std::string_view label;   // of the metric pushwire_disconnects_total
  std::string_view reason;  // of the close frame; at most 123 bytes
  Reconnect reconnect;      // what a client should do
};

// In the order of the enum. 1005 and 1006 never travel (RFC 6455 7.4.1): they say that a close frame was empty or that
// none came. 1001, 1008 and 1010 are only received. kOther is any further code that a peer may send.
inline constexpr std::array kDisconnects = {
    DisconnectEntry{Disconnect::kNormal, 1000, "1000", "", Reconnect::kNo},
    DisconnectEntry{Disconnect::kGoingAway, 1001, "1001", "going away", Reconnect::kYes},
    DisconnectEntry{Disconnect::kProtocolError, 1002, "1002", "protocol error", Reconnect::kNo},
    DisconnectEntry{Disconnect::kUnsupportedData, 1003, "1003", "binary messages are not accepted", Reconnect::kNo},
    DisconnectEntry{Disconnect::kNoStatus, 1005, "1005", "", Reconnect::kYes},
    DisconnectEntry{Disconnect::kAbnormal, 1006, "1006", "", Reconnect::kYes},
    DisconnectEntry{Disconnect::kInvalidUtf8, 1007, "1007", "text is not valid UTF-8", Reconnect::kNo},
    DisconnectEntry{Disconnect::kPolicyViolation, 1008, "1008", "policy violation", Reconnect::kNo},
    DisconnectEntry{Disconnect::kTooBig, 1009, "1009", "message too big", Reconnect::kNo},
    DisconnectEntry{Disconnect::kExtensionMissing, 1010, "1010", "extension missing", Reconnect::kNo},
    DisconnectEntry{Disconnect::kInternal, 1011, "1011", "internal error", Reconnect::kYes},
    DisconnectEntry{Disconnect::kShutdown, 3001, "3001", "shutdown", Reconnect::kYes},
    DisconnectEntry{Disconnect::kTokenExpired, 3005, "3005", "token expired", Reconnect::kYes},
    DisconnectEntry{Disconnect::kSlowClient, 3008, "3008", "slow client", Reconnect::kYes},
    DisconnectEntry{Disconnect::kNoHeartbeat, 3012, "3012", "no heartbeat", Reconnect::kYes},
    DisconnectEntry{Disconnect::kTokenRevoked, 3500, "3500", "token revoked or invalid", Reconnect::kNo},
    DisconnectEntry{Disconnect::kBadRequest, 3501, "3501", "bad request", Reconnect::kNo},
    DisconnectEntry{Disconnect::kKicked, 3503, "3503", "kicked", Reconnect::kNo},
    DisconnectEntry{Disconnect::kDisplaced, 4501, "4501", "displaced by a newer connection", Reconnect::kNo},
    DisconnectEntry{Disconnect::kOther, 0, "other", "", Reconnect::kYes},
};

constexpr const DisconnectEntry& entry_of(Disconnect disconnect) noexcept {
  return kDisconnects[static_cast<std::size_t>(disconnect)];
}
constexpr std::uint16_t code_of(Disconnect disconnect) noexcept {
  return entry_of(disconnect).code;
}
constexpr std::string_view label_of(Disconnect disconnect) noexcept {
  return entry_of(disconnect).label;
}
constexpr std::string_view reason_of(Disconnect disconnect) noexcept {
  return entry_of(disconnect).reason;
}
constexpr Reconnect reconnect_of(Disconnect disconnect) noexcept {
  return entry_of(disconnect).reconnect;
}

// The entry of a received code; kOther for one that is not in the table.
Disconnect disconnect_from_code(std::uint16_t code) noexcept;

}  // namespace pushwire::protocol
