// Presence: whether a name may be on this node at all. In broadcast routing most pushes are for users of other nodes;
// one look here spares them frame, mail and lookup.
//
// Counters of eight bits, one per hash: "no" is certain, "maybe" is wrong for one absent name in forty when 100,000 are
// here. A counter that was once full stays so, since nobody knows any more how many it stands for.
// Any thread, without a lock. 4 MiB of address space; the kernel gives memory for the pages that are written to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace pushwire::hub {

class Presence {
 public:
  static constexpr std::size_t kCells = std::size_t{1} << 22;

  Presence();

  // `hash` is spread evenly in its low bits. Before the name's owner is told that it is here.
  void add(std::uint64_t hash) noexcept;
  // Requires: an add() that this one ends.
  void remove(std::uint64_t hash) noexcept;
  bool may_have(std::uint64_t hash) const noexcept;

 private:
  struct Free {
    void operator()(unsigned char* cells) const noexcept;
  };

  std::unique_ptr<unsigned char[], Free> cells_;
};

}  // namespace pushwire::hub
