#include "bus/zookeeper/zookeeper_link.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/quiet_log.h"
#include "bus/backoff.h"
#include "bus/zookeeper/znode_reader.h"
#include "bus/zookeeper/zookeeper_session.h"
#include "net/fd.h"
#include "net/io_handler.h"

namespace pushwire::bus {
namespace {

// ZooKeeper takes requests of 0xfffff bytes (jute.maxbuffer); the path and the rights are in it, too.
constexpr std::size_t kLargestRecord = 1'040'000;
constexpr MonotonicMs kTickMs = 500;
constexpr MonotonicMs kPatienceMs = 2'000;  // the library does not tell that a first connection fails
constexpr std::size_t kRemovedPerTick = 500;
// A record may be wanted by a node that was away for bus.max_replay_age; this many times that is sure.
constexpr int kKeptAges = 3;
constexpr MonotonicMs kSweepEveryMs = 30'000;  // with up to as much again at random
constexpr std::size_t kSweptAtOnce = 5'000;

// What a request is for; records have their own number, from kFirstRecord on.
constexpr std::uint64_t kFolderTag = 0;
constexpr std::uint64_t kLastFolderTag = 1;
constexpr std::uint64_t kMarkerTag = 2;
constexpr std::uint64_t kSweepTag = 3;
constexpr std::uint64_t kFirstRecord = 16;

class ZooKeeperLink final : public Link, private net::IoHandler {
 public:
  ZooKeeperLink(net::EventLoop& loop, LinkEvents& events, const Settings& settings)
      : loop_(loop),
        events_(events),
        settings_(settings),
        folder_(fmt::format("{}/{}/messages/", settings.zookeeper.root == "/" ? "" : settings.zookeeper.root,
                            settings.name_space)),
        servers_(fmt::format("{}", fmt::join(settings.zookeeper.servers, ","))),
        kept_ms_(std::max<MonotonicMs>(settings.max_replay_age.count(), 1'000) * kKeptAges),
        reader_(events, folder_),
        tick_(*this) {}
  ZooKeeperLink(const ZooKeeperLink&) = delete;
  ZooKeeperLink& operator=(const ZooKeeperLink&) = delete;
  ~ZooKeeperLink() override { close(); }

  Result<> open() override;
  void send(const OutRecord& record) override;
  void pause() override { reader_.pause(); }
  void resume() override { reader_.resume(); }
  void close() override;
  Capabilities capabilities() const override { return {.replay = true, .ordered = true, .at_least_once = true}; }
  std::size_t largest_record() const noexcept override { return kLargestRecord; }

 private:
  class Tick final : public net::Timer {
   public:
    explicit Tick(ZooKeeperLink& link) : link_(link) {}

   private:
    void on_timer(MonotonicMs now) override { link_.on_tick(now); }
    ZooKeeperLink& link_;
  };
  struct Own {
    std::int32_t number;
    MonotonicMs until;
  };
  struct Seen {
    std::int32_t number;
    MonotonicMs at;
  };

  void on_io(std::uint32_t events) override;
  void on_tick(MonotonicMs now);
  Result<> open_session();
  void on_event(ZooKeeperEvent&& event);
  void on_state(int state);
  void on_made(const ZooKeeperEvent& event);
  void on_record_made(const ZooKeeperEvent& event);
  void make_folders();
  void go_up(std::int32_t marker);
  void go_down(std::string reason);
  void remove_old(MonotonicMs now);
  void sweep(MonotonicMs now);
  void on_swept(const std::vector<std::string>& names);

  // Constant after construction.
  net::EventLoop& loop_;
  LinkEvents& events_;
  const Settings settings_;
  const std::string folder_;
  const std::string servers_;
  const MonotonicMs kept_ms_;
  // The loop's.
  net::Fd wakeup_;
  std::unique_ptr<ZooKeeperSession> session_;
  ZNodeReader reader_;
  Tick tick_;
  Backoff backoff_;
  std::deque<Own> own_;    // made by this node, or left by one that is gone: to be removed
  std::deque<Seen> seen_;  // what was the last number when
  MonotonicMs sweep_at_ = 0;
  MonotonicMs open_at_ = 0;  // a session is to be opened then
  bool up_ = false;
  bool told_down_ = false;
  bool expired_ = false;
  std::mt19937_64 random_{std::random_device{}()};
  QuietLog refused_log_;
};

Result<> ZooKeeperLink::open() {
  if (settings_.zookeeper.servers.empty()) {
    return fail("bus.zookeeper.servers: name at least one, host:port");
  }
  const std::string& root = settings_.zookeeper.root;
  if (!root.starts_with('/') || (root.size() > 1 && root.ends_with('/')) || root.find("//") != std::string::npos) {
    return fail(fmt::format("bus.zookeeper.root: '{}' is no path; it begins with a slash and ends without", root));
  }
  if (settings_.name_space.empty() || settings_.name_space.find('/') != std::string::npos) {
    return fail(fmt::format("bus.namespace: '{}' is no name of a znode", settings_.name_space));
  }
  wakeup_.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wakeup_ || !loop_.add(wakeup_.get(), EPOLLIN, *this)) {
    wakeup_.reset();
    return fail("bus.zookeeper: no event descriptor; raise the limit of open files");
  }
  loop_.timers().arm(tick_, loop_.now() + kTickMs);
  // A name that cannot be looked up now may be there later: the tick tries again.
  if (const Result<> opened = open_session(); !opened) {
    go_down(opened.error().message);
  }
  return {};
}

Result<> ZooKeeperLink::open_session() {
  expired_ = false;
  Result<std::unique_ptr<ZooKeeperSession>> session = ZooKeeperSession::open(servers_, wakeup_.get());
  if (!session) {
    open_at_ = loop_.now() + backoff_.next();
    return fail(session.error().message);
  }
  session_ = std::move(*session);
  open_at_ = loop_.now();
  return {};
}

void ZooKeeperLink::close() {
  tick_.cancel();
  loop_.cancel_run_again(*this);
  up_ = false;
  reader_.stop();
  session_.reset();
  if (wakeup_) {
    loop_.remove(wakeup_.get());
    wakeup_.reset();
  }
}

void ZooKeeperLink::send(const OutRecord& record) {
  const int code = session_->make(folder_ + "m-", record.bytes, ZOO_SEQUENCE, kFirstRecord + record.number);
  if (code != ZOK) {
    log(LogLevel::kDebug, "bus.zookeeper: not sent ({})", zerror(code));  // the connection has gone: on_down() follows
  }
}

void ZooKeeperLink::on_io(std::uint32_t) {
  if (!wakeup_) {
    return;  // closed in this turn
  }
  eventfd_t count = 0;
  (void)eventfd_read(wakeup_.get(), &count);
  if (!session_) {
    return;
  }
  for (ZooKeeperEvent& event : session_->take()) {
    on_event(std::move(event));
  }
  if (expired_) {
    reader_.stop();
    session_.reset();
    open_at_ = loop_.now() + backoff_.next();
  }
}

void ZooKeeperLink::on_event(ZooKeeperEvent&& event) {
  switch (event.kind) {
    case ZooKeeperReply::kState:
      on_state(event.code);
      break;
    case ZooKeeperReply::kMade:
      on_made(event);
      break;
    case ZooKeeperReply::kRemoved:
      break;  // what is still there is found by a sweep
    case ZooKeeperReply::kChildren:
      if (event.tag == kSweepTag) {
        if (event.code == ZOK) {
          on_swept(event.names);
        }
        break;
      }
      [[fallthrough]];
    case ZooKeeperReply::kWatch:
    case ZooKeeperReply::kData:
    case ZooKeeperReply::kExists:
      reader_.on_event(std::move(event));
      break;
  }
}

void ZooKeeperLink::on_state(int state) {
  if (state == ZOO_CONNECTED_STATE) {
    if (!up_) {
      make_folders();
    }
  } else if (state == ZOO_EXPIRED_SESSION_STATE) {
    go_down("bus.zookeeper.servers: the session has expired; a new one is opened");
    expired_ = true;
  } else if (state == ZOO_READONLY_STATE) {
    go_down("bus.zookeeper.servers: this server is cut off from the others and only reads");
  } else {
    go_down(fmt::format("bus.zookeeper.servers: no connection to {}", servers_));
  }
}

// Those that are there already are no error; the answers come in order, so only the last one matters.
void ZooKeeperLink::make_folders() {
  const std::string last = folder_.substr(0, folder_.size() - 1);
  for (std::size_t slash = last.find('/', 1); slash != std::string::npos; slash = last.find('/', slash + 1)) {
    (void)session_->make(last.substr(0, slash), "", 0, kFolderTag);
  }
  (void)session_->make(last, "", 0, kLastFolderTag);
}

void ZooKeeperLink::on_made(const ZooKeeperEvent& event) {
  if (event.tag >= kFirstRecord) {
    on_record_made(event);
  } else if (event.tag == kLastFolderTag) {
    if (event.code == ZOK || event.code == ZNODEEXISTS) {
      // An empty record: its number is the position, and that it can be made proves that this node may.
      (void)session_->make(folder_ + "m-", "", ZOO_SEQUENCE, kMarkerTag);
    } else {
      go_down(fmt::format("bus.zookeeper.root: {} cannot be made ({})", folder_, zerror(event.code)));
    }
  } else if (event.tag == kMarkerTag) {
    const std::optional<std::int32_t> number = znode_number(event.text);
    if (event.code == ZOK && number) {
      go_up(*number);
    } else if (event.code != ZCONNECTIONLOSS && event.code != ZCLOSING && event.code != ZSESSIONEXPIRED) {
      go_down(fmt::format("bus.zookeeper.root: nothing can be made in {} ({})", folder_, zerror(event.code)));
    }
  }
}

void ZooKeeperLink::on_record_made(const ZooKeeperEvent& event) {
  const std::optional<std::int32_t> number = znode_number(event.text);
  if (event.code == ZOK && number) {
    own_.push_back({*number, loop_.now() + kept_ms_});
    reader_.saw(*number);
  }
  if (!up_) {
    return;  // the bus sends it again
  }
  const std::uint64_t record = event.tag - kFirstRecord;
  switch (event.code) {
    case ZOK:
      events_.on_sent(record, SendResult::kStored);
      break;
    case ZCONNECTIONLOSS:
    case ZSESSIONEXPIRED:
    case ZCLOSING:
    case ZINVALIDSTATE:
      go_down(fmt::format("bus.zookeeper.servers: lost the connection to {}", servers_));
      break;
    case ZNOAUTH:
    case ZBADARGUMENTS:
      refused_log_.warn(loop_.now(), "bus.zookeeper.root: {} takes no record ({})", folder_, zerror(event.code));
      events_.on_sent(record, SendResult::kRefused);
      break;
    default:
      // The folder was removed, or the server is short of something: begin again from there.
      go_down(fmt::format("bus.zookeeper.root: {} takes no record ({})", folder_, zerror(event.code)));
      make_folders();
      break;
  }
}

void ZooKeeperLink::go_up(std::int32_t marker) {
  own_.push_back({marker, loop_.now() + kept_ms_});
  seen_.push_back({marker, loop_.now()});
  if (up_) {
    return;
  }
  up_ = true;
  told_down_ = false;
  backoff_.reset();
  if (sweep_at_ == 0) {
    sweep_at_ = loop_.now() + kSweepEveryMs;
  }
  events_.on_up();
  reader_.start(*session_, marker);
}

void ZooKeeperLink::go_down(std::string reason) {
  reader_.stop();
  if (up_ || !told_down_) {
    up_ = false;
    told_down_ = true;
    events_.on_down(reason);
  }
}

void ZooKeeperLink::on_tick(MonotonicMs now) {
  loop_.timers().arm(tick_, now + kTickMs);
  if (!session_) {
    if (now >= open_at_) {
      if (const Result<> opened = open_session(); !opened) {
        go_down(opened.error().message);
      }
    }
  } else if (!up_) {
    if (now >= open_at_ + kPatienceMs) {
      go_down(fmt::format("bus.zookeeper.servers: no connection to {}", servers_));
    }
  } else {
    reader_.check();
    remove_old(now);
    sweep(now);
  }
}

void ZooKeeperLink::remove_old(MonotonicMs now) {
  for (std::size_t i = 0; i < kRemovedPerTick && !own_.empty() && own_.front().until <= now; ++i) {
    (void)session_->remove(folder_ + znode_name(own_.front().number), 0);
    own_.pop_front();
  }
}

// Looks for what nodes have left behind that are gone. Each node does it now and then, at random.
void ZooKeeperLink::sweep(MonotonicMs now) {
  seen_.push_back({reader_.last(), now});
  while (seen_.size() > 1 && seen_[1].at <= now - kept_ms_) {
    seen_.pop_front();
  }
  if (now >= sweep_at_) {
    sweep_at_ = now + std::uniform_int_distribution<MonotonicMs>(kSweepEveryMs, 2 * kSweepEveryMs)(random_);
    (void)session_->children(folder_.substr(0, folder_.size() - 1), kSweepTag);
  }
}

void ZooKeeperLink::on_swept(const std::vector<std::string>& names) {
  const MonotonicMs now = loop_.now();
  if (seen_.empty() || seen_.front().at > now - kept_ms_) {
    return;  // nothing is known to be that old
  }
  std::size_t found = 0;
  for (const std::string& name : names) {
    const std::optional<std::int32_t> number = znode_number(name);
    if (number && !is_later(*number, seen_.front().number) && found < kSweptAtOnce) {
      own_.push_front({*number, now});
      ++found;
    }
  }
}

}  // namespace

std::unique_ptr<Link> make_zookeeper_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings) {
  return std::make_unique<ZooKeeperLink>(loop, events, settings);
}

}  // namespace pushwire::bus
