#include "bus/zookeeper/zookeeper_link.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/quiet_log.h"
#include "bus/backoff.h"
#include "bus/zookeeper/sequence_name.h"
#include "bus/zookeeper/server_lookup.h"
#include "bus/zookeeper/znode_cleaner.h"
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
// A session that had no connection for so long has expired where it was. The library would try on for ever with servers
// that refuse it: those that lost their data refuse whoever has seen more of it than there is.
constexpr MonotonicMs kGiveUpMs = ZooKeeperSession::kTimeoutMs + 2'000;
// A record may be wanted by a node that was away for bus.max_replay_age; this many times that is sure.
constexpr int kKeptAges = 3;

// Who asked is in a tag's first two bits: the reader (none of them), this link, or the bus with a record. In the link's
// own is the attempt to come up, whose late answers mean nothing to the next one, and the step in it.
constexpr std::uint64_t kLinkTag = std::uint64_t{1} << 62;
constexpr std::uint64_t kRecordTag = std::uint64_t{1} << 63;
enum class Step : std::uint8_t { kParent, kFolder, kBirth, kMarker, kSweep };
constexpr std::uint64_t kSteps = 8;

bool is_lost_connection(int code) {
  return code == ZCONNECTIONLOSS || code == ZSESSIONEXPIRED || code == ZCLOSING || code == ZINVALIDSTATE ||
         code == ZOPERATIONTIMEOUT;
}

