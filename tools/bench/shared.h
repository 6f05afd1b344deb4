// What the parent and the client processes share: one Control, written by the parent (and, for broadcasts, by the
// process that sends them), and one LoaderStats per client process, written by that process. Memory that fork() keeps
// common; no pointers inside. Counters are atomics because they are read while they grow; histograms and texts are read
// only when their writer has said that a phase is over.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "bench/histogram.h"

namespace pushwire::bench {

// What the client processes do now. A phase's number is the order in which it was asked for, so that the same one can
// come twice.
enum class Phase : std::uint32_t {
  kRest,       // answer pings, nothing else
  kWarmUp,     // one connection comes and goes, so that the server's first-time costs are over
  kConnect,    // open what is not open
  kDropAll,    // all connections go at once …
  kReconnect,  // … and come back at once
  kPrepare,    // from now on everything that arrives is accounted (all processes, before the first publishes)
  kLoad,       // publish and receive; over when everything published has arrived, or cannot any more
  kAccount,    // count what is missing
  kLeave,      // the share of connections that --leave names goes
  kQuit,
};

struct Control {
  std::atomic<std::uint64_t> order;  // phase in the low 32 bits, its number above
  std::uint32_t run;
  // By the process that broadcasts.
  std::atomic<std::uint32_t> broadcasts;     // sent so far: the highest number
  std::atomic<bool> broadcasts_over;         // no further one will come, all are answered
  std::atomic<std::uint32_t> refused;        // how many of them got no 2xx …
  std::array<std::uint32_t, 4096> refusals;  // … and which
};

struct LoaderStats {
  std::atomic<std::uint64_t> phase_done;  // the last order that was carried out
  std::atomic<std::uint64_t> ready;       // connections that stand
  std::atomic<std::uint64_t> opened, failed, dropped;
  std::atomic<std::uint64_t> stalled_gone;
  std::atomic<std::uint64_t> delivered, late, duplicated, misrouted;
  std::atomic<std::uint64_t> broadcast_delivered;
  std::atomic<std::uint64_t> requests, answered, refused, unsent;
  std::atomic<std::uint64_t> expected, lost;
  std::atomic<std::int64_t> last_ready_ns;
  std::array<char, 200> trouble;  // the first thing that went wrong
  Histogram handshake, request, push_delivery, broadcast_delivery;
};

inline constexpr std::size_t kMaxLoaders = 64;

struct SharedState {
  Control control;
  std::array<LoaderStats, kMaxLoaders> loaders;
};

struct Unmap {
  void operator()(SharedState* state) const noexcept;
};
using SharedStatePtr = std::unique_ptr<SharedState, Unmap>;

// All zero; seen by this process and by what it forks later.
SharedStatePtr make_shared_state();

// Keeps `what` if nothing was kept before.
void note_trouble(LoaderStats& stats, std::string_view what) noexcept;

}  // namespace pushwire::bench
