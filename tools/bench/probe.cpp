#include "bench/probe.h"

#include <fmt/format.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace pushwire::bench {
namespace {

// The caches that one end of a TCP connection has its objects in.
constexpr std::array<std::string_view, 13> kCaches = {
    "TCP",     "TCPv6",           "sock_inode_cache", "dentry",   "filp",        "eventpoll_epi",   "eventpoll_pwq",
    "ep_head", "lsm_inode_cache", "lsm_file_cache",   "io_kiocb", "tw_sock_TCP", "request_sock_TCP"};

std::int64_t cpu_ns(int pid) {
  clockid_t clock;
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    return 0;
  }
  return used.tv_sec * 1'000'000'000 + used.tv_nsec;
}

// Fields 14 and 15 of /proc/PID/stat: user and system time.
void add_ticks(int pid, Usage& usage) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(std::min(text.rfind(')') + 1, text.size())));
  std::string skipped;
  for (int i = 3; i < 14; ++i) {
    fields >> skipped;
  }
  std::int64_t user = 0;
  std::int64_t system = 0;
  fields >> user >> system;
  usage.user_ticks += user;
  usage.system_ticks += system;
}

void add_memory(int pid, Usage& usage) {
  std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
  std::string word;
  while (file >> word) {
    std::int64_t kib = 0;
    if (word == "Pss:" && file >> kib) {
      usage.pss_bytes += kib * 1024;
    } else if (word == "Pss_Anon:" && file >> kib) {
      usage.anonymous_bytes += kib * 1024;
    }
  }
}

std::int64_t slab_bytes() {
  std::ifstream file("/proc/slabinfo");
  std::int64_t bytes = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    if (std::find(kCaches.begin(), kCaches.end(), name) == kCaches.end()) {
      continue;
    }
    // name active objects size per_slab pages_per_slab : tunables a b c : slabdata active slabs shared
    std::array<std::string, 15> rest;
    for (std::string& field : rest) {
      fields >> field;
    }
    bytes += std::stoll("0" + rest[13]) * std::stoll("0" + rest[4]) * sysconf(_SC_PAGESIZE);
  }
  return bytes;
}

}  // namespace

Usage read_cpu(const std::vector<int>& pids) {
  Usage usage;
  for (const int pid : pids) {
    usage.cpu_ns += cpu_ns(pid);
    add_ticks(pid, usage);
  }
  return usage;
}

Usage read_usage(const std::vector<int>& pids) {
  Usage usage = read_cpu(pids);
  for (const int pid : pids) {
    add_memory(pid, usage);
  }
  usage.slab_bytes = slab_bytes();
  return usage;
}

Usage operator-(const Usage& later, const Usage& earlier) {
  return {later.cpu_ns - earlier.cpu_ns,
          later.user_ticks - earlier.user_ticks,
          later.system_ticks - earlier.system_ticks,
          later.pss_bytes - earlier.pss_bytes,
          later.anonymous_bytes - earlier.anonymous_bytes,
          later.slab_bytes - earlier.slab_bytes};
}

bool pin_to(const std::vector<int>& cores, int pid) {
  if (cores.empty()) {
    return true;
  }
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) {
    CPU_SET(static_cast<unsigned>(core), &set);
  }
  return sched_setaffinity(pid, sizeof set, &set) == 0;
}

}  // namespace pushwire::bench
