// The least that a push server can do with this kernel, to measure the product against (bench/table.py). No tables, no
// checks, no heartbeats, no back-pressure: a handshake is a 101, a broadcast is send() of one ready frame over an array
// of descriptors (or the same through io_uring with --uring), a push is a fixed answer and one frame to each socket of
// the user. It trusts its peers; never let it near a network. One thread, loopback, ends with SIGTERM.
//
//   pushwire-floor [--uring]        speaks what `pushwire-bench --preset floor` sends
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#ifdef PUSHWIRE_FLOOR_URING
#include <liburing.h>
#endif

namespace {

constexpr std::size_t kMaxUsers = 1 << 20;
constexpr std::string_view kKey = "Sec-WebSocket-Key: ";
constexpr std::string_view kSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"accepted\":true}";
enum Tag : std::uint64_t { kClientListener = 1ULL << 32, kApiListener = 2ULL << 32, kApi = 3ULL << 32 };

struct Server {
  int epoll = epoll_create1(0);
  bool by_ring = false;
  std::vector<int> everyone;                 // descriptors of all clients
  std::vector<std::uint32_t> place_of;       // descriptor -> place in everyone
  std::vector<std::uint32_t> user_of;        // descriptor -> user
  std::vector<std::vector<int>> sockets_of;  // user -> descriptors
  std::array<char, 64 * 1024> buffer{};
  std::string frame;
#ifdef PUSHWIRE_FLOOR_URING
  io_uring ring{};
#endif
};

int listen_on(Server& server, std::uint64_t tag, const char* line) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  const int buffer = 16 * 1024;  // as the product's
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(fd, 4096) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::perror("listen");
    std::exit(1);
  }
  fmt::print(fmt::runtime(line), ntohs(address.sin_port));
  epoll_event event{.events = EPOLLIN, .data = {.u64 = tag}};
  ::epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &event);
  return fd;
}

