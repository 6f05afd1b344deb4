// Sockets of a client: connecting without waiting, writing what was kept back. Thread: the caller's.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/address.h"
#include "net/fd.h"

namespace pushwire::bench {

// A socket on its way to `to`: writable when the connection stands. With `source` > 0 it comes from 127.0.0.source, so
// that a target on loopback can be reached by more connections than one address has ports.
Result<net::Fd> start_connecting(const net::Address& to, unsigned source);

// Ends it with a reset, so that no port is kept in TIME_WAIT.
void close_hard(net::Fd& fd) noexcept;

// Writes as much of `text` as fits and keeps the rest in it. False when the connection is broken.
bool write_some(int fd, std::string& text) noexcept;

inline constexpr std::size_t kReadBytes = 64 * 1024;

// Reads at most kReadBytes into a shared buffer; the view is valid until the next call on this thread. Empty view:
// nothing there now. Nothing: closed or broken.
std::optional<std::string_view> read_some(int fd) noexcept;

}  // namespace pushwire::bench
