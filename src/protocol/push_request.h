// PushRequest: the JSON of POST /v1/push as a value (docs/openapi.yaml). push_batch.h reads many of them.
// Values over the request body, which must outlive them: payloads are views into it and never copied, other strings
// are owned only where escapes had to be resolved. Any thread.
//
// Faults of one push are told in this order: not JSON (400), a member twice (400), an unknown member (422), then the
// members in the order of the documentation (422).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json_reader.h"
#include "base/result.h"
#include "protocol/payload.h"
#include "protocol/push_error.h"
#include "protocol/text.h"

namespace pushwire::protocol {

inline constexpr std::size_t kMaxTargetUsers = 1000;
inline constexpr std::int64_t kMaxTtlMs = 86'400'000;

struct ToUser {
  Text user;
};
struct ToUsers {
  std::vector<Text> users;  // 1 to 1000, each once, in the order of their first naming
};
struct ToTopic {
  Text topic;
};
struct ToSession {
  Text session;
};
struct ToAll {};
using PushTarget = std::variant<ToUser, ToUsers, ToTopic, ToSession, ToAll>;

struct ExcludeSession {
  Text session;
};
struct ExcludeUser {
  Text user;
};
using PushExclude = std::variant<ExcludeSession, ExcludeUser>;

struct PushRequest {
  PushTarget to;
  PayloadKind kind = PayloadKind::kJson;
  Text payload;  // as MessageParts::payload wants it
  std::optional<Text> event;
  std::optional<Text> id;
  std::optional<std::int64_t> ttl_ms;
  std::optional<PushExclude> exclude;
  std::string_view body;  // the bytes of this push alone, braces included: for "same id, same body"
};

Result<PushRequest, PushError> parse_push(std::string_view body);

// The push at the reader's cursor. `body` is what the reader reads, or where that is a part of; bytes count from there.
// When the text turns out to be no JSON, reader.failed() says so too.
Result<PushRequest, PushError> read_push(JsonReader& reader, std::string_view body);

}  // namespace pushwire::protocol
