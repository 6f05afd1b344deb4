#include "session/upgrade_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "http/query.h"
#include "protocol/names.h"
#include "websocket/handshake.h"

namespace pushwire::session {
namespace {

using metrics::HandshakeResult;

constexpr std::string_view kSubprotocol = "pushwire.v1";
constexpr std::string_view kTokenPrefix = "bearer.";

tl::unexpected<Refusal> refuse(HandshakeResult result, int status, std::string message) {
  return tl::unexpected(Refusal{result, status, std::move(message)});
}

tl::unexpected<Refusal> malformed(std::string message) {
  return refuse(HandshakeResult::kBadRequest, 400, std::move(message));
}

// What the client says in its query, each key at most once.
struct Wishes {
  std::optional<std::string> token;
  std::optional<std::string> user;
  std::string device;
  std::string topics;
  MessageFormat format = MessageFormat::kPlain;
};

Result<Wishes, Refusal> read_query(const http::Request& request) {
  const auto query = http::Query::parse(request.query);
  if (!query) {
    return malformed(query.error().message);
  }
  for (const std::string_view key : {"token", "user", "device", "topics", "format"}) {
    if (query->count(key) > 1) {
      return malformed(fmt::format("the query names '{}' twice", key));
    }
  }
  const auto text = [&](std::string_view key) { return std::optional<std::string>(query->find(key)); };
  Wishes wishes;
  wishes.token = text("token");
  wishes.user = text("user");
  wishes.device = text("device").value_or("");
  wishes.topics = text("topics").value_or("");
  if (!protocol::is_valid_device(wishes.device)) {
    return malformed("device: at most 64 bytes of UTF-8 without control characters are expected");
  }
  const std::string format = text("format").value_or("plain");
  if (format != "plain" && format != "raw") {
    return malformed("format: 'raw' is expected, or nothing");
  }
  wishes.format = format == "raw" ? MessageFormat::kRaw : MessageFormat::kPlain;
  return wishes;
}

struct Offer {
  bool knows_us = false;                  // names our subprotocol
  std::optional<std::string_view> token;  // T of bearer.T
};

Result<Offer, Refusal> read_subprotocols(const http::Request& request) {
  websocket::Subprotocols names;
  for (const std::string_view line : request.values("Sec-WebSocket-Protocol")) {
    if (const auto added = names.add(line); !added) {
      return malformed(added.error().message);
    }
  }
  const auto all = names.names();
  const auto tokens =
      std::count_if(all.begin(), all.end(), [](std::string_view n) { return n.starts_with(kTokenPrefix); });
  Offer offer{names.contains(kSubprotocol), names.after_prefix(kTokenPrefix)};
  if (tokens > 1) {
    return malformed("Sec-WebSocket-Protocol: one bearer token is expected, not several");
  }
  if (tokens == 1 && !offer.knows_us) {
    return malformed("Sec-WebSocket-Protocol: a bearer token is expected beside 'pushwire.v1', not alone");
  }
  return offer;
}

bool wants_websocket(const http::Request& request) {
  for (const std::string_view value : request.values("Upgrade")) {
    if (websocket::has_token(value, "websocket")) {
      return request.upgrade;
    }
  }
  return false;
}

Result<void, Refusal> check_headers(const http::Request& request) {
  if (!wants_websocket(request)) {
    return refuse(HandshakeResult::kUpgradeRequired, 426, "a WebSocket handshake is expected here (RFC 6455)");
  }
  if (request.version_minor < 1 || request.has_body) {
    return malformed("a WebSocket handshake is an HTTP/1.1 GET without a body");
  }
  const auto key = request.header("Sec-WebSocket-Key");
  if (request.count("Sec-WebSocket-Key") != 1 || !websocket::is_valid_key(*key)) {
    return malformed("Sec-WebSocket-Key: the base64 of 16 bytes is expected, once");
  }
  if (request.count("Authorization") > 1) {
    return malformed("Authorization: one header is expected, not several");
  }
  if (request.count("Sec-WebSocket-Version") != 1 || request.header("Sec-WebSocket-Version") != "13") {
    return refuse(HandshakeResult::kUpgradeRequired, 426, "Sec-WebSocket-Version: 13 is expected");
  }
  return {};
}

HandshakeResult result_of(TokenFault fault) {
  switch (fault) {
    case TokenFault::kTokenMissing:
      return HandshakeResult::kTokenMissing;
    case TokenFault::kTokenExpired:
      return HandshakeResult::kTokenExpired;
    case TokenFault::kUserMissing:
      return HandshakeResult::kUserMissing;
    case TokenFault::kUserInvalid:
      return HandshakeResult::kUserInvalid;
    case TokenFault::kTokenInvalid:
      break;
  }
  return HandshakeResult::kTokenInvalid;
}

bool covers(std::span<const std::string> patterns, std::string_view topic) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return protocol::pattern_matches(pattern, topic); });
}

