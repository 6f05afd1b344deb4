#include "peer.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "client_frame.h"
#include "literal.h"

namespace pushwire::wire {
namespace {

constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";  // RFC 6455 1.3, of the key that all use
constexpr std::string_view kWelcome =
    R"({"type":"welcome","session":"*","user":"*","node":"n1","heartbeat_ms":*,"topics":[*]})";
constexpr std::string_view kWelcomeBegin = R"({"type":"welcome","session":")";
constexpr std::size_t kSessionSize = 22;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

std::size_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

// A literal when it is quoted, else the text itself, which may hold JSON.
Result<std::string> pattern_of(std::string_view text) {
  if (!text.starts_with('"') && !text.starts_with('\'') && !text.starts_with("hex ")) {
    return std::string(text);
  }
  const auto literal = parse_literal(text);
  return literal ? Result<std::string>(literal->bytes) : fail(literal.error().message);
}

Result<> compare(std::string_view pattern, std::string_view got) {
  if (matches(pattern, got)) {
    return {};
  }
  return fail(fmt::format("expected {}, got {}", show(pattern), show(got)));
}

}  // namespace

// --- bytes -------------------------------------------------------------------------------------------------------

std::size_t Peer::write(std::string_view bytes) {
  const ssize_t written = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (written >= 0) {
    return static_cast<std::size_t>(written);
  }
  return errno == EAGAIN ? 0 : bytes.size();
}

bool Peer::read() {
  if (held_ || ended_) {
    return false;
  }
  std::array<char, 64 * 1024> buffer;
  const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got > 0) {
    inbox_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }
  if (got < 0 && errno == EAGAIN) {
    return false;
  }
  ended_ = eof_ = true;  // or a reset, which is how a local socket ends when bytes of ours are left unread in it
  return true;
}

void Peer::shut_down() {
  ::shutdown(fd_.get(), SHUT_WR);
}

std::string Peer::unexpected() const {
  if (!inbox_.empty()) {
    return show(inbox_);
  }
  return eof_ ? "the end of the stream" : "";
}

// --- expectations ------------------------------------------------------------------------------------------------

Result<> Peer::expect(std::string_view wanted) {
  std::string_view rest = wanted;
  const std::string_view word = take_word(rest);
  if (word == "eof") {
    return expect_eof();
  }
  if (word == "nothing") {
    return unexpected().empty() ? Result<>{} : fail(fmt::format("expected nothing, got {}", unexpected()));
  }
  if (word == "header") {
    return expect_header(rest, true);
  }
  if (word == "no" && take_word(rest) == "header") {
    return expect_header(rest, false);
  }
  if (word == "body") {
    const auto pattern = pattern_of(rest);
    return pattern ? compare(*pattern, response_.body) : fail(pattern.error().message);
  }
  if (upgraded_) {
    return word == "texts" ? expect_texts(rest) : expect_frame(word, rest);
  }
  if (word == "101") {
    return expect_upgrade();
  }
  return word == "status" ? expect_status(rest) : fail(fmt::format("'{}' is not understood before 101", wanted));
}

Result<> Peer::expect_eof() {
  if (!inbox_.empty() || !eof_) {
    return fail(fmt::format("expected the end of the stream, got {}", inbox_.empty() ? "nothing" : show(inbox_)));
  }
  eof_ = false;
  return {};
}

const std::string* Peer::Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) {
      return &value;
    }
  }
  return nullptr;
}

Result<> Peer::expect_response(std::size_t status) {
  response_ = {};
  const std::size_t end = inbox_.find("\r\n\r\n");
  if (end == inbox_.npos || !inbox_.starts_with("HTTP/1.1 ")) {
    return fail(fmt::format("expected an HTTP answer, got {}", inbox_.empty() ? "nothing" : show(inbox_)));
  }
  std::string_view head = std::string_view(inbox_).substr(0, end + 2);
  response_.status = parse_number(head.substr(9, 3)).value_or(0);
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t colon = std::min(line.find(": "), line.size() - 2);
    response_.headers.emplace_back(lower(line.substr(0, colon)), line.substr(colon + 2));
    head.remove_prefix(line.size() + 2);
  }
  std::size_t size = 0;
  if (response_.status >= 200) {
    const std::string* length = response_.header("content-length");
    const auto number = length == nullptr ? fail("there is no Content-Length") : parse_number(*length);
    if (!number) {
      return fail(number.error().message);
    }
    size = *number;
  }
  if (inbox_.size() < end + 4 + size) {
    return fail(fmt::format("the body is incomplete: {}", show(inbox_)));
  }
  response_.body = inbox_.substr(end + 4, size);
  if (response_.status != status) {
    return fail(fmt::format("expected status {}, got {}", status, show(inbox_)));
  }
  inbox_.erase(0, end + 4 + size);
  return {};
}

Result<> Peer::expect_upgrade() {
  if (const auto answered = expect_response(101); !answered) {
    return answered;
  }
  upgraded_ = true;
  for (const std::string_view header : {"Upgrade: websocket", "Connection: Upgrade"}) {
    if (const auto found = expect_header(header, true); !found) {
      return found;
    }
  }
  return expect_header(fmt::format("Sec-WebSocket-Accept: {}", kAccept), true);
}

