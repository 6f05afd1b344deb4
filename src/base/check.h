// PW_CHECK: a broken invariant of our own ends the process with its place. Never used on input or environment.
// Any thread.
#pragma once

namespace pushwire {

// Prints "FILE:LINE: check failed: WHAT" on stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* what) noexcept;

}  // namespace pushwire

#define PW_CHECK(condition)                                     \
  do {                                                          \
    if (!(condition)) [[unlikely]] {                            \
      ::pushwire::check_failed(__FILE__, __LINE__, #condition); \
    }                                                           \
  } while (false)