Result<std::vector<std::string>, Refusal> read_topics(std::string_view text, const Identity& identity,
                                                      const UpgradePolicy& policy) {
  std::vector<std::string> topics;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view topic = text.substr(0, comma);
    if (!protocol::is_valid_topic(topic)) {
      return refuse(HandshakeResult::kTopicInvalid, 400,
                    "topics: each is 1 to 128 bytes of A-Z a-z 0-9 . _ : - /, separated by commas");
    }
    if (std::find(topics.begin(), topics.end(), topic) == topics.end()) {
      topics.emplace_back(topic);
    }
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    if (comma != std::string_view::npos && text.empty()) {
      return refuse(HandshakeResult::kTopicInvalid, 400, "topics: a topic is expected behind the last comma");
    }
  }
  for (const std::string& topic : topics) {
    if (!policy.topics.allows(topic) && !covers(identity.topics, topic)) {
      return refuse(HandshakeResult::kTopicForbidden, 403,
                    fmt::format("neither the token nor the configuration allows the topic {}", topic));
    }
  }
  if (topics.size() > policy.max_topics) {
    return refuse(HandshakeResult::kTopicLimit, 400, fmt::format("at most {} topics are allowed", policy.max_topics));
  }
  return topics;
}

}  // namespace

http::Response Refusal::response() const {
  http::Response response =
      http::json_error(status, metrics::kHandshakeResultNames[metrics::index_of(result)], message).and_close();
  switch (status) {
    case 401:
      return std::move(response).with("WWW-Authenticate", "Bearer");
    case 405:
      return std::move(response).with("Allow", "GET");
    case 426:
      return std::move(response).with("Upgrade", "websocket").with("Sec-WebSocket-Version", "13");
    case 429:
    case 503:
      return std::move(response).with("Retry-After", "1");
    default:
      return response;
  }
}

Refusal too_many_connections() {
  return {HandshakeResult::kTooManyConnections, 429, "this user has as many connections as allowed"};
}

Refusal refusal_of(Door door) {
  switch (door) {
    case Door::kDraining:
      return {HandshakeResult::kDraining, 503, "this node is shutting down: connect to another one"};
    case Door::kFull:
      return {HandshakeResult::kFull, 503, "this node has as many connections as it may have"};
    case Door::kOpen:
    case Door::kOverloaded:
      break;
  }
  return {HandshakeResult::kOverloaded, 503, "this node has too many handshakes to do: try again"};
}

Result<PendingUpgrade, Refusal> check_upgrade(const http::Request& request, const UpgradePolicy& policy, Door door,
                                              std::int64_t now_s) {
  if (request.method != http::Method::kGet) {
    return refuse(HandshakeResult::kMethodNotAllowed, 405, "only GET is expected here");
  }
  auto wishes = read_query(request);
  if (!wishes) {
    return tl::unexpected(std::move(wishes.error()));
  }
  const auto offer = read_subprotocols(request);
  if (!offer) {
    return tl::unexpected(offer.error());
  }
  if (const auto headers = check_headers(request); !headers) {
    return tl::unexpected(headers.error());
  }
  if (door != Door::kOpen) {
    return tl::unexpected(refusal_of(door));
  }
  if (!policy.origins.allows(request.header("Origin"), request.count("Origin"))) {
    return refuse(HandshakeResult::kOriginForbidden, 403, "this origin is not in client.allowed_origins");
  }
  auto identity = policy.authenticator.authenticate(
      {request.header("Authorization"), offer->token, wishes->token, wishes->user}, now_s);
  if (!identity) {
    return refuse(result_of(identity.error().fault), 401, std::string(identity.error().text));
  }
  auto topics = read_topics(wishes->topics, *identity, policy);
  if (!topics) {
    return tl::unexpected(std::move(topics.error()));
  }
  PendingUpgrade upgrade;
  upgrade.response = websocket::write_response(websocket::accept_key(*request.header("Sec-WebSocket-Key")),
                                               offer->knows_us ? kSubprotocol : std::string_view{});
  upgrade.user = std::move(identity->user);
  upgrade.device = std::move(wishes->device);
  upgrade.topics = std::move(*topics);
  upgrade.patterns = std::move(identity->topics);
  upgrade.expires_at = identity->expires_at;
  upgrade.format = wishes->format;
  return upgrade;
}

}  // namespace pushwire::session
