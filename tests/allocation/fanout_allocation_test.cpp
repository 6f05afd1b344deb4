// No allocation and no lock per recipient: a program of its own, because it counts every operator new and every mutex.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <new>
#include <string>

#include "hub/hub_test_support.h"

namespace {

std::atomic<std::uint64_t> g_allocations{0};
std::atomic<std::uint64_t> g_locks{0};

void* counted(std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) {
    return memory;
  }
  throw std::bad_alloc();
}

}  // namespace

// Stands before the C library's for std::mutex and everybody else in this program.
extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static const auto real = reinterpret_cast<int (*)(pthread_mutex_t*)>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  g_locks.fetch_add(1, std::memory_order_relaxed);
  return real(mutex);
}

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace pushwire::hub {
namespace {

constexpr std::size_t kReceivers = 1000;

HubOptions no_limit() {
  HubOptions options;
  options.session.max_connections_per_user = 0;
  return options;
}

// A thousand devices of one user, all subscribed to one topic.
class FanoutCost : public testing::TestWithParam<bus::EnvelopeKind> {
 protected:
  void SetUp() override {
    ASSERT_GE(test::allow_many_descriptors(), 2 * kReceivers + 100);
    for (std::size_t i = 0; i < kReceivers; ++i) {
      devices_.push_back(worker_.connect("t", {.topics = {"t"}}));
    }
    worker_.finish();
    push();  // warm: outboxes and lists have their size now
    push();
  }
  void push() {
    const std::uint64_t deliveries = worker_.stats.deliveries.value();
    worker_.push(test::envelope_to(GetParam(), "t"));
    worker_.finish();
    ASSERT_EQ(worker_.stats.deliveries.value() - deliveries, kReceivers);
  }

  test::Worker worker_{no_limit()};
  std::deque<test::Device> devices_;
};

TEST_P(FanoutCost, HasNoAllocationPerRecipient) {
  const std::uint64_t before = g_allocations.load();
  push();
  EXPECT_LE(g_allocations.load() - before, 20U);
}

TEST_P(FanoutCost, HasNoLockPerRecipient) {
  const std::uint64_t before = g_locks.load();
  push();
  EXPECT_GE(g_locks.load() - before, 1U) << "the mailbox's own is counted, or nothing would be";
  // A turn looks into its mailbox once, and a turn serves a slice of the recipients.
  EXPECT_LE(g_locks.load() - before, kReceivers / 16);
}

INSTANTIATE_TEST_SUITE_P(Targets, FanoutCost,
                         testing::Values(bus::EnvelopeKind::kUser, bus::EnvelopeKind::kTopic, bus::EnvelopeKind::kAll));

}  // namespace
}  // namespace pushwire::hub
