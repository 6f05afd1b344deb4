// SharedBuffer: immutable bytes with an atomic reference count, in one allocation.
// Any thread may hold, copy and drop one; the bytes never change after build. Inside a worker, frames are counted by
// net::LocalBuffer instead, so that a fan-out touches the atomic count once per worker (ADR 0004).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace pushwire {

class SharedBuffer {
 public:
  SharedBuffer() noexcept = default;

  // An uninitialised buffer of `size` bytes that `fill(char*)` writes before anybody else can see it.
  template <class Fill>
  static SharedBuffer build(std::size_t size, Fill&& fill) {
    SharedBuffer buffer(allocate(size));
    std::forward<Fill>(fill)(bytes_of(buffer.block_));
    return buffer;
  }
  static SharedBuffer copy_of(std::string_view bytes);

  SharedBuffer(const SharedBuffer& other) noexcept : block_(other.block_) { retain(); }
  SharedBuffer(SharedBuffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedBuffer& operator=(SharedBuffer other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedBuffer() { release(); }

  explicit operator bool() const noexcept { return block_ != nullptr; }
  // Valid while this or a copy of it lives; empty for a default-constructed buffer.
  std::string_view view() const noexcept {
    return block_ == nullptr ? std::string_view{} : std::string_view{bytes_of(block_), block_->size};
  }
  std::size_t size() const noexcept { return block_ == nullptr ? 0 : block_->size; }

 private:
  struct Block {
    std::atomic<std::uint32_t> references;
    std::uint32_t size;
  };
  explicit SharedBuffer(Block* block) noexcept : block_(block) {}
  static Block* allocate(std::size_t size);
  static void free(Block* block) noexcept;
  static char* bytes_of(Block* block) noexcept { return reinterpret_cast<char*>(block + 1); }
  void retain() const noexcept {
    if (block_ != nullptr) {
      block_->references.fetch_add(1, std::memory_order_relaxed);
    }
  }
  void release() noexcept {
    if (block_ != nullptr && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      free(block_);
    }
  }

  Block* block_ = nullptr;
};

}  // namespace pushwire
