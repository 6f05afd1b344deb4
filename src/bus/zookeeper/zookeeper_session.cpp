#include "bus/zookeeper/zookeeper_session.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace pushwire::bus {
namespace {

// The library would write to stderr itself.
void log_of_library(const char* text) {
  log(LogLevel::kDebug, "zookeeper: {}", text);
}

}  // namespace

Result<std::unique_ptr<ZNodeTree>> ZooKeeperSession::open(const std::string& servers, int wake_fd) {
  std::unique_ptr<ZooKeeperSession> session(new ZooKeeperSession(wake_fd));
  zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
  session->handle_ = zookeeper_init2(servers.c_str(), on_watch, kTimeoutMs, nullptr, session.get(), 0, log_of_library);
  if (session->handle_ == nullptr) {
    return fail("bus.zookeeper.servers: " + servers + " (" + std::generic_category().message(errno) + ")");
  }
  return session;
}

ZooKeeperSession::~ZooKeeperSession() {
  if (handle_ != nullptr) {
    (void)zookeeper_close(handle_);
  }
}

std::vector<ZooKeeperEvent> ZooKeeperSession::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

void ZooKeeperSession::post(ZooKeeperEvent event) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = events_.empty();
    events_.push_back(std::move(event));
  }
  if (was_empty) {
    (void)eventfd_write(wake_fd_, 1);  // cannot fail: the counter is far from full
  }
}

ZooKeeperSession::Call* ZooKeeperSession::call(ZooKeeperReply kind, std::uint64_t tag) {
  auto made = std::make_unique<Call>(Call{this, kind, tag});
  Call* result = made.get();
  const std::lock_guard lock(mutex_);
  calls_.emplace(result, std::move(made));
  return result;
}

int ZooKeeperSession::sent(int code, Call* call) {
  if (code != ZOK) {
    const std::lock_guard lock(mutex_);
    calls_.erase(call);  // there will be no answer
  }
  return code;
}

// On the library's thread. Not every request is answered: one that waits for a first connection goes with the session.
void ZooKeeperSession::answer(const void* call, ZooKeeperEvent event) {
  const Call& asked = *static_cast<const Call*>(call);
  ZooKeeperSession& session = *asked.session;
  event.kind = asked.kind;
  event.tag = asked.tag;
  session.post(std::move(event));
  const std::lock_guard lock(session.mutex_);
  session.calls_.erase(&asked);
}

int ZooKeeperSession::make(const std::string& path, std::string_view data, int flags, std::uint64_t tag) {
  Call* made = call(ZooKeeperReply::kMade, tag);
  return sent(zoo_acreate(handle_, path.c_str(), data.data(), static_cast<int>(data.size()), &ZOO_OPEN_ACL_UNSAFE,
                          flags, on_made, made),
              made);
}

int ZooKeeperSession::read(const std::string& path, std::uint64_t tag) {
  Call* made = call(ZooKeeperReply::kData, tag);
  return sent(zoo_aget(handle_, path.c_str(), 0, on_data, made), made);
}

int ZooKeeperSession::exists(const std::string& path, std::uint64_t tag) {
  Call* made = call(ZooKeeperReply::kExists, tag);
  return sent(zoo_awexists(handle_, path.c_str(), on_watch, this, on_exists, made), made);
}

int ZooKeeperSession::children(const std::string& path, std::uint64_t tag) {
  Call* made = call(ZooKeeperReply::kChildren, tag);
  return sent(zoo_aget_children(handle_, path.c_str(), 0, on_children, made), made);
}

int ZooKeeperSession::remove(const std::string& path, std::uint64_t tag) {
  Call* made = call(ZooKeeperReply::kRemoved, tag);
  return sent(zoo_adelete(handle_, path.c_str(), -1, on_removed, made), made);
}

// On the library's thread, like all below.
void ZooKeeperSession::on_watch(zhandle_t*, int type, int state, const char* path, void* context) {
  auto* session = static_cast<ZooKeeperSession*>(context);
  if (type == ZOO_SESSION_EVENT) {
    // Each watch is told of it, too: those copies say the same.
    session->post({.kind = ZooKeeperReply::kState, .code = state});
  } else {
    session->post({.kind = ZooKeeperReply::kWatch, .code = type, .text = path == nullptr ? "" : path});
  }
}

void ZooKeeperSession::on_made(int code, const char* path, const void* call) {
  answer(call, {.code = code, .text = path == nullptr ? "" : path});
}

void ZooKeeperSession::on_data(int code, const char* value, int size, const Stat*, const void* call) {
  const bool empty = value == nullptr || size <= 0;
  answer(call, {.code = code, .text = empty ? "" : std::string(value, static_cast<std::size_t>(size))});
}

void ZooKeeperSession::on_exists(int code, const Stat* stat, const void* call) {
  const bool is_there = code == ZOK && stat != nullptr;
  answer(call, {.code = code, .birth = is_there ? ZNodeBirth{stat->czxid, stat->ctime} : ZNodeBirth{}});
}

void ZooKeeperSession::on_children(int code, const String_vector* names, const void* call) {
  std::vector<std::string> result;
  for (std::int32_t i = 0; names != nullptr && i < names->count; ++i) {
    result.emplace_back(names->data[i]);
  }
  answer(call, {.code = code, .names = std::move(result)});
}

void ZooKeeperSession::on_removed(int code, const void* call) {
  answer(call, {.code = code});
}

}  // namespace pushwire::bus
