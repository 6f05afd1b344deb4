// SessionApi: who is connected, and closing connections. Questions go as mail to the workers that know, since a user
// lives on one of them and a topic may have subscribers on all, and by the cluster to all other nodes; the answer is
// sent when the last one has replied, and names the nodes that have not.
// Thread: its worker's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/exchange.h"
#include "api/node_view.h"
#include "hub/router.h"
#include "hub/session_info.h"
#include "hub/worker_mail.h"
#include "metrics/worker_stats.h"

namespace pushwire::api {

class SessionApi {
 public:
  SessionApi(std::uint32_t worker, const NodeView& node, const hub::Router& router, metrics::WorkerStats& stats)
      : worker_(worker), node_(node), router_(router), stats_(stats) {}

  void list_user(const Exchange& exchange, std::string_view user);
  void count_topic(const Exchange& exchange, std::string_view topic);
  void close_user(const Exchange& exchange, std::string_view user);
  void close_session(const Exchange& exchange, std::string_view user, std::string_view session);
  void on_reply(hub::Reply&& mail);

 private:
  enum class Kind : std::uint8_t { kUser, kTopic, kClose };
  struct Call {
    Exchange exchange;
    Kind kind;
    std::string subject;    // the user or topic
    std::uint32_t waiting;  // for so many workers, and once for the other nodes together
    std::vector<hub::SessionInfo> sessions = {};
    std::uint64_t count = 0;
    std::vector<std::string> missing = {};
    bool complete = true;
  };

  bool accept_user(const Exchange& exchange, std::string_view user);
  void ask_home(const Exchange& exchange, Kind kind, std::string_view user, hub::Question question);
  // Opens a call that `workers` will reply to, and asks the other nodes. Returns its number.
  std::uint64_t open(const Exchange& exchange, Kind kind, std::string_view subject, std::uint32_t workers,
                     const hub::Question& question);
  void finish(Call& call);
  std::string user_json(const Call& call) const;

  const std::uint32_t worker_;
  const NodeView& node_;
  const hub::Router& router_;
  metrics::WorkerStats& stats_;
  std::uint64_t next_call_ = 0;
  std::unordered_map<std::uint64_t, Call> waiting_;
};

}  // namespace pushwire::api
