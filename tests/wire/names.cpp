// What @name stands for in every transcript.
#include <fmt/format.h>

#include "base/check.h"
#include "clock.h"
#include "node.h"
#include "replay.h"
#include "session/jwt_sign.h"

namespace pushwire::wire {
namespace {

std::string token(std::string user, std::vector<std::string> topics, std::int64_t age_s = 0) {
  auto made = session::sign_token(kSecret, {std::move(user), 3600, std::move(topics)}, {}, kStart / 1000 - age_s);
  PW_CHECK(made.has_value());
  return *made;
}

}  // namespace

Names standard_names() {
  Names names;
  names["good"] = token("alice", {});
  names["bob"] = token("bob", {});
  names["news"] = token("alice", {"news.*"});
  names["expired"] = token("alice", {}, 7200);
  names["minute"] = token("alice", {}, 3570);  // expires in 30 s; with the leeway of 30 s the connection ends in 60
  names["forged"] = token("alice", {}).replace(60, 1, "_");
  // {"alg":"none"} . {"sub":"alice","exp":9999999999} . no signature
  names["none"] = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OX0.";
  names["m"] = "37fa213d";
  // The headers of a handshake; the key is the one of RFC 6455 1.3.
  names["upgrade"] =
      "Host: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Version: 13";
  return names;
}

}  // namespace pushwire::wire
