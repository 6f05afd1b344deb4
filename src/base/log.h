// The log: one line per edge or state change, on stderr, written by a thread of its own so that a blocked terminal or
// pipe never holds a worker. When its queue is full the oldest lines go; how many is counted.
// Any thread. Before start_log() lines go to stderr at once.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace pushwire {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
enum class LogFormat : std::uint8_t { kText, kJson };

void start_log(LogLevel level, LogFormat format);
void set_log_level(LogLevel level);
// Writes what is queued and ends the log's thread.
void stop_log();
bool log_enabled(LogLevel level) noexcept;
// Lines lost because stderr was too slow.
std::uint64_t lost_log_lines() noexcept;

// One line. `text` is escaped for the format in use (control characters never reach a terminal).
void log_line(LogLevel level, std::string_view text);

template <class... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(level)) {
    log_line(level, fmt::format(format, std::forward<Args>(args)...));
  }
}

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kWarning, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kError, format, std::forward<Args>(args)...);
}

}  // namespace pushwire
