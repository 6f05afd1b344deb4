#include "net/client_stream.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/fd.h"
#include "net/name_lookup.h"
#include "net/socket_calls.h"

namespace pushwire::net {
namespace {

constexpr std::size_t kReadSize = 64 * 1024;
// What one stream may read before others on its loop get their turn.
constexpr std::size_t kMostPerTurn = 256 * 1024;
// Output buffers that a burst made larger than this are given back.
constexpr std::size_t kKeptCapacity = 1024 * 1024;

void drop_front(std::string& buffer, std::size_t& sent) {
  if (sent == buffer.size()) {
    buffer.clear();
    sent = 0;
    if (buffer.capacity() > kKeptCapacity) {
      buffer.shrink_to_fit();
    }
  } else if (sent > kReadSize && sent > buffer.size() / 2) {
    buffer.erase(0, sent);
    sent = 0;
  }
}

}  // namespace

class ClientStream::Impl final : public IoHandler, public Timer {
 public:
  Impl(EventLoop& loop, StreamHandler& handler) : loop_(loop), handler_(handler) {}
  ~Impl() override { close(); }

  void open(StreamOptions options);
  bool is_open() const noexcept { return state_ == State::kOpen; }
  void write(std::string_view bytes) {
    if (is_open()) {
      (tls_ ? plain_ : out_).append(bytes);
    }
  }
  void flush();
  std::size_t waiting_bytes() const noexcept { return plain_.size() + out_.size() - sent_; }
  void set_paused(bool paused);
  void close();

 private:
  enum class State : std::uint8_t { kClosed, kFailing, kLookingUp, kConnecting, kShakingHands, kOpen };

  void on_io(std::uint32_t events) override;
  void on_timer(MonotonicMs now) override;

  void begin_lookup();
  void end_lookup();
  // Goes on with the next address that a connection can at least be begun to. False: there is none, why_ says why.
  bool try_next_address();
  bool begin_connect(const Address& address);
  void end_connect();
  void note_failed_address(const Address& address, int error);
  void begin_session();
  // False: the stream was closed or lost in it, or anew opened.
  bool go_on_with_handshake();
  bool announce_open();
  void read();
  bool take(std::string_view bytes);
  bool decrypt();
  void send_out();
  void ask_for_turn();
  void lose(std::string why);
  void lose_later(std::string why);
  void drop_socket();

  const SocketCalls& calls() const noexcept {
    return options_.calls != nullptr ? *options_.calls : SocketCalls::kernel();
  }

