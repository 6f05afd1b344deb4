// The catalog: every metric family of the product and every closed list of label values, in one file.
// Names and labels are a promise to dashboards. Constants; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pushwire::metrics {

struct Family {
  std::string_view name;
  std::string_view help;
};

namespace family {
inline constexpr Family kConnections{"pushwire_connections", "Upgraded client connections of this node."};
inline constexpr Family kUsers{"pushwire_users", "Users with at least one connection to this node."};
inline constexpr Family kTopics{"pushwire_topics", "Topics with at least one subscriber on this node."};
inline constexpr Family kSubscriptions{"pushwire_subscriptions", "Topic subscriptions of this node."};
inline constexpr Family kHandshakes{"pushwire_handshakes_total",
                                    "Connection attempts on the client port by how they ended."};
inline constexpr Family kDisconnects{"pushwire_disconnects_total",
                                     "Ended connections by close code (1006: no close frame came)."};
inline constexpr Family kEvictions{"pushwire_evictions_total",
                                   "Connections closed because their user opened a newer one over the limit."};
inline constexpr Family kPushes{"pushwire_pushes_total", "Pushes asked for, by target and result."};
inline constexpr Family kDeliveries{"pushwire_deliveries_total",
                                    "Messages handed to a socket's outbox, one per message and socket."};
inline constexpr Family kDrops{"pushwire_drops_total", "Messages not delivered to a socket, by reason."};
inline constexpr Family kPushSeconds{"pushwire_push_seconds",
                                     "Time from a parsed push request to its last local write."};
inline constexpr Family kApiRequests{"pushwire_api_requests_total", "Server API requests by route and status."};
inline constexpr Family kOutboxBytes{"pushwire_outbox_bytes", "Bytes waiting for slow sockets, by worker."};
inline constexpr Family kMailboxBytes{"pushwire_mailbox_bytes",
                                      "Bytes of pushes that wait for a worker or are being fanned out by it."};
inline constexpr Family kLoopBusy{"pushwire_loop_busy_ratio", "Share of the last second a worker spent working."};
inline constexpr Family kPendingHandshakes{"pushwire_pending_handshakes",
                                           "Accepted connections that have not finished their handshake."};
inline constexpr Family kBusUp{"pushwire_bus_up", "1 while the bus can carry pushes."};
inline constexpr Family kBusPublish{"pushwire_bus_publish_total", "Envelopes given to the bus, by result."};
inline constexpr Family kBusReceive{"pushwire_bus_receive_total", "Envelopes received from the bus."};
inline constexpr Family kBusLag{"pushwire_bus_lag_seconds", "Age of the last envelope when it was received."};
inline constexpr Family kBusGaps{"pushwire_bus_gaps_total", "Times that envelopes may have been missed."};
inline constexpr Family kBusMissed{"pushwire_bus_missed_total", "Envelopes known to have been missed."};
inline constexpr Family kBusRepeated{"pushwire_bus_repeated_total",
                                     "Envelopes left out because they, or a push with the same id, had come before."};
inline constexpr Family kBusUnreadable{"pushwire_bus_unreadable_total",
                                       "Records of the bus skipped because they were damaged or of a later version."};
inline constexpr Family kBusStale{"pushwire_bus_stale_total",
                                  "Envelopes skipped after an outage because they were older than bus.max_replay_age."};
inline constexpr Family kBusReconnects{"pushwire_bus_reconnects_total", "Times that the bus came back."};
inline constexpr Family kBusWaiting{"pushwire_bus_waiting_bytes", "Bytes given to the bus and not confirmed yet."};
inline constexpr Family kClusterNodes{"pushwire_cluster_nodes",
                                      "Living nodes that this one hears of, itself included."};
inline constexpr Family kDedupForgotten{"pushwire_dedup_forgotten_total",
                                        "Push ids forgotten before dedup.window because dedup.max_ids was reached."};
inline constexpr Family kLostLogLines{"pushwire_lost_log_lines_total", "Log lines lost because stderr was too slow."};
inline constexpr Family kBuildInfo{"pushwire_build_info", "Always 1; the labels say what runs."};
inline constexpr Family kReloadSuccess{"pushwire_config_reload_success", "1 if the last configuration load was good."};
inline constexpr Family kCpuSeconds{"process_cpu_seconds_total", "User and system CPU time."};
inline constexpr Family kResidentBytes{"process_resident_memory_bytes", "Resident memory."};
inline constexpr Family kVirtualBytes{"process_virtual_memory_bytes", "Virtual memory."};
inline constexpr Family kOpenFds{"process_open_fds", "Open file descriptors."};
inline constexpr Family kMaxFds{"process_max_fds", "Most file descriptors the process may open."};
inline constexpr Family kStartTime{"process_start_time_seconds", "Start of the process, Unix time."};
}  // namespace family

