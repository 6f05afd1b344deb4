// QuietLog: one line per period for something that may happen a million times. The next line says how many were left
// out, so that an operator sees every kind of loss and none of them floods the log.
// Thread: the owner's. A value; one per kind of event.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace pushwire {

class QuietLog {
 public:
  static constexpr MonotonicMs kPeriodMs = 10'000;

  explicit QuietLog(MonotonicMs period = kPeriodMs) : period_(period) {}

  // Logs now, or counts. `now` is any clock of milliseconds that does not go back.
  template <class... Args>
  void warn(MonotonicMs now, fmt::format_string<Args...> format, Args&&... args) {
    if (logged_ && now - last_ < period_) {
      ++left_out_;
      return;
    }
    if (left_out_ > 0) {
      log_warning("{} ({} more like this since the last such line)", fmt::format(format, std::forward<Args>(args)...),
                  left_out_);
    } else {
      log_warning(format, std::forward<Args>(args)...);
    }
    logged_ = true;
    last_ = now;
    left_out_ = 0;
  }
  std::uint64_t left_out() const noexcept { return left_out_; }

 private:
  MonotonicMs period_;
  bool logged_ = false;
  MonotonicMs last_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace pushwire
