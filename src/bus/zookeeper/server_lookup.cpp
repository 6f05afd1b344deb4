#include "bus/zookeeper/server_lookup.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <utility>

#include "net/address.h"

namespace pushwire::bus {

void ServerLookup::begin(const std::vector<net::Endpoint>& servers) {
  found_.clear();
  why_.clear();
  for (const net::Endpoint& server : servers) {
    // "localhost" may be more than one.
    const Result<net::Address> address = net::parse_address(server.host, server.port);
    if (address && server.host != "localhost") {
      add(*address);
      continue;
    }
    Result<net::NameLookup> lookup = net::NameLookup::begin(server, calls_);
    if (!lookup) {
      why_ = std::move(lookup.error().message);
    } else if (!calls_.watch(loop_, lookup->fd(), EPOLLIN, *this)) {
      why_ = "cannot look up \"" + server.host + "\": no event descriptor; raise the limit of open files";
    } else {
      lookups_.push_back(std::move(*lookup));
    }
  }
  if (lookups_.empty()) {
    finish();
  }
}

void ServerLookup::on_io(std::uint32_t) {
  if (lookups_.empty()) {
    return;
  }
  std::erase_if(lookups_, [this](net::NameLookup& lookup) {
    eventfd_t count = 0;
    if (eventfd_read(lookup.fd(), &count) != 0) {
      return false;
    }
    loop_.remove(lookup.fd());
    const Result<std::vector<net::Address>> addresses = lookup.take();
    if (!addresses) {
      why_ = addresses.error().message;
      return true;
    }
    std::ranges::for_each(*addresses, [this](const net::Address& address) { add(address); });
    return true;
  });
  if (lookups_.empty()) {
    finish();
  }
}

// The client takes what follows the last colon for the port, and knows no brackets.
void ServerLookup::add(const net::Address& address) {
  std::string text = address.to_string();
  std::erase_if(text, [](char letter) { return letter == '[' || letter == ']'; });
  found_ += (found_.empty() ? "" : ",") + text;
}

void ServerLookup::hurry() {
  if (!lookups_.empty() && !found_.empty()) {
    finish();
  }
}

void ServerLookup::finish() {
  stop();
  if (found_.empty()) {
    listener_.on_addresses(fail(why_));
  } else {
    listener_.on_addresses(found_);
  }
}

void ServerLookup::stop() {
  loop_.forget(*this);
  for (const net::NameLookup& lookup : lookups_) {
    loop_.remove(lookup.fd());
  }
  lookups_.clear();
}

}  // namespace pushwire::bus
