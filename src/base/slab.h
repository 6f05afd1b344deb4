// Slab: very many objects of one type at stable addresses, found by a small number and walked in order of it.
//
// Chunks of 64 slots with a bit each for "used". A chunk that becomes empty is given back to the allocator; slots of
// others are reused, the most recently opened chunk first. A walk by cursor survives any erase and emplace in between:
// it never skips an object that was there when it began.
// Thread: one. The type gets its slot as the first argument of its constructor, and is erased by it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/check.h"

namespace pushwire {

template <class T>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    std::uint32_t cursor = 0;
    while (T* object = next(cursor)) {
      object->~T();
    }
  }

  template <class... Args>
  T& emplace(Args&&... args) {
    if (open_.empty()) {
      open_.push_back(static_cast<std::uint32_t>(chunks_.size()));
      chunks_.emplace_back();
    }
    const std::uint32_t index = open_.back();
    if (chunks_[index] == nullptr) {
      chunks_[index] = std::make_unique<Chunk>();
    }
    Chunk& chunk = *chunks_[index];
    const auto bit = static_cast<std::uint32_t>(std::countr_one(chunk.used));
    T* object = new (chunk.place(bit)) T(index * kChunk + bit, std::forward<Args>(args)...);
    chunk.used |= std::uint64_t{1} << bit;
    if (chunk.used == kFull) {
      open_.pop_back();
    }
    ++size_;
    return *object;
  }

  // Requires: the slot is used.
  void erase(std::uint32_t slot) {
    const std::uint32_t index = slot / kChunk;
    Chunk& chunk = *chunks_[index];
    const std::uint64_t mask = std::uint64_t{1} << (slot % kChunk);
    PW_CHECK((chunk.used & mask) != 0);
    std::launder(reinterpret_cast<T*>(chunk.place(slot % kChunk)))->~T();
    if (chunk.used == kFull) {
      open_.push_back(index);
    }
    chunk.used &= ~mask;
    --size_;
    if (chunk.used == 0) {
      chunks_[index].reset();
    }
  }

  // Requires: the slot is used.
  T& at(std::uint32_t slot) const {
    return *std::launder(reinterpret_cast<T*>(chunks_[slot / kChunk]->place(slot % kChunk)));
  }

  // The first object at or after `cursor`, which is moved past it; null at the end.
  T* next(std::uint32_t& cursor) {
    for (std::uint32_t index = cursor / kChunk; index < chunks_.size(); ++index) {
      if (chunks_[index] != nullptr) {
        const std::uint64_t rest = chunks_[index]->used & (~std::uint64_t{0} << (cursor % kChunk));
        if (rest != 0) {
          const auto bit = static_cast<std::uint32_t>(std::countr_zero(rest));
          cursor = index * kChunk + bit + 1;
          // A walk comes for these next; at the end of a chunk it is one of its own, which costs nothing.
          __builtin_prefetch(chunks_[index]->place((bit + kAhead) % kChunk));
          return std::launder(reinterpret_cast<T*>(chunks_[index]->place(bit)));
        }
      }
      cursor = (index + 1) * kChunk;
    }
    return nullptr;
  }

  std::size_t size() const noexcept { return size_; }
  // Slots that a walk has to look at: where it ends.
  std::uint32_t slots() const noexcept { return static_cast<std::uint32_t>(chunks_.size()) * kChunk; }

 private:
  static constexpr std::uint32_t kChunk = 64;
  static constexpr std::uint32_t kAhead = 4;
  static constexpr std::uint64_t kFull = ~std::uint64_t{0};

  struct Chunk {
    std::uint64_t used = 0;
    alignas(T) std::byte storage[kChunk * sizeof(T)];

    void* place(std::uint32_t bit) noexcept { return storage + bit * sizeof(T); }
  };

  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<std::uint32_t> open_;  // chunks with a free slot; the last one is filled next
  std::size_t size_ = 0;
};

}  // namespace pushwire
