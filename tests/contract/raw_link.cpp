#include "raw_link.h"

#include <gtest/gtest.h>

#include "cluster.h"

namespace pushwire::bus {

RawLink::RawLink(const Adapter& adapter, Settings settings)
    : settings_(std::move(settings)), link_(adapter.make_link(loop_, *this, settings_)) {
  const auto opened = link_->open();
  EXPECT_TRUE(opened) << opened.error().message;
}

RawLink::~RawLink() {
  link_->close();
  link_->release();
}

void RawLink::on_down(std::string_view reason) {
  up_ = false;
  reason_ = reason;
}

void RawLink::on_sent(std::uint64_t number, SendResult result) {
  stored_ = stored_ || (number == number_ && result == SendResult::kStored);
}

bool RawLink::turn_until(const bool& done) {
  const MonotonicMs deadline = monotonic_ms() + std::chrono::milliseconds(kPatience).count();
  while (!done && monotonic_ms() < deadline) {
    loop_.turn(*this, 20);
  }
  EXPECT_TRUE(done) << reason_;
  return done;
}

bool RawLink::put(std::string_view bytes) {
  if (!turn_until(up_)) {
    return false;
  }
  stored_ = false;
  link_->send({++number_, 7, bytes});
  return turn_until(stored_);
}

}  // namespace pushwire::bus
