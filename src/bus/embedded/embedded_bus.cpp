#include "bus/embedded/embedded_bus.h"

namespace pushwire::bus {

Result<> EmbeddedBus::start(EnvelopeSink& sink, PublishListener&) {
  sink_.store(&sink, std::memory_order_release);
  return {};
}

std::optional<PublishOutcome> EmbeddedBus::publish(Envelope&& envelope, PublishTicket) {
  EnvelopeSink* sink = sink_.load(std::memory_order_acquire);
  if (sink == nullptr) {
    return PublishOutcome::kUnavailable;
  }
  // There is no queue between publisher and sink: what the sink does not take now, the caller has to try again.
  return sink->on_envelope(std::move(envelope)) == Delivered::kAccepted ? PublishOutcome::kAccepted
                                                                       : PublishOutcome::kOverloaded;
}

Health EmbeddedBus::health() const {
  return sink_.load(std::memory_order_acquire) != nullptr ? Health{.up = true, .reason = {}}
                                                          : Health{.up = false, .reason = "the bus is stopped"};
}

void EmbeddedBus::stop() { sink_.store(nullptr, std::memory_order_release); }

}  // namespace pushwire::bus
