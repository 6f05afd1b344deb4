// BusServer: a real server of one bus, started for the tests by tools/bus/server.py and gone with this process.
// One thread at a time. An operation that fails fails the test that runs, with the server's own words.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "bus/settings.h"

namespace pushwire::bus {

class BusServer {
 public:
  // `arguments` of tools/bus/server.py: "redis", "--durable".
  explicit BusServer(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}
  BusServer(const BusServer&) = delete;
  BusServer& operator=(const BusServer&) = delete;
  ~BusServer();

  // Ready for clients when it returns true.
  [[nodiscard]] bool start();
  bool started() const noexcept { return !processes_.empty(); }
  // What reaches it; everything else as it is by default.
  const Settings& settings() const noexcept { return settings_; }
  // By the names that tools/bus/server.py gives them: "port" is the clients' one.
  const std::map<std::string, int>& ports() const noexcept { return ports_; }

  // kill -9, SIGSTOP, SIGCONT to the process `name`, or to all.
  void signal(int number, const std::string& name = "") const;
  // Starts what was killed again: same ports, same data. Ready when it returns true.
  [[nodiscard]] bool restart(const std::string& name = "");
  // Kills all, deletes their data and starts them on the same ports.
  [[nodiscard]] bool wipe() { return command("wipe\n"); }

 private:
  void stop();
  bool read_announcement();
  bool spawn();
  bool command(const std::string& line);

  std::vector<std::string> arguments_;
  Settings settings_;
  std::map<std::string, int> ports_;
  std::map<std::string, pid_t> processes_;
  pid_t child_ = 0;
  int commands_ = -1;  // its standard input
  int answers_ = -1;   // its standard output
};

}  // namespace pushwire::bus
