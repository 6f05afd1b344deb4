#include "bus/call_gate.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <thread>

namespace pushwire::bus {
namespace {

using namespace std::chrono_literals;

TEST(CallGate, LetsNobodyInUntilItIsOpenAndAfterItIsClosed) {
  CallGate gate;
  EXPECT_FALSE(CallGate::Call(gate));
  gate.open();
  EXPECT_TRUE(CallGate::Call(gate));
  gate.close();
  EXPECT_FALSE(CallGate::Call(gate));
}

TEST(CallGate, WaitsForThoseInsideWhenItCloses) {
  CallGate gate;
  gate.open();
  std::promise<void> inside;
  std::promise<void> leave;
  std::thread caller([&] {
    const CallGate::Call call(gate);
    inside.set_value();
    leave.get_future().wait();
  });
  inside.get_future().wait();
  std::future<void> closed = std::async(std::launch::async, [&] { gate.close(); });
  EXPECT_EQ(closed.wait_for(50ms), std::future_status::timeout);
  leave.set_value();
  EXPECT_EQ(closed.wait_for(10s), std::future_status::ready);
  caller.join();
}

}  // namespace
}  // namespace pushwire::bus
