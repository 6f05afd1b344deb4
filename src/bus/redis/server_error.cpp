#include "bus/redis/server_error.h"

#include <algorithm>
#include <array>

namespace pushwire::bus::redis {
namespace {

struct Refusal {
  std::string_view prefix;
  std::string_view setting;
  std::string_view meaning;  // after the server's name
};

// The first that fits counts. Prefixes: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
constexpr std::array kRefusals = {
    Refusal{"WRONGPASS", "bus.redis.password", "refused the user name or password"},
    Refusal{"ERR invalid password", "bus.redis.password", "refused the password"},
    Refusal{"ERR AUTH <password> called without", "bus.redis.password", "has no password, but one is configured"},
    Refusal{"NOAUTH", "bus.redis.password", "demands a password"},
    Refusal{"NOPERM", "bus.redis.username", "does not permit this user what the bus needs (docs/bus.md)"},
    Refusal{"LOADING", "bus.redis.address", "is still loading its data"},
    Refusal{"MASTERDOWN", "bus.redis.address", "is a replica that has lost its primary"},
    Refusal{"READONLY", "bus.redis.address", "is a replica, which takes no records; the primary is wanted"},
    Refusal{"OOM", "bus.redis.address", "has no memory left for records (its maxmemory)"},
    Refusal{"MISCONF", "bus.redis.address", "takes no records because it cannot save them"},
    Refusal{"MOVED", "bus.redis.address",
            "is one of a Redis Cluster and does not hold the stream; a single server, "
            "or the node that is named here, is wanted"},
    Refusal{"CLUSTERDOWN", "bus.redis.address", "is one of a Redis Cluster that is down"},
    Refusal{"WRONGTYPE", "bus.namespace", "uses the stream's key for something else"},
    Refusal{"DENIED", "bus.redis.address", "runs in protected mode and lets in nobody from outside"},
    Refusal{"ERR max number of clients", "bus.redis.address", "has as many clients as it takes (its maxclients)"},
    Refusal{"ERR unknown command 'AUTH'", "bus.redis.password", "does not take a password (it has no command AUTH)"},
    Refusal{"ERR unknown command `AUTH`", "bus.redis.password", "does not take a password (it has no command AUTH)"},
    Refusal{"ERR unknown command", "bus.redis.mode", "is too old for this mode (6.2 is the oldest that fits)"},
    Refusal{"ERR syntax error", "bus.redis.mode", "is too old for this mode (6.2 is the oldest that fits)"},
};

// What a server says goes into a log line and an answer of the API: not without end, in one line, and without what this
// node has said, which may be the password: "unknown command 'AUTH', with args beginning with: 'user' 'password'".
std::string one_line(std::string_view text) {
  constexpr std::size_t kMost = 200;
  for (const std::string_view quote : {", with args", "with args beginning"}) {
    text = text.substr(0, text.find(quote));
  }
  std::string line(text.substr(0, kMost));
  std::replace_if(
      line.begin(), line.end(), [](char letter) { return letter >= 0 && (letter < ' ' || letter == 0x7f); }, ' ');
  return line;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace

std::string explain_refusal(std::string_view error, std::string_view server) {
  std::string_view setting = "bus.redis.address";
  std::string_view meaning = "refused a command";
  for (const Refusal& refusal : kRefusals) {
    if (error.starts_with(refusal.prefix)) {
      setting = refusal.setting;
      meaning = refusal.meaning;
      break;
    }
  }
  std::string text(setting);
  text.append(": ").append(server).append(" ").append(meaning).append(" (").append(one_line(error)).append(")");
  return text;
}

std::string explain_loss(std::string_view why, std::string_view server, bool answered, bool tls) {
  if (has(why, "certificate")) {
    return "bus.redis.tls_ca: " + one_line(why);
  }
  if (has(why, "TLS")) {
    return "bus.redis.tls: " + one_line(why);
  }
  std::string text = "bus.redis.address: " + one_line(why);
  if (!answered && has(why, server) && (has(why, "closed") || has(why, "lost"))) {
    text += " before it answered anything; ";
    text += tls ? "it may demand client certificates (its tls-auth-clients), and this node has none"
                : "if it expects TLS, set bus.redis.tls";
  }
  return text;
}

}  // namespace pushwire::bus::redis
