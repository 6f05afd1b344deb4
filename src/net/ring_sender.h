// RingSender: sends through an io_uring that is used for nothing else.
//
// Every send is MSG_DONTWAIT | MSG_WAITALL and its completion is skipped when it succeeded whole, so that a batch of
// 512 sends to willing sockets costs one system call and no completion. Without MSG_WAITALL a *short* send would count
// as a success and post nothing: bytes would be missing in the middle of a stream. make() tries exactly that out.
// Thread: the one that made it. io_uring(7), io_uring_enter(2).
#pragma once

#include <liburing.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "net/sender.h"

namespace pushwire::net {

class RingSender final : public Sender {
 public:
  static constexpr std::size_t kBatch = 512;

  // Fails where the kernel or a sandbox forbids io_uring, or short sends are not reported.
  static Result<std::unique_ptr<RingSender>> make();
  ~RingSender() override;
  RingSender(const RingSender&) = delete;
  RingSender& operator=(const RingSender&) = delete;

  void send(std::span<SendJob> jobs) override;
  std::string_view name() const noexcept override { return "uring"; }

 private:
  // Parts of outboxes with several frames; read by the kernel during submission only, since no send ever waits.
  struct Gathered {
    msghdr header;
    std::array<iovec, Outbox::kFramesPerWrite> parts;
  };

  RingSender() = default;
  static Result<> check_short_sends(RingSender& sender);
  void send_batch(std::span<SendJob> jobs);
  std::size_t prepare(io_uring_sqe& sqe, const SendJob& job);
  bool submit(std::size_t count);
  void reap(std::span<SendJob> jobs);

  io_uring ring_{};
  bool open_ = false;
  std::vector<std::size_t> offered_;                 // bytes of each send of the batch
  std::vector<std::unique_ptr<Gathered>> gathered_;  // reused
  std::size_t gathered_used_ = 0;
};

}  // namespace pushwire::net
