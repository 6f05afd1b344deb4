#include "api/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

namespace pushwire::api {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

std::uint64_t count_fds() {
  // Since Linux 6.2 the size of the directory is the number of open descriptors; before, they have to be listed.
  struct stat status {};
  if (::stat("/proc/self/fd", &status) == 0 && status.st_size > 0) {
    return static_cast<std::uint64_t>(status.st_size);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
  std::uint64_t count = 0;
  while (folder != nullptr && ::readdir(folder.get()) != nullptr) {
    ++count;
  }
  return count > 3 ? count - 3 : 0;  // without ".", ".." and the folder itself
}

}  // namespace

ProcessNumbers read_process_numbers() {
  ProcessNumbers numbers;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    numbers.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> statm(std::fopen("/proc/self/statm", "re"), std::fclose);
  unsigned long total = 0;
  unsigned long resident = 0;
  if (statm != nullptr && std::fscanf(statm.get(), "%lu %lu", &total, &resident) == 2) {
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    numbers.virtual_bytes = total * page;
    numbers.resident_bytes = resident * page;
  }
  numbers.open_fds = count_fds();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    numbers.max_fds = limit.rlim_cur;
  }
  return numbers;
}

}  // namespace pushwire::api
