// ServerProcess: a server that the tool starts, pins to cores, reads the listeners of, and ends by its pid.
// Thread: main. Lifetime: the destructor ends the server (SIGTERM, then SIGKILL after 15 s).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/fd.h"

namespace pushwire::bench {

class ServerProcess {
 public:
  // Runs the words of `command` (no shell; '…' and "…" keep blanks) and waits at most 20 s for a line `ready_line`.
  static Result<ServerProcess> start(std::string_view command, std::string_view ready_line,
                                     const std::vector<int>& cores);
  ServerProcess(ServerProcess&& other) noexcept;
  ServerProcess& operator=(ServerProcess&&) = delete;
  ~ServerProcess();

  int pid() const noexcept { return pid_; }
  // The rest of the first line that begins so, e.g. "clients on "; empty when there was none.
  std::string after(std::string_view beginning) const;

 private:
  ServerProcess(int pid, net::Fd output) noexcept : pid_(pid), output_(std::move(output)) {}
  Result<> read_until(std::string_view ready_line);

  int pid_;
  net::Fd output_;
  std::string text_;
};

}  // namespace pushwire::bench
