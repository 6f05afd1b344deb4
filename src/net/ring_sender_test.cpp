#include "net/ring_sender.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>

#include "net/fd.h"

namespace pushwire::net {
namespace {

// What both back ends must do stands in sender_test.cpp; here is what only the ring has.

TEST(RingSender, MakesARingOrSaysWhyNot) {
  const auto ring = RingSender::make();
  EXPECT_TRUE(ring || !ring.error().message.empty());
}

// Without MSG_WAITALL a kernel counts a short send as a success and posts nothing: the trap that make() looks for.
TEST(RingSender, KernelReportsAShortSendOnlyWithWaitAll) {
  io_uring ring{};
  if (io_uring_queue_init(8, &ring, 0) < 0) {
    EXPECT_FALSE(RingSender::make()) << "a ring where there is none";
    return;
  }
  const std::string text(std::size_t{1} << 20, 'x');
  for (const int flags : {MSG_NOSIGNAL | MSG_DONTWAIT, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL}) {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    const Fd ours(pair[0]);
    const Fd theirs(pair[1]);
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    io_uring_prep_send(sqe, ours.get(), text.data(), text.size(), flags);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    ASSERT_EQ(io_uring_submit(&ring), 1);
    io_uring_cqe* completion = nullptr;
    const bool told = io_uring_peek_cqe(&ring, &completion) == 0;
    EXPECT_EQ(told, (flags & MSG_WAITALL) != 0);
    if (told) {
      EXPECT_LT(completion->res, static_cast<int>(text.size()));
      io_uring_cqe_seen(&ring, completion);
    }
  }
  io_uring_queue_exit(&ring);
}

}  // namespace
}  // namespace pushwire::net
