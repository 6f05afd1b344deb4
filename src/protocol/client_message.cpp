#include "protocol/client_message.h"

#include <utility>

#include "protocol/members.h"
#include "protocol/names.h"

namespace pushwire::protocol {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"type", "topic", "id"};
enum Name : std::size_t { kType, kTopic, kId };

constexpr std::array<std::pair<std::string_view, ClientMessageKind>, 4> kKinds = {{
    {"ping", ClientMessageKind::kPing},
    {"subscribe", ClientMessageKind::kSubscribe},
    {"unsubscribe", ClientMessageKind::kUnsubscribe},
    {"ack", ClientMessageKind::kAck},
}};

using Parsed = Result<ClientMessage, ClientMessageFault>;

Parsed bad_message(std::string_view message) {
  return tl::unexpected(ClientMessageFault{kBadMessage, message, std::nullopt});
}

Parsed with_topic(ClientMessageKind kind, const Member& member) {
  std::optional<Text> topic = text_of(member);
  if (member.kind != JsonKind::kString) {
    return bad_message("the member \"topic\" must be there and be a string");
  }
  if (topic && is_valid_topic(topic->view())) {
    return ClientMessage{kind, std::move(*topic)};
  }
  ClientMessageFault fault{kTopicInvalid, "a topic is 1 to 128 bytes of A-Z a-z 0-9 . _ : - /", std::nullopt};
  if (topic && topic->view().size() <= kMaxTopicBytes) {
    fault.topic = std::string(topic->view());
  }
  return tl::unexpected(std::move(fault));
}

Parsed with_id(const Member& member) {
  std::optional<Text> id = text_of(member);
  if (!id || !is_valid_message_id(id->view())) {
    return bad_message("the member \"id\" must be there and be the id of a message");
  }
  return ClientMessage{ClientMessageKind::kAck, std::move(*id)};
}

}  // namespace

Parsed parse_client_message(std::string_view text) {
  JsonReader reader(text);
  if (reader.peek() != JsonKind::kObject) {
    return bad_message(reader.failed() ? "the message is not JSON" : "the message must be a JSON object");
  }
  const Members<kNames.size()> members = read_members(reader, kNames);
  if (!reader.finish()) {
    return bad_message("the message is not JSON");
  }
  if (members.repeated) {
    return bad_message("a member is there twice");
  }
  const std::optional<Text> type = text_of(members[kType]);
  if (!type) {
    return bad_message("the member \"type\" must be there and be a string");
  }
  const auto* found =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& entry) { return entry.first == type->view(); });
  if (found == kKinds.end()) {
    return bad_message("\"type\" must be \"ping\", \"subscribe\", \"unsubscribe\" or \"ack\"");
  }
  switch (found->second) {
    case ClientMessageKind::kSubscribe:
    case ClientMessageKind::kUnsubscribe:
      return with_topic(found->second, members[kTopic]);
    case ClientMessageKind::kAck:
      return with_id(members[kId]);
    case ClientMessageKind::kPing:
      break;
  }
  return ClientMessage{ClientMessageKind::kPing, Text()};
}

}  // namespace pushwire::protocol