void accept_all(Server& server, int listener, std::uint64_t tag) {
  int fd;
  while ((fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0) {
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = tag | static_cast<unsigned>(fd)}};
    ::epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

std::uint32_t user_in(std::string_view text) {
  const std::size_t at = text.find("user-");
  return at == text.npos ? 0 : static_cast<std::uint32_t>(std::strtoul(text.data() + at + 5, nullptr, 10)) % kMaxUsers;
}

void shake_hands(Server& server, int fd, std::string_view request) {
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  const std::size_t at = request.find(kKey);
  if (at == request.npos) {
    return;
  }
  const std::string text = std::string(request.substr(at + kKey.size(), 24)).append(kSuffix);
  std::array<unsigned char, 20> digest;
  std::array<unsigned char, 32> accept{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, sha1, nullptr);
  EVP_EncodeBlock(accept.data(), digest.data(), digest.size());
  std::array<char, 160> answer;
  const auto end = fmt::format_to(answer.data(),
                                  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Accept: {}\r\n\r\n",
                                  reinterpret_cast<const char*>(accept.data()));
  (void)::send(fd, answer.data(), static_cast<std::size_t>(end - answer.data()), MSG_NOSIGNAL);
  const auto place = static_cast<std::size_t>(fd);
  if (place >= server.place_of.size()) {
    server.place_of.resize(place + 1024);
    server.user_of.resize(place + 1024);
  }
  const std::uint32_t user = user_in(request);
  server.sockets_of.resize(std::max<std::size_t>(server.sockets_of.size(), user + 1));
  server.sockets_of[user].push_back(fd);
  server.user_of[place] = user;
  server.place_of[place] = static_cast<std::uint32_t>(server.everyone.size());
  server.everyone.push_back(fd);
}

void forget(Server& server, int fd) {
  const auto place = static_cast<std::size_t>(fd);
  const std::uint32_t index = place < server.place_of.size() ? server.place_of[place] : 0;
  if (index < server.everyone.size() && server.everyone[index] == fd) {
    server.everyone[index] = server.everyone.back();
    server.place_of[static_cast<std::size_t>(server.everyone[index])] = index;
    server.everyone.pop_back();
    std::erase(server.sockets_of[server.user_of[place]], fd);
  }
  ::close(fd);
}

#ifdef PUSHWIRE_FLOOR_URING
void send_by_ring(Server& server) {
  constexpr unsigned kBatch = 512;
  const auto finish = [&] {
    io_uring_submit(&server.ring);
    io_uring_cqe* cqe = nullptr;
    while (io_uring_peek_cqe(&server.ring, &cqe) == 0) {  // only what went wrong: not the floor's business
      io_uring_cqe_seen(&server.ring, cqe);
    }
  };
  unsigned waiting = 0;
  for (const int fd : server.everyone) {
    io_uring_sqe* const sqe = io_uring_get_sqe(&server.ring);
    io_uring_prep_send(sqe, fd, server.frame.data(), server.frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    if (++waiting == kBatch) {
      finish();
      waiting = 0;
    }
  }
  finish();
}
#else
void send_by_ring(Server&) {}
#endif

void broadcast(Server& server) {
  if (server.by_ring) {
    send_by_ring(server);
    return;
  }
  for (const int fd : server.everyone) {
    (void)::send(fd, server.frame.data(), server.frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

// The text frame of the value of "data" in a body that pushwire-bench made.
void build_frame(Server& server, std::string_view body) {
  const std::size_t at = body.find("\"data\":\"");
  const std::string_view data = at == body.npos ? body : body.substr(at + 8, body.rfind('"') - at - 8);
  server.frame.assign(1, '\x81');
  if (data.size() < 126) {
    server.frame += static_cast<char>(data.size());
  } else {
    server.frame += {'\x7e', static_cast<char>(data.size() >> 8), static_cast<char>(data.size())};
  }
  server.frame += data;
}

void publish(Server& server, int fd, std::string_view request) {
  const std::size_t head = request.find("\r\n\r\n");
  if (head == request.npos) {
    return;
  }
  const std::string_view body = request.substr(head + 4);
  build_frame(server, body);
  (void)::send(fd, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
  if (body.find("\"all\":true") != body.npos) {
    broadcast(server);
    return;
  }
  const std::uint32_t user = user_in(body);
  if (user < server.sockets_of.size()) {
    for (const int socket : server.sockets_of[user]) {
      (void)::send(socket, server.frame.data(), server.frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }
}

void serve(Server& server, int clients, int api) {
  std::array<epoll_event, 512> events;
  while (true) {
    const int ready = ::epoll_wait(server.epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const std::uint64_t tag = events[static_cast<std::size_t>(i)].data.u64;
      const int fd = static_cast<int>(tag & 0xffffffff);
      if (tag == kClientListener || tag == kApiListener) {
        accept_all(server, tag == kClientListener ? clients : api, tag == kApiListener ? std::uint64_t{kApi} : 0);
        continue;
      }
      const ssize_t got = ::recv(fd, server.buffer.data(), server.buffer.size() - 1, 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) {
        forget(server, fd);
      } else if (got > 0) {
        server.buffer[static_cast<std::size_t>(got)] = '\0';
        const std::string_view request(server.buffer.data(), static_cast<std::size_t>(got));
        (tag & kApi) == kApi ? publish(server, fd, request) : shake_hands(server, fd, request);
      }
    }
  }
}

}  // namespace

int main(int count, char** words) {
  Server server;
  server.by_ring = count > 1 && std::string_view(words[1]) == "--uring";
#ifdef PUSHWIRE_FLOOR_URING
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  if (server.by_ring && io_uring_queue_init_params(1024, &server.ring, &params) != 0) {
    std::perror("io_uring");
    return 1;
  }
#else
  if (server.by_ring) {
    fmt::print(stderr, "built without liburing\n");
    return 1;
  }
#endif
  const int clients = listen_on(server, kClientListener, "clients on ws://127.0.0.1:{}/ws\n");
  const int api = listen_on(server, kApiListener, "api on http://127.0.0.1:{}\n");
  fmt::print("ready\n");
  std::fflush(stdout);
  serve(server, clients, api);
}
