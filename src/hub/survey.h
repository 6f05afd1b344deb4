// Survey: one question that was put to all other nodes, and what has come back of it so far.
// Done when every node that lived when it was asked has answered wholly or said goodbye; what is lacking when its time
// is over is missing, by name. While it is not known who lives it goes on until its time is over.
// Thread: one at a time (Cluster locks). A value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "hub/control_codec.h"
#include "hub/members.h"
#include "hub/session_info.h"

namespace pushwire::hub {

class Survey {
 public:
  // What the answers of all nodes to one question may take here.
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;

  enum class Until : std::uint8_t { kAllHaveAnswered, kDeadline };

  Survey(ReplyTo reply_to, MonotonicMs deadline, Until until);
  // They live, and are awaited. `self`: the run of this node, which is asked by other ways.
  void expect(const std::vector<Member>& members, std::uint64_t self);

  // A part of an answer. Parts that came before, or of which one in between was lost, change nothing.
  void hear(std::string_view name, std::uint64_t run, NodeAnswer&& answer);
  // The node has said goodbye: its sessions are gone with it.
  void leave(std::uint64_t run);

  bool done() const noexcept;
  Until until() const noexcept { return until_; }
  MonotonicMs deadline() const noexcept { return deadline_; }
  const ReplyTo& reply_to() const noexcept { return reply_to_; }
  // What there is; whoever has not answered wholly is missing.
  OthersAnswer take();

 private:
  struct Voice {
    std::string name = {};
    std::uint64_t run = 0;
    bool awaited = false;  // it lived when the question was put
    bool whole = false;    // its last part has come, and nothing was left out
    bool over = false;     // nothing more will come
    std::uint16_t next_part = 0;
    SessionList list = {};
    Count count = {};
  };
  Voice& voice_of(std::string_view name, std::uint64_t run);

  ReplyTo reply_to_;
  MonotonicMs deadline_;
  Until until_;
  std::size_t bytes_ = 0;
  std::vector<Voice> voices_;
};

}  // namespace pushwire::hub
