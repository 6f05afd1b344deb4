// ZNodeReader: asks for one number after the other, many at a time while they are there, and waits with a watch on the
// first that is not. It never lists the parent, whose list grows with the rate: only when a number is missing that must
// have been there does it look for the next one that is.
// Thread: the loop's. Lifetime: the events outlive it; the tree is the link's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bus/link.h"
#include "bus/zookeeper/sequence_name.h"
#include "bus/zookeeper/znode_tree.h"

namespace pushwire::bus {

class ZNodeReader {
 public:
  // Whether the folder is still the one that was read.
  enum class Count : std::uint8_t { kGoesOn, kBeganAgain };

  // Znodes asked for at a time, at most. With records of the largest size that is what waits in memory.
  static constexpr std::uint32_t kMostAtOnce = 32;

  // `folder` ends with a slash.
  ZNodeReader(LinkEvents& events, std::string folder) : events_(events), folder_(std::move(folder)) {}

  // The server has just counted up to `marker`. The first time, reading begins behind it; later it goes on where it
  // was. But a folder that counts from the beginning again is a gap, and reading begins behind `marker`.
  void start(ZNodeTree& tree, std::int32_t marker, Count count);
  void stop() noexcept { tree_ = nullptr; }
  // What else is known to have been counted: a number of our own.
  void saw(std::int32_t number) noexcept;
  bool started() const noexcept { return started_; }
  // The last number that was handed over or left out.
  std::int32_t last() const noexcept { return number_after(next_, 0xffff'ffffU); }

  // An event of kind kData, kExists, kChildren or kWatch that is for it.
  void on_event(ZooKeeperEvent&& event);
  // Looks again, should a watch have been lost. Now and then.
  void check();
  void pause() noexcept { paused_ = true; }
  void resume();

 private:
  struct Slot {
    bool answered = false;
    int code = 0;
    std::string data;
  };

  void ask(std::uint32_t count);
  void hand_over();
  void finish_round();
  void end_round() noexcept;
  void look_for_next(const std::vector<std::string>& names);
  std::string path(std::int32_t number) const { return folder_ + znode_name(number); }

  LinkEvents& events_;
  const std::string folder_;
  ZNodeTree* tree_ = nullptr;
  bool started_ = false;
  bool paused_ = false;
  std::int32_t next_ = 0;     // to hand over
  std::int32_t counted_ = 0;  // the latest number that is known to have been given
  // The round: `slots_` are numbers next_ … , and then one that is only asked whether it is there. Its tag tells late
  // answers of an earlier one.
  std::uint64_t round_ = 0;
  std::vector<Slot> slots_;
  std::size_t handed_ = 0;  // of slots_
  bool asking_ = false;     // a round is under way
  bool next_exists_ = false;
  bool exists_answered_ = false;
  bool waiting_ = false;  // with a watch on next_
};

}  // namespace pushwire::bus
