// EmbeddedBus: the bus of a node that is alone. An envelope goes straight back into the sink, on the caller's thread.
// Nothing is stored: what was accepted is in the mailboxes of all workers concerned (docs/delivery.md).
// Any thread. Lifetime: outlives its callers.
#pragma once

#include <atomic>

#include "bus/bus.h"

namespace pushwire::bus {

class EmbeddedBus final : public Bus {
 public:
  Result<> start(EnvelopeSink& sink, PublishListener& listener) override;
  std::optional<PublishOutcome> publish(Envelope&& envelope, PublishTicket ticket) override;
  void resume() override {}
  Health health() const override;
  Capabilities capabilities() const override { return {.ordered = true}; }
  void stop() override;

 private:
  std::atomic<EnvelopeSink*> sink_{nullptr};  // null: not started, or stopped
};

}  // namespace pushwire::bus
