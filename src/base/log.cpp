#include "base/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/utf8.h"

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

// Bytes of the code point that `text` begins with; 0 when it is none.
std::size_t code_point_size(std::string_view text) {
  Utf8Validator validator;
  for (std::size_t size = 1; size <= text.size(); ++size) {
    if (!validator.feed(text.substr(size - 1, 1))) {
      return 0;
    }
    if (validator.complete()) {
      return size;
    }
  }
  return 0;
}

// What must not stand in a line as it is: bytes that are no UTF-8, and control characters (U+0000-001F, U+007F-009F;
// some terminals obey the latter too).
void append_hidden(std::string& out, std::string_view bytes, LogFormat format) {
  if (format == LogFormat::kText) {
    for (const char c : bytes) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  } else if (code_point_size(bytes) == 0) {
    out += "\\ufffd";
  } else {
    out += fmt::format("\\u{:04x}", static_cast<unsigned char>(bytes.back()));
  }
}

void append_escaped(std::string& out, std::string_view text, LogFormat format) {
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    const std::size_t size = code_point_size(text);
    const std::string_view point = text.substr(0, size == 0 ? 1 : size);
    text.remove_prefix(point.size());
    const bool is_c1 = byte == 0xc2 && size == 2 && static_cast<unsigned char>(point[1]) < 0xa0;
    if (size == 0 || byte < 0x20 || byte == 0x7f || is_c1) {
      append_hidden(out, point, format);
      continue;
    }
    if (format == LogFormat::kJson && (byte == '"' || byte == '\\')) {
      out += '\\';
    }
    out += point;
  }
}

std::string render(LogLevel level, std::string_view text) {
  const std::string_view name = kNames[static_cast<std::size_t>(level)];
  std::string line;
  line.reserve(text.size() + 64);
  if (g_format.load(std::memory_order_relaxed) == LogFormat::kJson) {
    line += fmt::format(R"({{"time":"{}","level":"{}","message":")", format_time(wall_ms()), name);
    append_escaped(line, text, LogFormat::kJson);
    line += "\"}";
  } else {
    line += fmt::format("{} {:<7} ", format_time(wall_ms()), name);
    append_escaped(line, text, LogFormat::kText);
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

void set_log_level(LogLevel level) {
  g_level.store(level, std::memory_order_relaxed);
}

void stop_log() {
  LogState& log_state = state();
  if (log_state.logger != nullptr) {
    log_state.logger->flush();
  }
  log_state.pool.reset();  // joins the thread after the queue is empty; then nobody else holds the logger
  log_state.logger.reset();
}

bool log_enabled(LogLevel level) noexcept {
  return level >= g_level.load(std::memory_order_relaxed);
}

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
