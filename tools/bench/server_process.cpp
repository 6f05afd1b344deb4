#include "bench/server_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "bench/probe.h"

namespace pushwire::bench {
namespace {

constexpr MonotonicMs kStartTimeout = 20'000;
constexpr int kStopTries = 150;  // of 100 ms

std::vector<std::string> split_words(std::string_view command) {
  std::vector<std::string> words;
  char quote = '\0';
  bool inside = false;
  for (const char c : command) {
    if (quote != '\0' ? c == quote : c == '\'' || c == '"') {
      quote = quote == '\0' ? c : '\0';
      if (!inside) {
        words.emplace_back();
      }
      inside = true;
    } else if ((c == ' ' || c == '\n' || c == '\t') && quote == '\0') {
      inside = false;
    } else {
      if (!inside) {
        words.emplace_back();
      }
      inside = true;
      words.back() += c;
    }
  }
  return words;
}

// In the child. Leaves only by exec or exit.
[[noreturn]] void become(const std::vector<std::string>& words, int output, const std::vector<int>& cores) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::dup2(output, STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  if (pin_to(cores)) {
    ::execvp(arguments[0], arguments.data());
  }
  fmt::print(stderr, "cannot start {}: {}\n", words[0], std::strerror(errno));
  ::_exit(127);
}

}  // namespace

Result<ServerProcess> ServerProcess::start(std::string_view command, std::string_view ready_line,
                                           const std::vector<int>& cores) {
  const std::vector<std::string> words = split_words(command);
  std::array<int, 2> ends{};
  if (words.empty() || ::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail("--start has no command");
  }
  net::Fd read_end(ends[0]);
  net::Fd write_end(ends[1]);
  const int pid = ::fork();
  if (pid < 0) {
    return fail("cannot fork");
  }
  if (pid == 0) {
    become(words, write_end.get(), cores);
  }
  write_end.reset();
  ServerProcess server(pid, std::move(read_end));
  if (const Result<> ready = server.read_until(ready_line); !ready) {
    return tl::unexpected(ready.error());
  }
  return server;
}

ServerProcess::ServerProcess(ServerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), output_(std::move(other.output_)), text_(std::move(other.text_)) {}

Result<> ServerProcess::read_until(std::string_view ready_line) {
  const MonotonicMs deadline = monotonic_ms() + kStartTimeout;
  const std::string wanted = fmt::format("\n{}\n", ready_line);
  text_ = "\n";
  while (text_.find(wanted) == std::string::npos) {
    const MonotonicMs left = deadline - monotonic_ms();
    pollfd waiting{.fd = output_.get(), .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) {
      return fail(fmt::format("the server did not say \"{}\" within 20 s", ready_line));
    }
    std::array<char, 4096> bytes;
    const ssize_t got = ::read(output_.get(), bytes.data(), bytes.size());
    if (got <= 0) {
      return fail("the server ended before it was ready");
    }
    text_.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return {};
}

std::string ServerProcess::after(std::string_view beginning) const {
  const std::string wanted = fmt::format("\n{}", beginning);
  const std::size_t at = text_.find(wanted);
  if (at == std::string::npos) {
    return {};
  }
  const std::size_t from = at + wanted.size();
  return text_.substr(from, text_.find('\n', from) - from);
}

ServerProcess::~ServerProcess() {
  if (pid_ == 0) {
    return;
  }
  ::kill(pid_, SIGTERM);
  for (int i = 0; i < kStopTries; ++i) {
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) {
      return;
    }
    ::usleep(100'000);
  }
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace pushwire::bench
