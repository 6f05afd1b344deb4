// EmbeddedBus: the bus of a node that is alone. An envelope goes straight back into the sink, on the caller's thread.
// Nothing is stored: what was accepted is in the mailboxes of all workers concerned (docs/delivery.md).
// Any thread. Lifetime: outlives its callers.
#pragma once

#include <atomic>
#include <cstdint>

#include "bus/bus.h"

namespace pushwire::bus {

class EmbeddedBus final : public Bus {
 public:
  Result<> start(EnvelopeSink& sink, PublishListener& listener) override;
  std::optional<PublishOutcome> publish(Envelope&& envelope, PublishTicket ticket) override;
  void resume() override {}
  Health health() const override;
  Capabilities capabilities() const override { return {.ordered = true}; }
  // Waits for calls that are under way: not to be called by the sink.
  void stop() override;

 private:
  class Call;

  std::atomic<EnvelopeSink*> sink_{nullptr};  // null: not started, or stopped
  std::atomic<std::uint32_t> calls_{0};       // publish() calls under way, which stop() waits for
};

}  // namespace pushwire::bus