Result<> Peer::expect_status(std::string_view arguments) {
  const auto status = parse_number(take_word(arguments));
  if (!status) {
    return fail(status.error().message);
  }
  if (const auto answered = expect_response(*status); !answered) {
    return answered;
  }
  if (arguments.empty()) {
    return {};
  }
  // A refused handshake ends its connection, or its proxy would take what follows for requests (attack 18).
  if (const auto closes = expect_header("Connection: close", true); port_ == Port::kClient && !closes) {
    return closes;
  }
  if (const auto json = expect_header("Content-Type: application/json", true); !json) {
    return json;
  }
  return compare(fmt::format(R"({{"error":{{"code":"{}","message":"*"*}}}})", arguments), response_.body);
}

Result<> Peer::expect_header(std::string_view arguments, bool present) const {
  const std::size_t colon = std::min(arguments.find(':'), arguments.size());
  const std::string* value = response_.header(lower(arguments.substr(0, colon)));
  if ((value != nullptr) != present) {
    return fail(fmt::format("header {} is {}", arguments.substr(0, colon), present ? "not there" : "there"));
  }
  return present ? compare(trim(arguments.substr(std::min(colon + 1, arguments.size()))), *value) : Result<>{};
}

Result<Peer::Frame> Peer::next_frame() const {
  const std::string_view bytes = inbox_;
  if (bytes.size() < 2) {
    return fail(fmt::format("got {}", bytes.empty() ? "nothing" : show(bytes)));
  }
  const std::size_t length7 = byte_at(bytes, 1);
  const std::size_t extended = length7 == 126 ? 2 : length7 == 127 ? 8 : 0;
  if ((byte_at(bytes, 0) & 0x70) != 0 || length7 > 127) {
    return fail(fmt::format("a server's frame has no reserved bits and no mask: {}", show(bytes)));
  }
  if (bytes.size() < 2 + extended) {
    return fail(fmt::format("half a frame: {}", show(bytes)));
  }
  std::size_t length = extended == 0 ? length7 : 0;
  for (std::size_t i = 0; i < extended; ++i) {
    length = length << 8 | byte_at(bytes, 2 + i);
  }
  if ((extended == 2 && length < 126) || (extended == 8 && length <= 0xffff)) {
    return fail(fmt::format("the length is not in its shortest form: {}", show(bytes)));
  }
  if (bytes.size() - 2 - extended < length) {
    return fail(fmt::format("half a frame: {}", show(bytes)));
  }
  return Frame{byte_at(bytes, 0) & 15, (byte_at(bytes, 0) & 0x80) != 0, bytes.substr(2 + extended, length),
               2 + extended + length};
}

Result<> Peer::expect_frame(std::string_view word, std::string_view arguments) {
  const auto frame = next_frame();
  if (!frame) {
    return fail(fmt::format("expected {} {}: {}", word, show(arguments), frame.error().message));
  }
  if (word == "frame") {  // fin=1 is what the gateway always sends, and checked below
    while (arguments.starts_with("fin=1") || arguments.starts_with("op=")) {
      const std::string_view pair = take_word(arguments);
      word = pair.starts_with("op=") ? pair.substr(3) : word;
    }
  }
  const std::string_view opcode = word == "welcome" ? "text" : word;
  if (kOpcodes[frame->opcode] != opcode || !frame->fin) {
    return fail(fmt::format("expected {} {}, got {}", word, show(arguments), show(inbox_)));
  }
  if (word == "close") {
    if (const auto closed = expect_close(*frame, arguments); !closed) {
      return closed;
    }
  } else {
    const auto pattern = word == "welcome" ? std::string(kWelcome) : pattern_of(arguments);
    const auto same = pattern ? compare(*pattern, frame->payload) : fail(pattern.error().message);
    if (!same) {
      return same;
    }
  }
  note_welcome(*frame);
  inbox_.erase(0, frame->size);
  return {};
}

Result<> Peer::expect_close(const Frame& frame, std::string_view arguments) const {
  const bool empty = arguments.empty();
  if (empty || frame.payload.size() < 2) {
    return empty && frame.payload.empty() ? Result<>{}
                                          : fail(fmt::format("expected close {}, got {}", arguments, show(inbox_)));
  }
  const auto code = parse_number(take_word(arguments));
  const std::size_t got = byte_at(frame.payload, 0) << 8 | byte_at(frame.payload, 1);
  if (!code || *code != got) {
    return fail(
        fmt::format("expected close {}, got close {} {}", code.value_or(0), got, show(frame.payload.substr(2))));
  }
  const auto reason = pattern_of(arguments.empty() ? "*" : arguments);
  return reason ? compare(*reason, frame.payload.substr(2)) : fail(reason.error().message);
}

// As many as there are, none included.
Result<> Peer::expect_texts(std::string_view pattern) {
  const auto wanted = pattern_of(pattern);
  if (!wanted) {
    return fail(wanted.error().message);
  }
  for (auto frame = next_frame(); frame && frame->opcode == 1 && matches(*wanted, frame->payload);
       frame = next_frame()) {
    inbox_.erase(0, frame->size);
  }
  return {};
}

void Peer::note_welcome(const Frame& frame) {
  if (frame.payload.starts_with(kWelcomeBegin)) {
    session_ = frame.payload.substr(kWelcomeBegin.size(), kSessionSize);
  }
}

}  // namespace pushwire::wire
