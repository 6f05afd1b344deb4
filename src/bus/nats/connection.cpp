#include "bus/nats/connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace pushwire::bus::nats {
namespace {

// "data.1" has one token more, so that "inbox.*" does not take it.
constexpr std::string_view kQuestion = "q";
constexpr std::size_t kTlsHeader = 5;  // RFC 8446 5.1: type, version, length of what follows
constexpr int kReadsWhenClosing = 4;
constexpr int kMostTlsBytes = 16 * 1024;
constexpr int kTlsReadRoom = 1 << 20;

// A record is read when all of it is here, so the kernel must always have room for the rest of one. It may not: what is
// left of a large segment holds the memory of all of it, and the window stays shut. Asking for a low-water mark makes
// the kernel's buffer at least twice as large (tcp(7)); the mark itself goes back to what it was.
void make_read_room(int fd) {
  for (const int mark : {kTlsReadRoom, 1}) {
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);  // without it: slow, and check() finds it
  }
}

}  // namespace

Connection::Connection(net::EventLoop& loop, ConnectionOwner& owner, Opened&& opened, bool tls)
    : loop_(loop), owner_(owner), opened_(std::move(opened)), tls_(tls) {}

Connection::~Connection() {
  close();
}

Result<> Connection::open() {
  natsInbox* name = nullptr;
  natsStatus status = natsInbox_Create(&name);
  if (status == NATS_OK) {
    inbox_ = fmt::format("{}.", name);
    natsInbox_Destroy(name);
    question_subject_ = inbox(kQuestion);
    natsSubscription* made = nullptr;
    status = natsConnection_SubscribeSync(&made, opened_.connection.get(), inbox("*").c_str());
    inbox_subscription_.reset(made);
  }
  if (status == NATS_OK) {
    // What one read brings is taken out before the next: the kernel's buffer is the bound, not a count of messages.
    status = natsSubscription_SetPendingLimits(inbox_subscription_.get(), -1, -1);
  }
  if (status != NATS_OK) {
    return fail(error_text(status));
  }
  if (tls_) {
    make_read_room(opened_.door->fd);
  }
  heard_at_ = loop_.now();
  watched_ = loop_.add(opened_.door->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP, *this);
  return watched_ ? Result<>{} : fail("the kernel watches no more sockets");
}

Result<> Connection::subscribe(const std::string& subject) {
  natsSubscription* made = nullptr;
  natsStatus status = natsConnection_SubscribeSync(&made, opened_.connection.get(), subject.c_str());
  data_subscription_.reset(made);
  if (status == NATS_OK) {
    status = natsSubscription_SetPendingLimits(made, -1, -1);
  }
  return status == NATS_OK ? Result<>{} : fail(error_text(status));
}

std::size_t Connection::largest_payload() const noexcept {
  return static_cast<std::size_t>(std::max<std::int64_t>(natsConnection_GetMaxPayload(opened_.connection.get()), 0));
}

std::size_t Connection::waiting_bytes() const noexcept {
  return held_bytes_ + static_cast<std::size_t>(std::max(natsConnection_Buffered(opened_.connection.get()), 0));
}

// --- out ---------------------------------------------------------------------------------------------------------

bool Connection::sent(natsStatus status) {
  broken_ = broken_ || status != NATS_OK;
  return !broken_;
}

bool Connection::publish(const std::string& subject, std::string_view bytes) {
  return tls_ ? hold(subject, nullptr, bytes)
              : !closed_ && sent(natsConnection_Publish(opened_.connection.get(), subject.c_str(), bytes.data(),
                                                        static_cast<int>(bytes.size())));
}

bool Connection::request(const std::string& subject, const std::string& reply, std::string_view bytes) {
  return hold(subject, reply.c_str(), bytes);
}

bool Connection::hold(const std::string& subject, const char* reply, std::string_view bytes) {
  natsMsg* made = nullptr;
  const natsStatus status = natsMsg_Create(&made, subject.c_str(), reply, bytes.data(), static_cast<int>(bytes.size()));
  MessagePtr message(made);
  return status == NATS_OK ? publish(std::move(message)) : sent(status);
}

