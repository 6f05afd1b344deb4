#include "protocol/server_message.h"

#include <cstring>

#include "base/json_writer.h"

namespace pushwire::protocol {
namespace {

constexpr std::string_view kBegin = R"({"type":"message","id":")";
constexpr std::string_view kEvent = R"(","event":")";
constexpr std::string_view kTopic = R"(","topic":")";

// From the last string's closing quote to the payload.
constexpr std::string_view before_payload(PayloadKind kind) noexcept {
  switch (kind) {
    case PayloadKind::kText:
      return R"(","text":)";
    case PayloadKind::kBinary:
      return R"(","base64":")";
    case PayloadKind::kJson:
      break;
  }
  return R"(","data":)";
}

constexpr std::string_view after_payload(PayloadKind kind) noexcept {
  return kind == PayloadKind::kBinary ? "\"}" : "}";
}

char* put(char* out, std::string_view bytes) noexcept {
  if (!bytes.empty()) {
    std::memcpy(out, bytes.data(), bytes.size());
  }
  return out + bytes.size();
}

std::string topic_text(std::string_view begin, std::string_view topic) {
  std::string out(begin);
  json_append_string(out, topic);
  out += '}';
  return out;
}

}  // namespace

std::string welcome_text(const WelcomeParts& parts) {
  std::string out = R"({"type":"welcome","session":)";
  json_append_string(out, parts.session);
  out += R"(,"user":)";
  json_append_string(out, parts.user);
  out += R"(,"node":)";
  json_append_string(out, parts.node);
  out += R"(,"heartbeat_ms":)";
  json_append_integer(out, parts.heartbeat_ms);
  out += R"(,"topics":[)";
  for (std::size_t i = 0; i < parts.topics.size(); ++i) {
    if (i > 0) {
      out += ',';
    }
    json_append_string(out, parts.topics[i]);
  }
  out += "]}";
  return out;
}

std::string subscribed_text(std::string_view topic) {
  return topic_text(R"({"type":"subscribed","topic":)", topic);
}
std::string unsubscribed_text(std::string_view topic) {
  return topic_text(R"({"type":"unsubscribed","topic":)", topic);
}
std::string_view pong_text() noexcept {
  return R"({"type":"pong"})";
}

std::string error_text(const ErrorParts& parts) {
  std::string out = R"({"type":"error","code":)";
  json_append_string(out, parts.code);
  out += R"(,"message":)";
  json_append_string(out, parts.message);
  if (parts.topic) {
    out += R"(,"topic":)";
    json_append_string(out, *parts.topic);
  }
  out += '}';
  return out;
}

std::size_t payload_offset(const MessageParts& parts) noexcept {
  std::size_t size = kBegin.size() + json_escaped_size(parts.id);
  if (parts.event) {
    size += kEvent.size() + json_escaped_size(*parts.event);
  }
  if (parts.topic) {
    size += kTopic.size() + json_escaped_size(*parts.topic);
  }
  return size + before_payload(parts.kind).size();
}

std::size_t message_size(const MessageParts& parts) noexcept {
  return payload_offset(parts) + parts.payload.size() + after_payload(parts.kind).size();
}

char* write_message(const MessageParts& parts, char* out) noexcept {
  out = json_write_escaped(put(out, kBegin), parts.id);
  if (parts.event) {
    out = json_write_escaped(put(out, kEvent), *parts.event);
  }
  if (parts.topic) {
    out = json_write_escaped(put(out, kTopic), *parts.topic);
  }
  out = put(put(out, before_payload(parts.kind)), parts.payload);
  return put(out, after_payload(parts.kind));
}

}  // namespace pushwire::protocol
