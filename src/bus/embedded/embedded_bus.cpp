#include "bus/embedded/embedded_bus.h"

namespace pushwire::bus {

// Counted before the sink is looked at: either stop() sees the call, or the call sees that the bus was stopped.
class EmbeddedBus::Call {
 public:
  explicit Call(EmbeddedBus& bus) : bus_(bus) { bus_.calls_.fetch_add(1); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    bus_.calls_.fetch_sub(1);
    bus_.calls_.notify_all();
  }

 private:
  EmbeddedBus& bus_;
};

Result<> EmbeddedBus::start(EnvelopeSink& sink, PublishListener&) {
  sink_.store(&sink, std::memory_order_release);
  return {};
}

std::optional<PublishOutcome> EmbeddedBus::publish(Envelope&& envelope, PublishTicket) {
  const Call call(*this);
  EnvelopeSink* sink = sink_.load();
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

void EmbeddedBus::stop() {
  sink_.store(nullptr);
  for (std::uint32_t calls = calls_.load(); calls != 0; calls = calls_.load()) {
    calls_.wait(calls);
  }
}

}  // namespace pushwire::bus