bool Connection::publish(MessagePtr message) {
  if (closed_ || broken_) {
    return false;
  }
  if (tls_) {
    held_bytes_ += static_cast<std::size_t>(natsMsg_GetDataLength(message.get()));
    held_.push_back(std::move(message));
    return true;
  }
  return sent(natsConnection_PublishMsg(opened_.connection.get(), message.get()));
}

void Connection::ask(std::uint64_t tag) {
  if (publish(question_subject_, {})) {
    questions_.push_back({tag, loop_.now()});
  }
}

void Connection::write() {
  // The library would take "nothing to send" for "the server has closed".
  if (natsConnection_Buffered(opened_.connection.get()) > 0) {
    natsConnection_ProcessWriteEvent(opened_.connection.get());
    no_room_ = opened_.door->wants_to_write;
    if (no_room_ || !held_.empty()) {
      moved_at_ = loop_.now();
    }
  }
  broken_ = broken_ || natsConnection_IsClosed(opened_.connection.get());
}

// With TLS the library writes all that it has in one call, which waits for room. So it gets a little at a time, and
// that only when the kernel has room for it (a third of its buffer): the rest waits in held_.
void Connection::write_held() {
  while (!broken_ && !no_room_ && (!held_.empty() || opened_.door->wants_to_write)) {
    pollfd room{opened_.door->fd, POLLOUT, 0};
    if (poll(&room, 1, 0) == 0) {
      no_room_ = true;  // having asked, we are told when there is some
      return;
    }
    while (!held_.empty() && natsConnection_Buffered(opened_.connection.get()) < kMostTlsBytes &&
           sent(natsConnection_PublishMsg(opened_.connection.get(), held_.front().get()))) {
      held_bytes_ -= static_cast<std::size_t>(natsMsg_GetDataLength(held_.front().get()));
      held_.pop_front();
    }
    write();
  }
}

void Connection::flush() {
  if (closed_) {
    return;
  }
  if (tls_) {
    write_held();
  } else if (!broken_ && opened_.door->wants_to_write && !no_room_) {
    write();
  }
  if (broken_) {
    (void)is_sound();
  }
}

// --- in ----------------------------------------------------------------------------------------------------------

void Connection::on_io(std::uint32_t events) {
  if (closed_) {
    return;
  }
  hung_up_ = hung_up_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if ((events & EPOLLOUT) != 0) {
    no_room_ = false;  // flush() comes at the end of the turn
  }
  read();
}

// With TLS the library waits inside SSL_read() until a record is complete, whoever else the thread has to serve. So it
// is called only when one is: a record is what SSL_read() gives back at once.
bool Connection::has_input() {
  const int fd = opened_.door->fd;
  int waiting = 0;
  if (ioctl(fd, FIONREAD, &waiting) != 0 || waiting <= 0) {
    return hung_up_;
  }
  if (!tls_ || hung_up_) {
    return true;
  }
  std::array<unsigned char, kTlsHeader> header;
  if (recv(fd, header.data(), header.size(), MSG_PEEK | MSG_DONTWAIT) != static_cast<ssize_t>(header.size())) {
    return false;
  }
  const std::size_t length = std::size_t{header[3]} << 8 | header[4];
  return static_cast<std::size_t>(waiting) >= kTlsHeader + length;
}

void Connection::read() {
  hand_over();
  for (int i = 0; i < kReadsPerTurn; ++i) {
    if (closed_ || paused_ || !has_input()) {
      return;
    }
    natsConnection_ProcessReadEvent(opened_.connection.get());
    heard_at_ = loop_.now();
    if (!is_sound()) {
      return;
    }
    hand_over();
  }
  if (!closed_) {
    loop_.run_again(*this);
  }
}

