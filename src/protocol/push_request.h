// PushRequest: the JSON of POST /v1/push and /v1/push/batch as values (docs/openapi.yaml).
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

#include "base/result.h"
#include "protocol/payload.h"
#include "protocol/text.h"

namespace pushwire::protocol {

inline constexpr std::size_t kMaxTargetUsers = 1000;
inline constexpr std::size_t kMaxBatchPushes = 1000;
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
};

struct PushError {
  int status = 422;                 // 400 or 422
  std::string_view code;            // one of the constants below
  std::string message;              // for people
  std::string field;                // "to.users[3]"; empty when no field is to blame
  std::optional<std::size_t> byte;  // with 400: offset in the body (NDJSON: in the line)
};

inline constexpr std::string_view kBadJson = "bad_json";                  // 400
inline constexpr std::string_view kDuplicateMember = "duplicate_member";  // 400
inline constexpr std::string_view kInvalid = "invalid";                   // 422

Result<PushRequest, PushError> parse_push(std::string_view body);

struct BatchItem {
  std::string_view body;  // the bytes of this push alone, for "same id, same body"
  Result<PushRequest, PushError> push;
};

// {"pushes":[...]}. The error is that of the whole request; an item that is JSON but no valid push is told in its own.
Result<std::vector<BatchItem>, PushError> parse_batch(std::string_view body);

// One push a line; lines end with LF or CRLF, blank ones do not count.
Result<std::vector<BatchItem>, PushError> parse_ndjson_batch(std::string_view body);

}  // namespace pushwire::protocol
