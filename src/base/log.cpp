#include "base/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <string>

#include "base/clock.h"

namespace pushwire {
namespace {

constexpr std::size_t kQueuedLines = 8192;  // about 2 MiB at most

struct LogState {
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::logger> logger;
};

// The one process-wide object of the product: a log has to be reachable from everywhere, also while starting up.
LogState& state() {
  static LogState instance;
  return instance;
}
std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<LogFormat> g_format{LogFormat::kText};

constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};

void append_escaped(std::string& out, std::string_view text, bool json) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += json ? fmt::format("\\u{:04x}", byte) : fmt::format("\\x{:02x}", byte);
    } else if (json && (c == '"' || c == '\\')) {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
}

std::string render(LogLevel level, std::string_view text) {
  const std::string_view name = kNames[static_cast<std::size_t>(level)];
  std::string line;
  line.reserve(text.size() + 64);
  if (g_format.load(std::memory_order_relaxed) == LogFormat::kJson) {
    line += fmt::format(R"({{"time":"{}","level":"{}","message":")", format_time(wall_ms()), name);
    append_escaped(line, text, true);
    line += "\"}";
  } else {
    line += fmt::format("{} {:<7} ", format_time(wall_ms()), name);
    append_escaped(line, text, false);
  }
  return line;
}

}  // namespace

void start_log(LogLevel level, LogFormat format) {
  g_level.store(level, std::memory_order_relaxed);
  g_format.store(format, std::memory_order_relaxed);
  LogState& log_state = state();
  log_state.pool = std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  log_state.logger = std::make_shared<spdlog::async_logger>("pushwire", std::move(sink), log_state.pool,
                                                            spdlog::async_overflow_policy::overrun_oldest);
  log_state.logger->set_pattern("%v");
  log_state.logger->set_level(spdlog::level::trace);
}

void set_log_level(LogLevel level) { g_level.store(level, std::memory_order_relaxed); }

void stop_log() {
  LogState& log_state = state();
  if (log_state.logger != nullptr) {
    log_state.logger->flush();
  }
  log_state.logger.reset();
  log_state.pool.reset();  // joins the thread after the queue is empty
}

bool log_enabled(LogLevel level) noexcept { return level >= g_level.load(std::memory_order_relaxed); }

std::uint64_t lost_log_lines() noexcept {
  LogState& log_state = state();
  return log_state.pool == nullptr ? 0 : log_state.pool->overrun_counter();
}

void log_line(LogLevel level, std::string_view text) {
  const std::string line = render(level, text);
  if (spdlog::logger* logger = state().logger.get(); logger != nullptr) {
    logger->log(spdlog::level::info, line);
  } else {
    fmt::print(stderr, "{}\n", line);
  }
}

}  // namespace pushwire
