// Bus: the message fabric between nodes. What goes in on one node comes out on every node, this one included.
//
// Promises that every adapter keeps and tests/contract proves:
//  - kAccepted means that the bus has the envelope: it reaches every node that is up, unless the bus breaks its own
//    promise (docs/delivery.md says which it gives).
//  - Envelopes of one publisher with the same kind and key arrive in the order of their publish() calls.
//  - Each envelope reaches each node's sink once, however often the server hands it over or the bus sends it again.
//  - publish() never blocks and may be called from any thread; its outcome is told exactly once.
//  - After stop() neither the sink nor the listener is called any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bus/bus_counters.h"
#include "bus/envelope.h"

namespace pushwire::bus {

enum class PublishOutcome : std::uint8_t {
  kAccepted,
  kOverloaded,   // a receiver or queue is full: try again soon. Nobody got it.
  kUnavailable,  // the bus is away or stopping, or has not confirmed it in time: it may have it, or not
  kTooLarge,     // beyond largest_record()
};

// Names one publish() call to its listener: who waits, and for which of his calls.
struct PublishTicket {
  std::uint32_t worker = 0;
  std::uint64_t call = 0;
};

// Told the outcome of a publish() that returned nothing. On any thread.
class PublishListener {
 public:
  virtual void on_published(PublishTicket ticket, PublishOutcome outcome) = 0;

 protected:
  ~PublishListener() = default;
};

enum class Delivered : std::uint8_t {
  kAccepted,
  kUnreadable,  // skipped: no push that a node of Pushwire would have made
  kPause,       // not taken, and left as it was: the bus hands it over again some milliseconds later
};

// Where envelopes go on this node. Called on any thread, of one publisher in order.
class EnvelopeSink {
 public:
  virtual Delivered on_envelope(Envelope&& envelope) = 0;
  // Around calls that one thread makes together, those to the listener included: for a sink that saves work so.
  virtual void begin_batch() {}
  virtual void end_batch() {}

 protected:
  ~EnvelopeSink() = default;
};

struct Capabilities {
  bool replay = false;         // can hand over again what was published while this node was away
  bool ordered = false;        // per publisher and key
  bool at_least_once = false;  // survives a crash of the server after kAccepted
  bool targeted = false;       // can address one node
};

struct Health {
  bool up = false;
  std::string reason;  // why not, in words for an operator; names the setting to look at
};

class Bus {
 public:
  virtual ~Bus() = default;

  // "embedded", "redis", …
  virtual std::string_view name() const noexcept = 0;
  // Begins to connect, and to hand envelopes to `sink`. An error names the setting to look at; a server that is away
  // is none: health() tells when it is there.
  virtual Result<> start(EnvelopeSink& sink, PublishListener& listener) = 0;
  // The outcome, when it is known at once; else the listener gets it, but for a control envelope: nobody waits for it.
  virtual std::optional<PublishOutcome> publish(Envelope&& envelope, PublishTicket ticket) = 0;
  // Up: whatever is published from now on, on any node, will come to this node's sink.
  virtual Health health() const = 0;
  virtual Capabilities capabilities() const = 0;
  // Bytes of the largest envelope it takes, as encoded.
  virtual std::size_t largest_record() const noexcept = 0;
  // Any thread.
  virtual const BusCounters& counters() const noexcept = 0;
  virtual void stop() = 0;
};

}  // namespace pushwire::bus
