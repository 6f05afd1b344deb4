#include "net/name_lookup.h"

#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "net/fd.h"

namespace pushwire::net {
namespace {

std::atomic<int> waiting{0};

Result<std::vector<Address>> look_up(const Endpoint& endpoint, const SocketCalls& calls) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = calls.lookup(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), hints, &found);
  if (error != 0) {
    const char* why = error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error);
    return fail("cannot find the address of \"" + endpoint.host + "\": " + why);
  }
  std::vector<Address> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_addrlen <= sizeof(sockaddr_storage)) {
      Address address;
      std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
      address.length = each->ai_addrlen;
      addresses.push_back(address);
    }
  }
  ::freeaddrinfo(found);
  if (addresses.empty()) {
    return fail("cannot find the address of \"" + endpoint.host + "\": the name has none");
  }
  return addresses;
}

}  // namespace

struct NameLookup::Shared {
  Fd ready{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::mutex mutex;
  Result<std::vector<Address>> answer = fail("no answer yet");  // guarded by mutex
};

Result<NameLookup> NameLookup::begin(const Endpoint& endpoint, const SocketCalls& calls) {
  auto shared = std::make_shared<Shared>();
  if (!shared->ready) {
    return fail("cannot look up \"" + endpoint.host + "\": " + std::strerror(errno));
  }
  if (waiting.fetch_add(1, std::memory_order_relaxed) >= kMostAtOnce) {
    waiting.fetch_sub(1, std::memory_order_relaxed);
    return fail("cannot look up \"" + endpoint.host + "\": the name server has left too many questions unanswered");
  }
  try {
    std::thread([shared, endpoint, &calls] {
      auto answer = look_up(endpoint, calls);
      {
        const std::lock_guard lock(shared->mutex);
        shared->answer = std::move(answer);
      }
      waiting.fetch_sub(1, std::memory_order_relaxed);
      (void)eventfd_write(shared->ready.get(), 1);
    }).detach();
  } catch (const std::system_error& error) {
    waiting.fetch_sub(1, std::memory_order_relaxed);
    return fail("cannot look up \"" + endpoint.host + "\": " + error.what());
  }
  return NameLookup(std::move(shared));
}

int NameLookup::fd() const noexcept {
  return shared_->ready.get();
}

Result<std::vector<Address>> NameLookup::take() {
  const std::lock_guard lock(shared_->mutex);
  return std::move(shared_->answer);
}

}  // namespace pushwire::net
