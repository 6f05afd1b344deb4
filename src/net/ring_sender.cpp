#include "net/ring_sender.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/check.h"
#include "net/fd.h"

namespace pushwire::net {
namespace {

constexpr int kSendFlags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL;

FlushResult result_of_error(int error) {
  return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EINTR ? FlushResult::kPartial
                                                                                  : FlushResult::kBroken;
}

}  // namespace

Result<std::unique_ptr<RingSender>> RingSender::make() {
  std::unique_ptr<RingSender> sender(new RingSender());
  // One issuer and deferred task work: nothing of ours is done in another thread's time, or at a time not ours.
  const unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  const int made = io_uring_queue_init(kBatch, &sender->ring_, flags);
  if (made < 0) {
    return fail(fmt::format("io_uring is not to be had here: {}", std::strerror(-made)));
  }
  sender->open_ = true;
  sender->offered_.resize(kBatch);
  if (auto checked = check_short_sends(*sender); !checked) {
    return fail(checked.error().message);
  }
  return sender;
}

RingSender::~RingSender() {
  if (open_) {
    io_uring_queue_exit(&ring_);
  }
}

// Sends more than a socket takes and counts what arrived: the kernel must tell how much of it went.
Result<> RingSender::check_short_sends(RingSender& sender) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return fail(fmt::format("io_uring could not be tried out: {}", std::strerror(errno)));
  }
  const Fd ours(pair[0]);
  const Fd theirs(pair[1]);
  const int small = 4096;
  (void)setsockopt(ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  const std::string text(std::size_t{1} << 20, 'x');
  Outbox outbox;
  outbox.push(LocalBuffer(SharedBuffer::copy_of(text), FrameKind::kControl));
  SendJob job{ours.get(), &outbox, FlushResult::kDone};
  sender.send({&job, 1});

  std::size_t arrived = 0;
  std::string buffer(65536, '\0');
  for (ssize_t got = 1; got > 0;) {
    got = ::recv(theirs.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    arrived += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  if (job.result != FlushResult::kPartial || text.size() - outbox.bytes() != arrived) {
    return fail("io_uring of this kernel does not report short sends");
  }
  return {};
}

std::size_t RingSender::prepare(io_uring_sqe& sqe, const SendJob& job) {
  if (job.outbox->frames() == 1) {
    const std::string_view frame = job.outbox->front();
    io_uring_prep_send(&sqe, job.fd, frame.data(), frame.size(), kSendFlags);
    return frame.size();
  }
  if (gathered_used_ == gathered_.size()) {
    gathered_.push_back(std::make_unique<Gathered>());
  }
  Gathered& gathered = *gathered_[gathered_used_++];
  gathered.header = {};
  gathered.header.msg_iov = gathered.parts.data();
  const Outbox::Gathered offer = job.outbox->gather(gathered.parts);
  gathered.header.msg_iovlen = offer.parts;
  io_uring_prep_sendmsg(&sqe, job.fd, &gathered.header, kSendFlags);
  return offer.bytes;
}

bool RingSender::submit(std::size_t count) {
  std::size_t submitted = 0;
  while (submitted < count) {
    // Deferred completions are posted by the same call; it does not wait for any.
    const int done = io_uring_submit_and_get_events(&ring_);
    if (done == -EINTR || done == -EAGAIN) {
      continue;
    }
    if (done <= 0) {
      return false;
    }
    submitted += static_cast<std::size_t>(done);
  }
  return true;
}

void RingSender::reap(std::span<SendJob> jobs) {
  io_uring_cqe* completion = nullptr;
  while (io_uring_peek_cqe(&ring_, &completion) == 0) {
    const auto index = static_cast<std::size_t>(io_uring_cqe_get_data64(completion));
    const int result = completion->res;
    io_uring_cqe_seen(&ring_, completion);
    SendJob& job = jobs[index];
    if (result < 0) {
      job.result = result_of_error(-result);
      offered_[index] = 0;
    } else {
      job.result = static_cast<std::size_t>(result) < offered_[index] ? FlushResult::kPartial : FlushResult::kDone;
      offered_[index] = static_cast<std::size_t>(result);
    }
  }
}

void RingSender::send_batch(std::span<SendJob> jobs) {
  gathered_used_ = 0;
  std::size_t prepared = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].tls != nullptr) {
      continue;
    }
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    PW_CHECK(sqe != nullptr);  // the ring is empty at the beginning of every batch
    offered_[i] = prepare(*sqe, jobs[i]);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(sqe, i);
    jobs[i].result = FlushResult::kDone;
    ++prepared;
  }
  PW_CHECK(submit(prepared));
  reap(jobs);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].tls != nullptr) {
      jobs[i].result = jobs[i].flush();
      continue;
    }
    jobs[i].outbox->consume(offered_[i]);
    if (jobs[i].result == FlushResult::kDone && !jobs[i].outbox->empty()) {
      jobs[i].result = jobs[i].outbox->flush(jobs[i].fd);  // more frames than one write gathers: rare
    }
  }
}

void RingSender::send(std::span<SendJob> jobs) {
  if (jobs.size() == 1) {  // one system call in any case, and this one does less
    jobs[0].result = jobs[0].flush();
    return;
  }
  while (!jobs.empty()) {
    const std::size_t count = std::min(jobs.size(), kBatch);
    send_batch(jobs.first(count));
    jobs = jobs.subspan(count);
  }
}

}  // namespace pushwire::net
