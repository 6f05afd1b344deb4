// Fuzzes what strangers send as JSON: client messages, pushes, batches and NDJSON. Nothing may crash, what is accepted
// must keep the rules, and payloads must be views into the body. libFuzzer entry; one thread. The input is the text.
#include "protocol/client_message.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "base/base64.h"
#include "base/check.h"
#include "base/json_reader.h"
#include "base/utf8.h"
#include "protocol/names.h"
#include "protocol/push_batch.h"
#include "protocol/push_request.h"
#include "protocol/server_message.h"

namespace {

using namespace pushwire::protocol;

bool is_json(std::string_view text) {
  pushwire::JsonReader reader(text);
  reader.skip_value();
  return reader.finish();
}

bool lies_within(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void check_client_message(std::string_view text) {
  const auto message = parse_client_message(text);
  if (!message) {
    const ClientMessageFault& fault = message.error();
    PW_CHECK(fault.code == kBadMessage || fault.code == kTopicInvalid);
    PW_CHECK(!fault.topic || (fault.topic->size() <= kMaxTopicBytes && pushwire::is_valid_utf8(*fault.topic)));
    PW_CHECK(is_json(error_text({fault.code, fault.message, fault.topic})));
    return;
  }
  PW_CHECK(is_json(text));
  const std::string_view value = message->value.view();
  switch (message->kind) {
    case ClientMessageKind::kPing:
      PW_CHECK(value.empty());
      return;
    case ClientMessageKind::kAck:
      PW_CHECK(is_valid_message_id(value));
      return;
    default:
      PW_CHECK(is_valid_topic(value));
  }
}

struct CheckTarget {
  void operator()(const ToUser& to) const { PW_CHECK(is_valid_user_id(to.user.view())); }
  void operator()(const ToUsers& to) const {
    std::set<std::string_view> once;
    for (const Text& user : to.users) {
      PW_CHECK(is_valid_user_id(user.view()) && once.insert(user.view()).second);
    }
    PW_CHECK(!once.empty() && once.size() <= kMaxTargetUsers);
  }
  void operator()(const ToTopic& to) const { PW_CHECK(is_valid_topic(to.topic.view())); }
  void operator()(const ToSession& to) const { PW_CHECK(is_valid_session_id(to.session.view())); }
  void operator()(const ToAll& /*to*/) const {}
};

void check_accepted(const PushRequest& push, std::string_view body) {
  PW_CHECK(lies_within(push.body, body) && is_json(push.body));
  PW_CHECK(push.payload.is_owned() ? push.kind == PayloadKind::kBinary : lies_within(push.payload.view(), push.body));
  PW_CHECK(push.kind == PayloadKind::kBinary ? pushwire::base64_decode(push.payload.view()).has_value()
                                             : is_json(push.payload.view()));
  PW_CHECK(!push.event || is_valid_event(push.event->view()));
  PW_CHECK(!push.id || is_valid_message_id(push.id->view()));
  PW_CHECK(!push.ttl_ms || (*push.ttl_ms >= 1 && *push.ttl_ms <= kMaxTtlMs));
  std::visit(CheckTarget{}, push.to);

  MessageParts parts{"m1", {}, "t", push.kind, push.payload.view()};
  if (push.event) {
    parts.event = push.event->view();
  }
  std::string text(message_size(parts), '?');
  PW_CHECK(write_message(parts, text.data()) == text.data() + text.size());
  PW_CHECK(is_json(text));
  const std::string slice = text.substr(payload_offset(parts), parts.payload.size());
  PW_CHECK(slice == parts.payload);
  const std::string raw = raw_payload(push.kind, slice);
  PW_CHECK(push.kind == PayloadKind::kBinary || pushwire::is_valid_utf8(raw));
}

void check_refused(const PushError& error, std::string_view body) {
  PW_CHECK(error.status == 400 || error.status == 422);
  PW_CHECK((error.status == 400) == error.byte.has_value());
  PW_CHECK(!error.byte || *error.byte <= body.size());
  PW_CHECK(pushwire::is_valid_utf8(error.field) && pushwire::is_valid_utf8(error.message));
  PW_CHECK(error.code != kBadJson || error.field.empty());
}

void check_batch(const pushwire::Result<PushBatch, PushError>& batch, std::string_view body) {
  if (!batch) {
    check_refused(batch.error(), body);
    return;
  }
  PW_CHECK(!batch->empty() && batch->size() <= kMaxBatchPushes);
  for (const auto& push : *batch) {
    push ? check_accepted(*push, body) : check_refused(push.error(), body);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_client_message(text);

  const auto push = parse_push(text);
  push ? check_accepted(*push, text) : check_refused(push.error(), text);
  PW_CHECK(is_json(text) == (push || push.error().code != kBadJson));

  const auto batch = parse_batch(text);
  check_batch(batch, text);
  PW_CHECK(is_json(text) == (batch || batch.error().code != kBadJson));
  check_batch(parse_ndjson_batch(text), text);
  return 0;
}
