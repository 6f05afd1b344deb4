// Link: how one adapter carries records between this node and its servers.
//
// RemoteBus does what every bus needs: it encodes and numbers envelopes, keeps what is not confirmed and sends it
// again, times out, leaves out what came twice, counts what was missed. A link only connects, sends and receives.
// Thread: both sides call each other on the bus's thread alone, which runs the EventLoop that the link was made with.
// A library with threads of its own comes back to it through a net::Mailbox. Nothing here may block.
// Lifetime: the bus owns the link; the events outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "bus/bus.h"

namespace pushwire::bus {

struct OutRecord {
  std::uint64_t number = 0;  // names it in on_sent(). Rises with each new record; one that is sent again keeps its own
  std::uint64_t lane = 0;    // a hash that is the same on every node: records of one lane stay in order
  std::string_view bytes;    // valid during the call only
};

enum class SendResult : std::uint8_t {
  kStored,    // the server has it
  kTryAgain,  // it has not, or that is not known: the bus sends it again until its time is over
  kRefused,   // it never will: the log says why
  kTooLarge,  // beyond what the server takes, whatever largest_record() says
};

class LinkEvents {
 public:
  // Connected, and the own position known in every queue: whatever is published from now on comes to on_record().
  virtual void on_up() = 0;
  // Not (or no longer) so; may be called again with a better reason. `reason` is for an operator and names the setting
  // to look at. What was sent and is not confirmed will be sent again after on_up().
  virtual void on_down(std::string_view reason) = 0;
  // `source` is where it came from, for the log: "broker-a/3". One that fits no version is counted and skipped here.
  virtual void on_record(std::string_view bytes, std::string_view source) = 0;
  // The server answered. Unknown numbers are ignored: their time was over.
  virtual void on_sent(std::uint64_t number, SendResult result) = 0;
  // Records may have been missed: a connection without replay was lost, a position was no longer there.
  virtual void on_gap(std::string_view reason) = 0;

 protected:
  ~LinkEvents() = default;
};

class Link {
 public:
  virtual ~Link() = default;

  // Begins to connect and from then on connects again by itself, with back-off and jitter (bus/backoff.h). An error is
  // a setting that cannot work, and names it.
  virtual Result<> open() = 0;
  // Requires: up. Answered by on_sent(), or not at all if on_down() comes first.
  virtual void send(const OutRecord& record) = 0;
  // The end of the turn: what send() has collected goes out.
  virtual void flush() {}
  // The end of the turn: what was closed in it may be freed.
  virtual void release() {}
  // The node has more than it can take: stop reading. Records that are already here may still be handed over.
  virtual void pause() = 0;
  virtual void resume() = 0;
  // Closes everything; no event is raised from then on, and no thread of the link's is left.
  virtual void close() = 0;

  virtual Capabilities capabilities() const = 0;
  // The largest record that the server takes.
  virtual std::size_t largest_record() const noexcept = 0;
};

}  // namespace pushwire::bus
