// LocalBuffer: a SharedBuffer as one worker sees it, with a plain count.
//
// A fan-out to a thousand connections of a worker touches the shared atomic count twice, not two thousand times
// (ADR 0004). Thread: never leaves the worker that wrapped it.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/shared_buffer.h"

namespace pushwire::net {

enum class FrameKind : std::uint8_t {
  kControl,  // what the gateway says itself: welcome, ping, pong, close
  kMessage,  // a push: when it is dropped it is counted
};

class LocalBuffer {
 public:
  LocalBuffer() noexcept = default;
  LocalBuffer(SharedBuffer shared, FrameKind kind) : node_(new Node{std::move(shared), 1, kind}) {}
  LocalBuffer(const LocalBuffer& other) noexcept : node_(other.node_) {
    if (node_ != nullptr) {
      ++node_->references;
    }
  }
  LocalBuffer(LocalBuffer&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  LocalBuffer& operator=(LocalBuffer other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~LocalBuffer() {
    if (node_ != nullptr && --node_->references == 0) {
      delete node_;
    }
  }

  explicit operator bool() const noexcept { return node_ != nullptr; }
  std::string_view view() const noexcept { return node_ == nullptr ? std::string_view{} : node_->shared.view(); }
  // Requires: not empty.
  FrameKind kind() const noexcept { return node_->kind; }
  std::size_t size() const noexcept { return node_ == nullptr ? 0 : node_->shared.size(); }

 private:
  struct Node {
    SharedBuffer shared;
    std::uint32_t references;
    FrameKind kind;
  };
  Node* node_ = nullptr;
};

}  // namespace pushwire::net
