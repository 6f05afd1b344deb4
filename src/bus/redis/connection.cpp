#include "bus/redis/connection.h"

#include <hiredis/hiredis.h>

#include <array>
#include <utility>

#include "base/check.h"
#include "bus/redis/server_error.h"

namespace pushwire::bus::redis {
namespace {

constexpr MonotonicMs kTickMs = 400;
// A server that keeps a connection this long is well: the next attempt after a loss comes soon.
constexpr MonotonicMs kProvedMs = 2'000;
constexpr std::size_t kMostWords = 12;

}  // namespace

Connection::Connection(net::EventLoop& loop, const ConnectionOptions& options, ConnectionRole& role)
    : loop_(loop), options_(options), role_(role), stream_(loop, *this) {}

void Connection::open() {
  PW_CHECK(state_ == State::kClosed);
  connect();
}

void Connection::close() {
  state_ = State::kClosed;
  cancel();
  stream_.close();
}

void Connection::connect() {
  state_ = State::kConnecting;
  failed_.clear();
  asked_ = answered_ = paused_ = own_reply_ = false;
  net::StreamOptions options{.endpoint = options_.server, .tls = options_.tls};
  options.calls = options_.calls;
  stream_.open(std::move(options));
}

void Connection::on_open() {
  state_ = State::kLoggingIn;
  reader_.emplace(static_cast<ReplyEvents&>(*this));
  heard_ = loop_.now();
  asked_ = true;
  if (!options_.username.empty()) {
    write({"AUTH", options_.username, options_.password});
  } else if (!options_.password.empty()) {
    write({"AUTH", options_.password});
  }
  write({"PING"});
  stream_.flush();
  loop_.timers().arm(*this, loop_.now() + kTickMs);
}

void Connection::command(std::initializer_list<std::string_view> words) {
  PW_CHECK(is_ready());
  write(words);
}

void Connection::write(std::initializer_list<std::string_view> words) {
  std::array<const char*, kMostWords> texts{};
  std::array<std::size_t, kMostWords> sizes{};
  PW_CHECK(words.size() <= kMostWords);
  int count = 0;
  for (const std::string_view word : words) {
    texts[static_cast<std::size_t>(count)] = word.data() != nullptr ? word.data() : "";
    sizes[static_cast<std::size_t>(count)] = word.size();
    ++count;
  }
  char* formatted = nullptr;
  const int size = ::redisFormatCommandArgv(&formatted, count, texts.data(), sizes.data());
  PW_CHECK(size >= 0);
  stream_.write({formatted, static_cast<std::size_t>(size)});
  ::redisFreeCommand(formatted);
}

void Connection::on_bytes(std::string_view bytes) {
  heard_ = loop_.now();
  asked_ = false;
  answered_ = true;
  if (auto fed = reader_->feed(bytes); !fed && failed_.empty()) {
    failed_ = "bus.redis.address: " + server() + " does not speak as Redis does (" + fed.error().message + ")";
  }
  if (!failed_.empty()) {
    give_up(std::exchange(failed_, {}));
  }
}

void Connection::on_item(const ReplyItem& item) {
  if (!failed_.empty()) {
    return;
  }
  if (item.depth == 0) {
    own_reply_ = state_ == State::kLoggingIn || (item.kind == ReplyItem::Kind::kStatus && item.text == "PONG");
    if (own_reply_ && item.kind == ReplyItem::Kind::kError) {
      refuse(item.text);
    } else if (state_ == State::kLoggingIn && item.kind == ReplyItem::Kind::kStatus && item.text == "PONG") {
      state_ = State::kReady;
      ready_since_ = loop_.now();
      role_.on_ready();
    }
  }
  if (!own_reply_) {
    role_.on_item(item);
  }
}

void Connection::on_reply_end() {
  if (!own_reply_ && failed_.empty()) {
    role_.on_reply_end();
  }
}

void Connection::refuse(std::string_view error) {
  fail(explain_refusal(error, server()));
}

void Connection::fail(std::string reason) {
  if (failed_.empty()) {
    failed_ = std::move(reason);
  }
}

void Connection::on_lost(const Error& why) {
  give_up(explain_loss(why.message, server(), answered_, options_.tls != nullptr));
}

void Connection::give_up(const std::string& reason) {
  stream_.close();
  state_ = State::kWaiting;
  loop_.timers().arm(*this, loop_.now() + backoff_.next());
  role_.on_lost(reason);
}

void Connection::set_paused(bool paused) {
  paused_ = paused;
  heard_ = loop_.now();
  asked_ = false;
  stream_.set_paused(paused);
}

void Connection::on_timer(MonotonicMs now) {
  if (state_ == State::kWaiting) {
    connect();
    return;
  }
  loop_.timers().arm(*this, now + kTickMs);
  if (is_ready() && now - ready_since_ >= kProvedMs) {
    backoff_.reset();
  }
  look_for_silence(now);
}

void Connection::look_for_silence(MonotonicMs now) {
  const MonotonicMs silent = now - heard_;
  if (paused_ || silent < kAskAfter) {
    return;
  }
  if (!asked_) {
    asked_ = true;
    if (!role_.is_blocked()) {
      write({"PING"});
      stream_.flush();
    }
  } else if (silent >= kSilentFor) {
    give_up("bus.redis.address: " + server() + " has not answered for " + std::to_string(kSilentFor / 1000) + " s");
  }
}

}  // namespace pushwire::bus::redis
