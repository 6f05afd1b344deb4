// EmbeddedBus: the bus of a node that is alone. An envelope goes straight back into the sink, on the caller's thread.
// Nothing is stored: what was accepted is in the mailboxes of all workers concerned (docs/delivery.md).
// Any thread. Lifetime: outlives its callers.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "bus/bus.h"
#include "bus/call_gate.h"

namespace pushwire::bus {

class EmbeddedBus final : public Bus {
 public:
  std::string_view name() const noexcept override { return "embedded"; }
  Result<> start(EnvelopeSink& sink, PublishListener& listener) override;
  std::optional<PublishOutcome> publish(Envelope&& envelope, PublishTicket ticket) override;
  Health health() const override;
  Capabilities capabilities() const override { return {.ordered = true}; }
  std::size_t largest_record() const noexcept override { return std::numeric_limits<std::size_t>::max(); }
  const BusCounters& counters() const noexcept override { return counters_; }
  // Waits for calls that are under way: not to be called by the sink.
  void stop() override;

 private:
  CallGate gate_;
  std::atomic<EnvelopeSink*> sink_{nullptr};
  BusCounters counters_;  // all 0 for ever
};

}  // namespace pushwire::bus
