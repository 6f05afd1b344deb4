// PushApi: POST /v1/push and /v1/push/batch. JSON in, envelopes to the dispatcher, one answer when all are settled.
// Thread: its worker's. Calls that the bus has not settled yet wait here, and are finished by on_published().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "api/exchange.h"
#include "api/node_view.h"
#include "base/quiet_log.h"
#include "hub/dispatcher.h"
#include "hub/worker_mail.h"
#include "metrics/worker_stats.h"
#include "protocol/push_batch.h"
#include "protocol/push_request.h"
#include "session/session_id.h"

namespace pushwire::api {

class PushApi {
 public:
  enum class Form : std::uint8_t {
    kOne,    // POST /v1/push
    kArray,  // a batch in JSON
    kLines,  // a batch in NDJSON
  };

  PushApi(std::uint32_t worker, const NodeView& node, hub::Dispatcher& dispatcher, session::RandomIds& ids,
          metrics::WorkerStats& stats)
      : worker_(worker), node_(node), dispatcher_(dispatcher), ids_(ids), stats_(stats) {}

  void handle(const Exchange& exchange, Form form, std::string_view body);
  void on_published(const hub::Published& mail);

 private:
  // One push of a call and, once known, how it ended.
  struct Item {
    std::string id;
    bool callers_id = false;
    metrics::PushTarget target = metrics::PushTarget::kUnknown;
    std::variant<std::monostate, hub::PublishStatus, protocol::PushError> outcome;
  };
  struct Call {
    Exchange exchange;
    Form form;
    std::vector<Item> items;
    std::size_t waiting = 0;  // items without an outcome
  };

  void submit(Call& call, std::uint64_t number, Result<protocol::PushRequest, protocol::PushError>&& push);
  bool refuse_when_draining(const Exchange& exchange, metrics::PushTarget target);
  void count(const Item& item);
  void finish(const Call& call);

  const std::uint32_t worker_;
  const NodeView& node_;
  hub::Dispatcher& dispatcher_;
  session::RandomIds& ids_;
  metrics::WorkerStats& stats_;
  QuietLog overload_log_;
  std::uint64_t next_call_ = 0;
  std::unordered_map<std::uint64_t, Call> waiting_;  // only buses that answer later put something here
};

}  // namespace pushwire::api
