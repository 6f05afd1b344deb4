#include "hub/message.h"

#include "protocol/names.h"
#include "protocol/server_message.h"
#include "websocket/frame.h"

namespace pushwire::hub {
namespace {

Exclude exclude_of(const bus::Envelope& envelope) {
  if (!envelope.exclude_session.empty()) {
    const auto id = session::SessionId::parse(envelope.exclude_session);
    return id ? Exclude(*id) : Exclude();
  }
  return envelope.exclude_user.empty() ? Exclude() : Exclude(envelope.exclude_user);
}

}  // namespace

bool is_sound(const bus::Envelope& envelope) {
  return protocol::is_valid_message_id(envelope.id) && (!envelope.event || protocol::is_valid_event(*envelope.event)) &&
         (envelope.kind != bus::EnvelopeKind::kTopic || protocol::is_valid_topic(envelope.key)) &&
         protocol::is_valid_payload(envelope.payload_kind, envelope.payload);
}

Message::Message(const bus::Envelope& envelope)
    : exclude_(exclude_of(envelope)),
      received_ns_(envelope.received_ns),
      expires_at_ms_(envelope.ttl_ms == 0 ? 0 : envelope.born_ms + envelope.ttl_ms),
      kind_(envelope.payload_kind) {
  protocol::MessageParts parts;
  parts.id = envelope.id;
  parts.kind = kind_;
  parts.payload = envelope.payload;
  if (envelope.event) {
    parts.event = *envelope.event;
  }
  if (envelope.kind == bus::EnvelopeKind::kTopic) {
    parts.topic = envelope.key;
  }
  const std::size_t text_size = protocol::message_size(parts);
  const std::size_t header_size = websocket::frame_header_size(text_size);
  frame_ = SharedBuffer::build(header_size + text_size, [&](char* out) {
    char* text = websocket::write_frame_header(out, websocket::Opcode::kText, text_size);
    protocol::write_message(parts, text);
  });
  payload_offset_ = static_cast<std::uint32_t>(header_size + protocol::payload_offset(parts));
  payload_size_ = static_cast<std::uint32_t>(envelope.payload.size());
}

SharedBuffer Message::make_raw_frame() const {
  const std::string payload = protocol::raw_payload(kind_, frame_.view().substr(payload_offset_, payload_size_));
  const auto opcode = kind_ == protocol::PayloadKind::kBinary ? websocket::Opcode::kBinary : websocket::Opcode::kText;
  return websocket::encode_frame(opcode, payload);
}

bool Message::worker_done(std::uint64_t sockets) noexcept {
  sockets_.fetch_add(sockets, std::memory_order_relaxed);
  return workers_left_.fetch_sub(1, std::memory_order_acq_rel) == 1 && sockets_.load(std::memory_order_relaxed) > 0;
}

}  // namespace pushwire::hub