// kUnknown: a push refused before its target was looked at.
enum class PushTarget : std::uint8_t { kUser, kUsers, kTopic, kSession, kAll, kUnknown };
inline constexpr std::array<std::string_view, 6> kPushTargetNames = {"user",    "users", "topic",
                                                                     "session", "all",   "unknown"};

enum class PushResult : std::uint8_t { kAccepted, kDuplicate, kInvalid, kOverloaded, kUnavailable };
inline constexpr std::array<std::string_view, 5> kPushResultNames = {"accepted", "duplicate", "invalid", "overloaded",
                                                                     "unavailable"};

// Why a message did not reach a socket it was meant for. A target that is not here is no drop.
enum class DropReason : std::uint8_t {
  kExpired,     // ttl_ms had passed before it could be handed to the outbox
  kSlowClient,  // the socket's outbox was full, or was dropped when the slow client was closed
  kClosing,     // the connection was already saying goodbye, or ended with the message still in its outbox
  kOverloaded,  // a worker's mailbox was full (the caller was told 503)
};
inline constexpr std::array<std::string_view, 4> kDropReasonNames = {"expired", "slow_client", "closing", "overloaded"};

// How a connection attempt ended: accepted, or the error code of the refusal.
enum class HandshakeResult : std::uint8_t {
  kAccepted,
  kNotFound,
  kMethodNotAllowed,
  kBadRequest,
  kHeadTooLarge,
  kTimeout,
  kUpgradeRequired,
  kDraining,
  kFull,
  kOverloaded,
  kOriginForbidden,
  kTokenMissing,
  kTokenInvalid,
  kTokenExpired,
  kUserMissing,
  kUserInvalid,
  kTopicInvalid,
  kTopicForbidden,
  kTopicLimit,
  kTooManyConnections,
  kNoDescriptors,  // turned away at the door: the process may open no more files
  kTls,            // TLS could not be agreed on
};
inline constexpr std::array<std::string_view, 22> kHandshakeResultNames = {"accepted",
                                                                           "not_found",
                                                                           "method_not_allowed",
                                                                           "bad_request",
                                                                           "head_too_large",
                                                                           "request_timeout",
                                                                           "upgrade_required",
                                                                           "draining",
                                                                           "full",
                                                                           "overloaded",
                                                                           "origin_forbidden",
                                                                           "token_missing",
                                                                           "token_invalid",
                                                                           "token_expired",
                                                                           "user_missing",
                                                                           "user_invalid",
                                                                           "topic_invalid",
                                                                           "topic_forbidden",
                                                                           "topic_limit",
                                                                           "too_many_connections",
                                                                           "no_descriptors",
                                                                           "tls"};
static_assert(!kHandshakeResultNames.back().empty());

enum class PublishResult : std::uint8_t { kAccepted, kOverloaded, kUnavailable, kTooLarge };
inline constexpr std::array<std::string_view, 4> kPublishResultNames = {"accepted", "overloaded", "unavailable",
                                                                        "too_large"};

template <class E>
constexpr std::size_t index_of(E value) noexcept {
  return static_cast<std::size_t>(value);
}

}  // namespace pushwire::metrics
