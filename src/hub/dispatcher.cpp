#include "hub/dispatcher.h"

#include <algorithm>

namespace pushwire::hub {
namespace {

PublishStatus status_of(bus::PublishOutcome outcome) {
  switch (outcome) {
    case bus::PublishOutcome::kAccepted:
      return PublishStatus::kAccepted;
    case bus::PublishOutcome::kOverloaded:
      return PublishStatus::kOverloaded;
    case bus::PublishOutcome::kTooLarge:
      return PublishStatus::kTooLarge;
    case bus::PublishOutcome::kUnavailable:
      break;
  }
  return PublishStatus::kUnavailable;
}

}  // namespace

std::optional<PublishStatus> Dispatcher::publish(bus::Envelope&& envelope, const CallerId& caller_id,
                                                 bus::PublishTicket ticket) {
  std::string id;
  if (caller_id.body) {
    const Digest body = digest_of(*caller_id.body);
    if (others_ != nullptr) {
      envelope.body = body;
    }
    switch (dedup_.begin(envelope.id, body, monotonic_ms())) {
      case DedupVerdict::kDuplicate:
        return PublishStatus::kDuplicate;
      case DedupVerdict::kConflict:
        return PublishStatus::kConflict;
      case DedupVerdict::kBusy:
        return PublishStatus::kBusy;
      case DedupVerdict::kNew:
        id = envelope.id;
        break;
    }
  }
  const std::optional<bus::PublishOutcome> outcome = bus_.publish(std::move(envelope), ticket);
  if (!outcome) {
    return std::nullopt;
  }
  return settle(id, *outcome);
}

PublishStatus Dispatcher::settle(std::string_view id, bus::PublishOutcome outcome) {
  counters_.publish[metrics::index_of(outcome)].fetch_add(1, std::memory_order_relaxed);
  if (id.empty()) {
    return status_of(outcome);
  }
  const bool accepted = outcome == bus::PublishOutcome::kAccepted;
  switch (accepted ? dedup_.commit(id) : dedup_.abandon(id)) {
    case DedupEnd::kUsed:
      // It came from the bus: the bus has it, though it has not said so in time.
      return PublishStatus::kAccepted;
    case DedupEnd::kConflict:
      return PublishStatus::kConflict;
    case DedupEnd::kFree:
      break;
  }
  return status_of(outcome);
}

bus::Delivered Dispatcher::on_envelope(bus::Envelope&& envelope) {
  if (envelope.kind == bus::EnvelopeKind::kControl) {
    if (others_ != nullptr) {
      others_->on_control(envelope);
    }
    return bus::Delivered::kAccepted;
  }
  const std::int64_t lag_ms = std::max<std::int64_t>(wall_ms() - envelope.born_ms, 0);
  const bool callers_id = others_ != nullptr && envelope.body;
  if (callers_id && !is_sound(envelope)) {
    return bus::Delivered::kUnreadable;  // before it can use up an id
  }
  if (callers_id && !dedup_.deliver(envelope.id, *envelope.body, monotonic_ms())) {
    counters_.repeated.fetch_add(1, std::memory_order_relaxed);
    return bus::Delivered::kAccepted;
  }
  const RouteStatus status = router_.deliver(envelope, others_ != nullptr ? From::kElsewhere : From::kThisNode);
  if (status != RouteStatus::kAccepted) {
    if (callers_id) {
      dedup_.take_back(envelope.id);
    }
    return status == RouteStatus::kUnsound ? bus::Delivered::kUnreadable : bus::Delivered::kPause;
  }
  counters_.received.fetch_add(1, std::memory_order_relaxed);
  counters_.lag_ms.store(lag_ms, std::memory_order_relaxed);
  return bus::Delivered::kAccepted;
}

void Dispatcher::on_published(bus::PublishTicket ticket, bus::PublishOutcome outcome) {
  if (ticket.worker == kOtherNode) {
    return;  // what nodes say to each other: nobody waits for it
  }
  router_.post(ticket.worker, Published{ticket.call, outcome});
}

}  // namespace pushwire::hub
