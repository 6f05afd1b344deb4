// RemotingConnection: one connection to a name server or broker that comes back by itself, and the calls that wait for
// an answer on it. An answer that does not come in its time ends the connection: only that tells a frozen server.
// Thread: the loop's. Lifetime: its events outlive it; it may be destroyed in any callback but its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bus/backoff.h"
#include "bus/rocketmq/frame.h"
#include "bus/rocketmq/request.h"
#include "net/client_stream.h"
#include "net/event_loop.h"

namespace pushwire::bus::rocketmq {

enum class CallKind : std::uint8_t { kRoute, kTemplateRoute, kPosition, kPull, kCheck, kSend, kProbe, kCreate };

struct CallId {
  CallKind kind = CallKind::kCheck;
  std::uint32_t queue = 0;
  std::uint32_t batch = 0;  // kSend: SendQueue::batch()
};

// What every connection of a link needs. Outlives them all.
struct Access {
  net::EventLoop& loop;
  Credentials credentials;
  std::shared_ptr<const net::TlsClient> tls;  // null: plain
};

class RemotingConnection;

class ConnectionEvents {
 public:
  virtual void on_connected() = 0;
  virtual void on_answer(CallId call, const Header& header, std::string_view body) = 0;
  // All calls that waited are forgotten. It is tried again after a while; set_endpoint(), open() and close() may be
  // called here.
  virtual void on_lost(std::string_view why) = 0;

 protected:
  ~ConnectionEvents() = default;
};

// How the reason ends when a plain connection was closed before its first answer: as by a server that wants TLS, or by
// what forwards to one that is away.
constexpr std::string_view kClosedUnanswered = " before it answered";

class RemotingConnection final : private net::StreamHandler, private net::Timer {
 public:
  RemotingConnection(const Access& access, ConnectionEvents& events);
  RemotingConnection(const RemotingConnection&) = delete;
  RemotingConnection& operator=(const RemotingConnection&) = delete;
  ~RemotingConnection() override = default;

  // Connects, and again whenever it was lost, until close(). Another endpoint than before: leaves that one.
  void open(const net::Endpoint& endpoint);
  // Where the next attempt goes.
  void set_endpoint(const net::Endpoint& endpoint) { endpoint_ = endpoint; }
  const net::Endpoint& endpoint() const noexcept { return endpoint_; }
  // Ignored unless connected. Unsigned requests are for name servers, which know no access control.
  enum class Signing : std::uint8_t { kSigned, kUnsigned };
  void call(CallId id, const Request& request, std::string_view body, MonotonicMs timeout,
            Signing signing = Signing::kSigned);
  bool is_connected() const noexcept { return stream_.is_open(); }
  void flush();
  // Without on_lost().
  void close();
  // As if it had been lost: what the server said makes it useless.
  void drop(std::string_view why);

 private:
  struct Call {
    CallId id;
    MonotonicMs deadline = 0;
  };

  // net::StreamHandler
  void on_open() override;
  void on_bytes(std::string_view bytes) override;
  void on_lost(const Error& why) override;
  // net::Timer
  void on_timer(MonotonicMs now) override;

  void connect();
  void forget();
  void wait_for(MonotonicMs deadline);
  void on_frame(const Header& header, std::string_view body);

  const Access& access_;
  ConnectionEvents& events_;
  net::Endpoint endpoint_;
  net::ClientStream stream_;
  FrameReader reader_;
  Backoff backoff_;
  std::unordered_map<std::uint32_t, Call> calls_;  // by opaque
  std::uint32_t next_opaque_ = 1;
  std::uint32_t generation_ = 0;  // of the stream: tells that it was closed in a callback
  MonotonicMs wakes_at_ = 0;
  MonotonicMs opened_at_ = 0;
  bool wants_to_connect_ = false;
  bool has_answered_ = false;  // on this stream
  std::string scratch_;
};

}  // namespace pushwire::bus::rocketmq
