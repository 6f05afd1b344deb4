#include "bus/embedded/embedded_bus.h"

namespace pushwire::bus {

Result<> EmbeddedBus::start(EnvelopeSink& sink, PublishListener&) {
  sink_.store(&sink);
  gate_.open();
  return {};
}

std::optional<PublishOutcome> EmbeddedBus::publish(Envelope&& envelope, PublishTicket) {
  const CallGate::Call call(gate_);
  if (!call) {
    return PublishOutcome::kUnavailable;
  }
  // There is no queue between publisher and sink: what the sink does not take now, the caller has to try again.
  return sink_.load()->on_envelope(std::move(envelope)) == Delivered::kAccepted ? PublishOutcome::kAccepted
                                                                                : PublishOutcome::kOverloaded;
}

Health EmbeddedBus::health() const {
  return gate_.is_open() ? Health{.up = true, .reason = {}} : Health{.up = false, .reason = "the bus is stopped"};
}

void EmbeddedBus::stop() {
  gate_.close();
}

}  // namespace pushwire::bus