  EventLoop& loop_;
  StreamHandler& handler_;
  StreamOptions options_;
  State state_ = State::kClosed;
  bool paused_ = false;
  bool asked_for_turn_ = false;
  bool writable_ = false;
  bool peer_ended_ = false;       // epoll has said so: read on until recv() tells it too
  std::uint64_t generation_ = 0;  // tells a callback's caller that the stream is not the one it was
  Fd socket_;
  std::optional<NameLookup> lookup_;
  std::vector<Address> addresses_;  // to be tried, the next one last
  MonotonicMs open_until_ = 0;
  std::string why_;  // how the last attempt failed, or why writing did
  std::unique_ptr<TlsSession> tls_;
  std::string plain_;  // with TLS: not encrypted yet
  std::string out_;    // for the socket, from sent_ on
  std::size_t sent_ = 0;
};

void ClientStream::Impl::open(StreamOptions options) {
  PW_CHECK(state_ == State::kClosed);
  options_ = std::move(options);
  open_until_ = loop_.now() + options_.open_timeout;
  ++generation_;
  loop_.timers().arm(*this, open_until_);
  // "localhost" is looked up: it may be ::1 alone.
  if (options_.endpoint.host != "localhost") {
    if (auto address = parse_address(options_.endpoint.host, options_.endpoint.port)) {
      addresses_ = {*address};
      if (!try_next_address()) {
        lose_later(std::move(why_));
      }
      return;
    }
  }
  begin_lookup();
}

void ClientStream::Impl::begin_lookup() {
  auto lookup = NameLookup::begin(options_.endpoint, calls());
  if (!lookup) {
    lose_later(std::move(lookup.error().message));
    return;
  }
  lookup_ = std::move(*lookup);
  state_ = State::kLookingUp;
  if (!calls().watch(loop_, lookup_->fd(), EPOLLIN, *this)) {
    const int error = errno;
    lookup_.reset();
    lose_later("cannot look up \"" + options_.endpoint.host + "\": " + std::strerror(error));
  }
}

void ClientStream::Impl::end_lookup() {
  auto found = lookup_->take();
  loop_.remove(lookup_->fd());
  lookup_.reset();
  if (!found) {
    lose(std::move(found.error().message));
    return;
  }
  addresses_ = std::move(*found);
  std::reverse(addresses_.begin(), addresses_.end());
  if (!try_next_address()) {
    lose(std::move(why_));
  }
}

bool ClientStream::Impl::try_next_address() {
  drop_socket();
  while (!addresses_.empty()) {
    // One that never answers leaves the others their share of the time.
    const auto left = static_cast<MonotonicMs>(addresses_.size());
    const MonotonicMs now = loop_.now();
    const Address address = addresses_.back();
    addresses_.pop_back();
    if (begin_connect(address)) {
      state_ = State::kConnecting;
      loop_.timers().arm(*this, left == 1 ? open_until_ : now + std::max<MonotonicMs>((open_until_ - now) / left, 0));
      return true;
    }
    note_failed_address(address, errno);
  }
  return false;
}

bool ClientStream::Impl::begin_connect(const Address& address) {
  socket_.reset(calls().socket(address.storage.ss_family));
  if (!socket_) {
    return false;
  }
  tune_outgoing(socket_.get());
  if (calls().connect(socket_.get(), address) != 0 && errno != EINPROGRESS && errno != EINTR) {
    const int error = errno;
    socket_.reset();
    errno = error;
    return false;
  }
  // Also when it is connected already: the loop tells at once that it can be written to.
  if (!calls().watch(loop_, socket_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, *this)) {
    const int error = errno;
    socket_.reset();
    errno = error;
    return false;
  }
  return true;
}

void ClientStream::Impl::note_failed_address(const Address& address, int error) {
  // The first one's reason, if several fail: a host's ::1 that nobody listens on is not the news.
  if (why_.empty()) {
    const std::string server = options_.endpoint.to_string();
    const std::string at = address.to_string();
    why_ = "cannot connect to " + server + (at == server ? "" : " (" + at + ")") + ": " + std::strerror(error);
  }
}

void ClientStream::Impl::end_connect() {
  int error = calls().connect_error(socket_.get());
  const Address peer = peer_address(socket_.get());
  if (error == 0 && peer.length == 0) {
    return;  // not yet: what was told is how the socket was before connect()
  }
  if (error == 0 && meets_itself(socket_.get())) {
    error = ECONNREFUSED;
  }
  if (error != 0) {
    why_ = "cannot connect to " + options_.endpoint.to_string() + ": " + std::strerror(error);
    if (!try_next_address()) {
      lose(std::move(why_));
    }
    return;
  }
  addresses_.clear();
  why_.clear();
  loop_.timers().arm(*this, open_until_);
  begin_session();
}

void ClientStream::Impl::begin_session() {
  writable_ = true;
  if (options_.tls == nullptr) {
    if (announce_open()) {
      read();
    }
    return;
  }
  auto session = TlsSession::make(options_.tls, options_.endpoint);
  if (!session) {
    lose(std::move(session.error().message));
    return;
  }
  tls_ = std::move(*session);
  state_ = State::kShakingHands;
  if (go_on_with_handshake()) {
    read();
  }
}

bool ClientStream::Impl::go_on_with_handshake() {
  const TlsSession::Progress progress = tls_->handshake();
  tls_->take_cipher(out_);
  send_out();
  if (progress == TlsSession::Progress::kFailed) {
    lose(tls_->error());
    return false;
  }
  return progress == TlsSession::Progress::kMore || announce_open();
}

bool ClientStream::Impl::announce_open() {
  cancel();
  state_ = State::kOpen;
  const std::uint64_t generation = generation_;
  handler_.on_open();
  return generation == generation_;
}

void ClientStream::Impl::on_io(std::uint32_t events) {
  if (events == 0) {
    asked_for_turn_ = false;
  }
  switch (state_) {
    case State::kClosed:
      return;
    case State::kFailing:
      lose(std::move(why_));
      return;
    case State::kLookingUp:
      end_lookup();
      return;
    case State::kConnecting:
      end_connect();
      return;
    case State::kShakingHands:
    case State::kOpen:
      writable_ = writable_ || (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0;
      peer_ended_ = peer_ended_ || (events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0;
      send_out();
      read();
      return;
  }
}

void ClientStream::Impl::on_timer(MonotonicMs now) {
  const std::string server = options_.endpoint.to_string();
  switch (state_) {
    case State::kLookingUp:
      lose("the name server did not tell the address of \"" + options_.endpoint.host + "\" in time");
      return;
    case State::kConnecting:
      why_ = "cannot connect to " + server + ": no answer in time";
      if (now >= open_until_ || !try_next_address()) {
        lose(std::move(why_));
      }
      return;
    case State::kShakingHands:
      lose(server + " accepted the connection, but did not go on with the TLS handshake in time");
      return;
    case State::kClosed:
    case State::kFailing:
    case State::kOpen:
      return;
  }
}

void ClientStream::Impl::read() {
  static thread_local std::array<char, kReadSize> buffer;  // used up before anybody else reads
  std::size_t budget = kMostPerTurn;
  while (!paused_ || state_ != State::kOpen) {
    if (budget == 0) {
      ask_for_turn();
      return;
    }
    const std::size_t room = std::min(buffer.size(), budget);
    const ssize_t got = calls().recv(socket_.get(), buffer.data(), room);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0 && errno == EAGAIN) {
      break;
    }
    if (got <= 0) {
      const std::string server = options_.endpoint.to_string();
      lose(got < 0 ? "the connection to " + server + " was lost: " + std::strerror(errno)
                   : server + " closed the connection");
      return;
    }
    const auto size = static_cast<std::size_t>(got);
    budget -= size;
    if (!take({buffer.data(), size})) {
      return;
    }
    // Less than there was room for: that was all, and epoll tells of more. But the end of the stream it told already.
    if (size < room && !peer_ended_) {
      break;
    }
  }
  if (!why_.empty()) {
    lose(std::move(why_));  // writing has failed, and what the server still had to say is read
  }
}

bool ClientStream::Impl::take(std::string_view bytes) {
  if (!tls_) {
    const std::uint64_t generation = generation_;
    handler_.on_bytes(bytes);
    return generation == generation_;
  }
  tls_->feed(bytes);
  if (state_ == State::kShakingHands && !go_on_with_handshake()) {
    return false;
  }
  return state_ == State::kShakingHands || decrypt();
}

bool ClientStream::Impl::decrypt() {
  static thread_local std::array<char, kReadSize> buffer;
  const std::uint64_t generation = generation_;
  for (;;) {
    const std::ptrdiff_t got = tls_->decrypt(buffer.data(), buffer.size());
    if (got < 0) {
      lose(tls_->error());
      return false;
    }
    if (got == 0) {
      tls_->take_cipher(out_);  // the protocol may have had something to answer
      send_out();
      return true;
    }
    handler_.on_bytes({buffer.data(), static_cast<std::size_t>(got)});
    if (generation != generation_) {
      return false;
    }
  }
}

void ClientStream::Impl::flush() {
  if (!is_open()) {
    return;
  }
  if (tls_ && !plain_.empty()) {
    if (!tls_->encrypt(plain_)) {
      why_ = tls_->error();
      ask_for_turn();
      return;
    }
    std::size_t all = plain_.size();
    drop_front(plain_, all);
    tls_->take_cipher(out_);
  }
  send_out();
}

// A failure is told by read(), after what the server said last.
void ClientStream::Impl::send_out() {
  while (writable_ && why_.empty() && sent_ < out_.size()) {
    const ssize_t done = calls().send(socket_.get(), out_.data() + sent_, out_.size() - sent_);
    if (done >= 0) {
      sent_ += static_cast<std::size_t>(done);
    } else if (errno == EAGAIN) {
      writable_ = false;
    } else if (errno != EINTR) {
      why_ = "the connection to " + options_.endpoint.to_string() + " was lost: " + std::strerror(errno);
      ask_for_turn();
    }
  }
  drop_front(out_, sent_);
}

void ClientStream::Impl::set_paused(bool paused) {
  if (paused_ && !paused && is_open()) {
    ask_for_turn();  // what came meanwhile was told once already
  }
  paused_ = paused;
}

void ClientStream::Impl::ask_for_turn() {
  if (!asked_for_turn_) {
    asked_for_turn_ = true;
    loop_.run_again(*this);
  }
}

void ClientStream::Impl::lose(std::string why) {
  close();
  handler_.on_lost(Error{std::move(why)});
}

void ClientStream::Impl::lose_later(std::string why) {
  why_ = std::move(why);
  state_ = State::kFailing;
  ask_for_turn();
}

void ClientStream::Impl::drop_socket() {
  if (socket_) {
    loop_.forget(*this);
    asked_for_turn_ = false;
    socket_.reset();
  }
}

void ClientStream::Impl::close() {
  if (state_ == State::kClosed) {
    return;
  }
  ++generation_;
  state_ = State::kClosed;
  cancel();
  if (lookup_) {
    loop_.remove(lookup_->fd());
    lookup_.reset();
  }
  loop_.forget(*this);
  socket_.reset();
  asked_for_turn_ = paused_ = writable_ = peer_ended_ = false;
  addresses_.clear();
  why_.clear();
  tls_.reset();
  std::string().swap(plain_);
  std::string().swap(out_);
  sent_ = 0;
}

ClientStream::ClientStream(EventLoop& loop, StreamHandler& handler) : impl_(std::make_unique<Impl>(loop, handler)) {}
ClientStream::~ClientStream() = default;

void ClientStream::open(StreamOptions options) {
  impl_->open(std::move(options));
}
bool ClientStream::is_open() const noexcept {
  return impl_->is_open();
}
void ClientStream::write(std::string_view bytes) {
  impl_->write(bytes);
}
void ClientStream::flush() {
  impl_->flush();
}
std::size_t ClientStream::waiting_bytes() const noexcept {
  return impl_->waiting_bytes();
}
void ClientStream::set_paused(bool paused) {
  impl_->set_paused(paused);
}
void ClientStream::close() {
  impl_->close();
}

}  // namespace pushwire::net
