// Dispatcher: between the API and the bus on one side, between the bus and the workers on the other.
//
// Out: checks the caller's id against those already used, and gives the envelope to the bus. In: leaves out callers'
// ids that came before, frames what the bus brings and routes it to the workers of this node. Any thread; begin_batch()
// to end_batch() on one. Lifetime: outlives the bus's threads and the workers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "bus/bus.h"
#include "hub/control_sink.h"
#include "hub/dedup_table.h"
#include "hub/router.h"
#include "metrics/catalog.h"

namespace pushwire::hub {

enum class PublishStatus : std::uint8_t {
  kAccepted,
  kDuplicate,    // accepted before, not delivered again
  kConflict,     // the id was used with another body
  kBusy,         // the same id is being published at this moment, and how that ends is not known yet
  kOverloaded,   // try again soon
  kUnavailable,  // the bus is away
  kTooLarge,     // the bus takes nothing as large
};

// Whether the id of an envelope is the caller's, and then the bytes of the push it stands for.
struct CallerId {
  std::optional<std::string_view> body;
};

struct DispatchCounters {
  std::array<std::atomic<std::uint64_t>, metrics::kPublishResultNames.size()> publish{};
  std::atomic<std::uint64_t> received{0};  // pushes; what nodes say to each other is not counted
  std::atomic<std::uint64_t> repeated{0};  // left out, because a push with that id of a caller's had come before
  std::atomic<std::int64_t> lag_ms{0};
};

class Dispatcher final : public bus::EnvelopeSink, public bus::PublishListener {
 public:
  // `others`: the bus has other nodes, and this is who listens to them. Null: this node is alone.
  Dispatcher(bus::Bus& bus, const Router& router, DedupTable& dedup, ControlSink* others = nullptr)
      : bus_(bus), router_(router), dedup_(dedup), others_(others), bag_(router.mailboxes()) {}

  // The outcome if it is known at once; else it comes as Published mail to ticket.worker, who passes it to settle().
  std::optional<PublishStatus> publish(bus::Envelope&& envelope, const CallerId& caller_id, bus::PublishTicket ticket);
  // Requires: a publish() with this id returned nothing. `id` is empty unless it was the caller's.
  PublishStatus settle(std::string_view id, bus::PublishOutcome outcome);

  const DispatchCounters& counters() const noexcept { return counters_; }
  const Router& router() const noexcept { return router_; }

  bus::Delivered on_envelope(bus::Envelope&& envelope) override;
  void begin_batch() override { bag_.carry_here(); }
  void end_batch() override { bag_.put_down(); }
  void on_published(bus::PublishTicket ticket, bus::PublishOutcome outcome) override;

 private:
  bus::Bus& bus_;
  const Router& router_;
  DedupTable& dedup_;
  ControlSink* const others_;
  Mailbag bag_;  // of the bus's thread
  DispatchCounters counters_;
};

}  // namespace pushwire::hub