class ZooKeeperLink final : public Link, private net::IoHandler, private ServerLookup::Listener {
 public:
  ZooKeeperLink(SessionOpener open, const net::SocketCalls& calls, net::EventLoop& loop, LinkEvents& events,
                const Settings& settings)
      : open_(std::move(open)),
        loop_(loop),
        events_(events),
        settings_(settings),
        folder_(fmt::format("{}/{}/messages", settings.zookeeper.root == "/" ? "" : settings.zookeeper.root,
                            settings.name_space)),
        servers_(fmt::format("{}", fmt::join(settings.zookeeper.servers, ","))),
        lookup_(loop, calls, *this),
        reader_(events, folder_ + "/"),
        cleaner_(folder_ + "/", std::max<MonotonicMs>(settings.max_replay_age.count(), 1'000) * kKeptAges),
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

  void on_io(std::uint32_t events) override;
  void on_addresses(Result<std::string> servers) override;
  void on_tick(MonotonicMs now);
  void begin_session();
  void give_up_session();
  void on_event(ZooKeeperEvent&& event);
  void on_state(int state);
  void on_folder_changed(int type);
  void come_up();
  void on_step(const ZooKeeperEvent& event);
  void fail_step(int code, std::string_view what);
  void on_record_made(const ZooKeeperEvent& event);
  void go_up(std::int32_t marker);
  void go_down(std::string reason);
  std::uint64_t tag_of(Step step) const noexcept {
    return kLinkTag | (attempt_ * kSteps + static_cast<std::uint64_t>(step));
  }

  // Constant after construction.
  const SessionOpener open_;
  net::EventLoop& loop_;
  LinkEvents& events_;
  const Settings settings_;
  const std::string folder_;
  const std::string servers_;  // for words to the operator
  // The loop's.
  std::vector<net::Endpoint> endpoints_;
  net::Fd wakeup_;
  ServerLookup lookup_;
  std::unique_ptr<ZNodeTree> session_;
  ZNodeReader reader_;
  ZNodeCleaner cleaner_;
  Tick tick_;
  Backoff backoff_;
  MonotonicMs next_try_at_ = 0;  // without a session to open one, with a connection to come up
  MonotonicMs apart_since_ = 0;  // without a connection, or on the way to one
  bool connected_ = false;
  bool expired_ = false;
  std::uint64_t attempt_ = 0;
  bool coming_up_ = false;           // steps of the attempt are unanswered
  ZNodeBirth birth_;                 // of the folder, in this attempt
  std::optional<ZNodeBirth> known_;  // of the one that is read; none when that is gone
  bool up_ = false;
  std::string told_;  // why it is down
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
  for (const std::string& server : settings_.zookeeper.servers) {
    Result<net::Endpoint> endpoint = net::parse_endpoint(server);
    if (!endpoint) {
      return fail("bus.zookeeper.servers: " + endpoint.error().message);
    }
    endpoints_.push_back(std::move(*endpoint));
  }
  wakeup_.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wakeup_ || !loop_.add(wakeup_.get(), EPOLLIN, *this)) {
    wakeup_.reset();
    return fail("bus.zookeeper: no event descriptor; raise the limit of open files");
  }
  loop_.timers().arm(tick_, loop_.now() + kTickMs);
  begin_session();
  return {};
}

// --- the session -------------------------------------------------------------------------------------------------

void ZooKeeperLink::begin_session() {
  apart_since_ = loop_.now();
  lookup_.begin(endpoints_);
}

// A name that cannot be looked up now may be there later: the tick tries again.
void ZooKeeperLink::on_addresses(Result<std::string> servers) {
  if (!servers) {
    next_try_at_ = loop_.now() + backoff_.next();
    go_down("bus.zookeeper.servers: " + servers.error().message);
    return;
  }
  Result<std::unique_ptr<ZNodeTree>> session = open_(*servers, wakeup_.get());
  if (!session) {
    next_try_at_ = loop_.now() + backoff_.next();
    go_down(session.error().message);
    return;
  }
  session_ = std::move(*session);
  apart_since_ = loop_.now();
}

void ZooKeeperLink::give_up_session() {
  expired_ = false;
  connected_ = false;
  coming_up_ = false;
  reader_.stop();
  session_.reset();
  next_try_at_ = loop_.now() + backoff_.next();
}

void ZooKeeperLink::close() {
  tick_.cancel();
  loop_.cancel_run_again(*this);
  up_ = false;
  lookup_.stop();
  reader_.stop();
  session_.reset();
  if (wakeup_) {
    loop_.remove(wakeup_.get());
    wakeup_.reset();
  }
}

void ZooKeeperLink::on_tick(MonotonicMs now) {
  loop_.timers().arm(tick_, now + kTickMs);
  if (lookup_.is_under_way()) {
    if (now >= apart_since_ + kPatienceMs) {
      if (told_.empty()) {  // what the name server said the last time is a better reason
        go_down("bus.zookeeper.servers: no answer yet to where they are; is there a name server?");
      }
      lookup_.hurry();
    }
  } else if (!session_) {
    if (now >= next_try_at_) {
      begin_session();
    }
  } else if (!connected_) {
    if (now >= apart_since_ + kPatienceMs) {
      go_down(fmt::format("bus.zookeeper.servers: no connection to {}", servers_));
    }
    if (now >= apart_since_ + kGiveUpMs) {
      give_up_session();
    }
  } else if (!up_) {
    if (!coming_up_ && now >= next_try_at_) {
      come_up();
    }
  } else {
    reader_.check();
    cleaner_.remove_old(*session_, now);
    cleaner_.last_was(reader_.last(), now);
    if (cleaner_.is_sweep_due(now)) {
      (void)session_->children(folder_, tag_of(Step::kSweep));
    }
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
    give_up_session();
  }
}

void ZooKeeperLink::on_event(ZooKeeperEvent&& event) {
  if (event.kind == ZooKeeperReply::kState) {
    on_state(event.code);
  } else if (event.kind == ZooKeeperReply::kWatch && event.text == folder_) {
    on_folder_changed(event.code);
  } else if ((event.tag & kRecordTag) != 0) {
    on_record_made(event);
  } else if ((event.tag & kLinkTag) != 0) {
    on_step(event);
  } else if (event.kind != ZooKeeperReply::kRemoved) {
    reader_.on_event(std::move(event));
  }
}

void ZooKeeperLink::on_state(int state) {
  if (state == ZOO_CONNECTED_STATE) {
    connected_ = true;
    if (!up_) {
      come_up();
    }
    return;
  }
  if (connected_) {
    connected_ = false;
    apart_since_ = loop_.now();
  }
  coming_up_ = false;
  if (state == ZOO_EXPIRED_SESSION_STATE) {
    go_down("bus.zookeeper.servers: the session has expired; a new one is opened");
    expired_ = true;
  } else if (state == ZOO_READONLY_STATE) {
    go_down("bus.zookeeper.servers: this server is cut off from the others and only reads");
  } else {
    go_down(fmt::format("bus.zookeeper.servers: no connection to {}", servers_));
  }
}

// --- up and down -------------------------------------------------------------------------------------------------

// The folder, when it was made, and a record in it. Also while up, to look at the folder again.
void ZooKeeperLink::come_up() {
  ++attempt_;
  coming_up_ = true;
  int code = ZOK;
  for (std::size_t slash = folder_.find('/', 1); slash != std::string::npos && code == ZOK;
       slash = folder_.find('/', slash + 1)) {
    code = session_->make(folder_.substr(0, slash), "", 0, tag_of(Step::kParent));
  }
  if (code == ZOK) {
    code = session_->make(folder_, "", 0, tag_of(Step::kFolder));
  }
  if (code != ZOK) {
    fail_step(code, "cannot be made");
  }
}

void ZooKeeperLink::on_step(const ZooKeeperEvent& event) {
  const std::uint64_t asked = event.tag & ~kLinkTag;
  if (asked / kSteps != attempt_) {
    return;
  }
  int next = ZOK;
  switch (static_cast<Step>(asked % kSteps)) {
    case Step::kParent:
      break;  // answers come in order: what the last one says is enough
    case Step::kFolder:
      if (event.code != ZOK && event.code != ZNODEEXISTS) {
        fail_step(event.code, "cannot be made");
        break;
      }
      next = session_->exists(folder_, tag_of(Step::kBirth));
      break;
    case Step::kBirth:
      if (event.code != ZOK) {
        fail_step(event.code, "cannot be looked at");
        break;
      }
      birth_ = event.birth;
      // An empty record: its number is the position, and that it can be made proves that this node may.
      next = session_->make(folder_ + "/m-", "", ZOO_SEQUENCE, tag_of(Step::kMarker));
      break;
    case Step::kMarker:
      if (const std::optional<std::int32_t> number = znode_number(event.text); event.code == ZOK && number) {
        go_up(*number);
      } else {
        fail_step(event.code, "takes no record");
      }
      break;
    case Step::kSweep:
      if (event.code == ZOK) {
        cleaner_.on_swept(event.names, loop_.now());
      }
      break;
  }
  if (next != ZOK) {
    fail_step(next, "cannot be asked for");
  }
}

// The tick tries again.
void ZooKeeperLink::fail_step(int code, std::string_view what) {
  coming_up_ = false;
  ++attempt_;
  next_try_at_ = loop_.now() + backoff_.next();
  if (is_lost_connection(code)) {
    go_down(fmt::format("bus.zookeeper.servers: no connection to {}", servers_));
  } else {
    go_down(fmt::format("bus.zookeeper.root: {} {} ({})", folder_, what, zerror(code)));
  }
}

void ZooKeeperLink::go_up(std::int32_t marker) {
  coming_up_ = false;
  const bool is_other = reader_.started() && known_ != birth_;
  if (is_other) {
    cleaner_.forget();
    if (up_) {
      go_down(fmt::format("bus.zookeeper.root: {} is another one now", folder_));
    }
  }
  known_ = birth_;
  cleaner_.made(marker, loop_.now());
  cleaner_.last_was(marker, loop_.now());
  if (up_) {
    return;
  }
  up_ = true;
  told_.clear();
  events_.on_up();
  reader_.start(*session_, marker, is_other ? ZNodeReader::Count::kBeganAgain : ZNodeReader::Count::kGoesOn);
}

void ZooKeeperLink::go_down(std::string reason) {
  reader_.stop();
  if (up_ || told_ != reason) {
    up_ = false;
    told_ = std::move(reason);
    events_.on_down(told_);
  }
}

// Whoever makes it anew, its numbers begin again: nodes that did not notice would wait for late ones and take all new
// records for what somebody left behind.
void ZooKeeperLink::on_folder_changed(int type) {
  if (type == ZOO_DELETED_EVENT) {
    known_.reset();
    cleaner_.forget();
    go_down(fmt::format("bus.zookeeper.root: {} was removed; it is made anew", folder_));
  }
  if (connected_) {
    come_up();  // and watch it again
  }
}

// --- records -----------------------------------------------------------------------------------------------------

void ZooKeeperLink::send(const OutRecord& record) {
  const int code = session_->make(folder_ + "/m-", record.bytes, ZOO_SEQUENCE, kRecordTag | record.number);
  if (code != ZOK) {
    log(LogLevel::kDebug, "bus.zookeeper: not sent ({})", zerror(code));  // the connection has gone: on_down() follows
  }
}

void ZooKeeperLink::on_record_made(const ZooKeeperEvent& event) {
  const std::optional<std::int32_t> number = znode_number(event.text);
  if (event.code == ZOK && number) {
    if (up_ && !is_later(*number, reader_.last())) {
      // This node has read on from here already, in another folder. The record is sent again when the others look here.
      known_.reset();
      go_down(fmt::format("bus.zookeeper.root: {} counts from the beginning again", folder_));
      come_up();
      return;
    }
    cleaner_.made(*number, loop_.now());
    reader_.saw(*number);
  }
  if (!up_) {
    return;  // the bus sends it again
  }
  const std::uint64_t record = event.tag & ~kRecordTag;
  switch (event.code) {
    case ZOK:
      backoff_.reset();
      events_.on_sent(record, SendResult::kStored);
      break;
    case ZNOAUTH:
    case ZBADARGUMENTS:
      refused_log_.warn(loop_.now(), "bus.zookeeper.root: {} takes no record ({})", folder_, zerror(event.code));
      events_.on_sent(record, SendResult::kRefused);
      break;
    default:
      // The folder was removed, the server is short of something, or there is none: begin again from there.
      fail_step(event.code, "takes no record");
      break;
  }
}

}  // namespace

std::unique_ptr<Link> make_zookeeper_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings) {
  return make_zookeeper_link_over(ZooKeeperSession::open, net::SocketCalls::kernel(), loop, events, settings);
}

std::unique_ptr<Link> make_zookeeper_link_over(SessionOpener open, const net::SocketCalls& calls, net::EventLoop& loop,
                                               LinkEvents& events, const Settings& settings) {
  return std::make_unique<ZooKeeperLink>(std::move(open), calls, loop, events, settings);
}

}  // namespace pushwire::bus