// Whether the connection stands. Asked before what was read is handed over: a refusal stands in front of the answer
// that would confirm what was refused.
bool Connection::is_sound() {
  const char* text = nullptr;
  const natsStatus status = natsConnection_GetLastError(opened_.connection.get(), &text);
  const bool gone = natsConnection_IsClosed(opened_.connection.get());
  if (!broken_ && !gone && status != NATS_NOT_PERMITTED) {
    return true;
  }
  lose(status, text != nullptr && *text != '\0' ? text : "the server has closed the connection");
  return false;
}

void Connection::lose(natsStatus status, std::string_view text) {
  const std::string kept(text);  // it may be the connection's own
  close();
  owner_.on_lost(*this, status, kept);
}

void Connection::hand_over() {
  // The inbox first: it takes what belongs to this node's own business past the crowd.
  if (!closed_ && hand_over(*inbox_subscription_) && data_subscription_) {
    hand_over(*data_subscription_);
  }
}

bool Connection::hand_over(natsSubscription& from) {
  const bool is_data = &from == data_subscription_.get();
  int waiting = 0;
  if (natsSubscription_GetPending(&from, &waiting, nullptr) != NATS_OK) {
    return false;
  }
  for (; waiting > 0 && !(is_data && paused_); --waiting) {
    natsMsg* taken = nullptr;
    const natsStatus status = natsSubscription_NextMsg(&taken, &from, 0);
    const MessagePtr message(taken);
    if (status == NATS_NO_RESPONDERS && is_data) {
      owner_.on_swallowed(*this);
    } else if (status == NATS_NO_RESPONDERS) {
      owner_.on_nobody(*this);
    } else if (status == NATS_OK) {
      handle(*message, is_data);
    } else {
      lose(status, error_text(status));
    }
    if (closed_) {
      return false;
    }
  }
  return true;
}

void Connection::handle(natsMsg& message, bool is_data) {
  if (is_data) {
    owner_.on_data(*this, message);
    return;
  }
  const std::string_view name = std::string_view(natsMsg_GetSubject(&message)).substr(inbox_.size());
  if (name != kQuestion) {
    const char* data = natsMsg_GetData(&message);
    owner_.on_inbox(*this, name, {data, static_cast<std::size_t>(natsMsg_GetDataLength(&message))});
  } else if (!questions_.empty()) {
    const std::uint64_t tag = questions_.front().tag;
    questions_.pop_front();
    if (tag != kNoTag) {
      owner_.on_answer(*this, tag);
    }
  }
}

void Connection::pause() {
  paused_ = true;
}

void Connection::resume() {
  if (!paused_ || closed_) {
    return;
  }
  paused_ = false;
  heard_at_ = loop_.now();
  for (Question& question : questions_) {
    question.asked = loop_.now();  // the answer may have waited for us
  }
  loop_.run_again(*this);
}

void Connection::ask_for_life() {
  if (questions_.empty()) {
    ask(kNoTag);
  }
}

void Connection::check(MonotonicMs now) {
  if (closed_ || paused_) {
    return;
  }
  // What still waits to be sent, and goes, stands in front of the question.
  if (!questions_.empty() && now - std::max(questions_.front().asked, moved_at_) > kAnswerMs) {
    lose(NATS_TIMEOUT, fmt::format("no answer for {} ms", kAnswerMs));
  } else if (now - heard_at_ > kSilenceMs) {
    ask_for_life();
  }
}

MonotonicMs Connection::unanswered_for(MonotonicMs now) const noexcept {
  return questions_.empty() ? 0 : now - questions_.front().asked;
}

void Connection::close() {
  if (closed_) {
    return;
  }
  closed_ = true;
  natsConnection* connection = opened_.connection.get();
  loop_.cancel_run_again(*this);
  if (watched_ && !natsConnection_IsClosed(connection)) {
    loop_.remove(opened_.door->fd);
    // Else the library, when it is told to close, waits for an answer to what is in its buffer, which only this thread
    // could read.
    ::shutdown(opened_.door->fd, SHUT_RDWR);
    for (int i = 0; i < kReadsWhenClosing && !natsConnection_IsClosed(connection); ++i) {
      natsConnection_ProcessReadEvent(connection);
    }
  }
}

}  // namespace pushwire::bus::nats
