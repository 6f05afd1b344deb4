// No allocation per recipient (CONTRIBUTING, style): a program of its own, because it counts every operator new.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <new>
#include <string>

#include "hub/hub_test_support.h"

namespace {

std::atomic<std::uint64_t> g_allocations{0};

void* counted(std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) {
    return memory;
  }
  throw std::bad_alloc();
}

}  // namespace

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

class FanoutAllocation : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GE(test::allow_many_descriptors(), 2 * kReceivers + 100);
    for (std::size_t i = 0; i < kReceivers; ++i) {
      devices_.push_back(worker_.connect("user" + std::to_string(i), {.topics = {"t"}}));
    }
    worker_.finish();
  }
  void push(bus::EnvelopeKind kind) {
    worker_.push(test::envelope_to(kind, "t"));
    worker_.finish();
  }
  std::uint64_t allocations_of(bus::EnvelopeKind kind) {
    const std::uint64_t before = g_allocations.load();
    push(kind);
    return g_allocations.load() - before;
  }

  test::Worker worker_;
  std::deque<test::Device> devices_;
};

TEST_F(FanoutAllocation, TakesAsMuchForAThousandReceiversAsForAFew) {
  for (const bus::EnvelopeKind kind : {bus::EnvelopeKind::kTopic, bus::EnvelopeKind::kAll}) {
    push(kind);  // warm: outboxes and lists have their size now
    push(kind);
    const std::uint64_t deliveries = worker_.stats.deliveries.value();
    EXPECT_LE(allocations_of(kind), 20U);
    EXPECT_EQ(worker_.stats.deliveries.value() - deliveries, kReceivers);
  }
}

}  // namespace
}  // namespace pushwire::hub
