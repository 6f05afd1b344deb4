// Sender: gives what waits in many outboxes to the kernel, all of a turn together.
//
// Two back ends behind one call: PlainSender makes one system call per socket; RingSender puts a batch of sends into an
// io_uring and makes one system call for all of them (docs/performance.md says what that saves). The choice is made at
// start (choose_sender) and nobody above sees a difference. Thread: the worker's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "net/outbox.h"

namespace pushwire::net {

// One socket's turn: `outbox` is not empty; `result` is filled in.
struct SendJob {
  int fd;
  Outbox* outbox;
  FlushResult result = FlushResult::kDone;
  TlsConnection* tls = nullptr;  // null: in the clear

  // In one or more system calls of its own.
  FlushResult flush() const { return tls == nullptr ? outbox->flush(fd) : outbox->flush(*tls); }
};

class Sender {
 public:
  virtual ~Sender() = default;
  virtual void send(std::span<SendJob> jobs) = 0;
  virtual std::string_view name() const noexcept = 0;  // "epoll" or "uring"
};

class PlainSender final : public Sender {
 public:
  void send(std::span<SendJob> jobs) override;
  std::string_view name() const noexcept override { return "epoll"; }
};

enum class IoChoice : std::uint8_t { kAuto, kEpoll, kUring };

// A sender of that kind. kAuto takes the ring where the kernel allows one and does with it what we rely on, which is
// tried out on a socket pair; kUring fails there, and says why.
Result<std::unique_ptr<Sender>> choose_sender(IoChoice choice);

}  // namespace pushwire::net
