#include "api/push_api.h"

#include <fmt/format.h>

#include "base/json_writer.h"

namespace pushwire::api {
namespace {

using hub::PublishStatus;
using metrics::PushResult;

constexpr std::uint64_t kItemsPerCall = 1024;  // a ticket names call * 1024 + item
static_assert(protocol::kMaxBatchPushes <= kItemsPerCall);

// The alternatives of the request's target, of the envelope's kind and of the metric stand in the same order.
bus::EnvelopeKind kind_of(const protocol::PushTarget& to) {
  return static_cast<bus::EnvelopeKind>(to.index());
}
metrics::PushTarget target_of(const protocol::PushTarget& to) {
  return static_cast<metrics::PushTarget>(to.index());
}

bus::Envelope make_envelope(const protocol::PushRequest& push, std::string id) {
  bus::Envelope envelope;
  envelope.kind = kind_of(push.to);
  if (const auto* user = std::get_if<protocol::ToUser>(&push.to)) {
    envelope.key = user->user.view();
  } else if (const auto* topic = std::get_if<protocol::ToTopic>(&push.to)) {
    envelope.key = topic->topic.view();
  } else if (const auto* session = std::get_if<protocol::ToSession>(&push.to)) {
    envelope.key = session->session.view();
  } else if (const auto* users = std::get_if<protocol::ToUsers>(&push.to)) {
    for (const protocol::Text& user_id : users->users) {
      envelope.users.emplace_back(user_id.view());
    }
  }
  envelope.id = std::move(id);
  if (push.event) {
    envelope.event = std::string(push.event->view());
  }
  envelope.payload_kind = push.kind;
  envelope.payload = push.payload.view();
  if (push.exclude) {
    if (const auto* session = std::get_if<protocol::ExcludeSession>(&*push.exclude)) {
      envelope.exclude_session = session->session.view();
    } else {
      envelope.exclude_user = std::get<protocol::ExcludeUser>(*push.exclude).user.view();
    }
  }
  envelope.ttl_ms = push.ttl_ms.value_or(0);
  return envelope;
}

struct Failure {
  int status;
  std::string_view code;
  std::string message;
  http::ErrorDetail detail;
};

Failure failure_of(PublishStatus status, std::size_t largest) {
  switch (status) {
    case PublishStatus::kConflict:
      return {409, "conflict", "this id was used with another body", {"id", std::nullopt}};
    case PublishStatus::kBusy:
      return {503, "busy", "a push with this id is on its way at this moment: ask again", {"id", std::nullopt}};
    case PublishStatus::kOverloaded:
      return {503, "overloaded", "this node has too many pushes to deliver: try again", {}};
    case PublishStatus::kTooLarge:
      return {413,
              "too_large",
              fmt::format("the bus takes at most {} bytes with id, target and event, or less if its server says so",
                          largest),
              {}};
    default:
      return {503, "unavailable", "the bus cannot take pushes at this moment: try again", {}};
  }
}

bool is_accepted(PublishStatus status) {
  return status == PublishStatus::kAccepted || status == PublishStatus::kDuplicate;
}

// {"id":"…","accepted":true} with whatever stands in front of it.
std::string accepted_json(std::string_view begin, std::string_view id, PublishStatus status) {
  std::string out(begin);
  json_append_string(out, id);
  out += status == PublishStatus::kDuplicate ? R"(,"accepted":true,"duplicate":true})" : R"(,"accepted":true})";
  return out;
}

// {"status":422,"error":{…}}: the error body with the status in front.
std::string with_status(int status, const std::string& body) {
  return fmt::format(R"({{"status":{},{})", status, std::string_view(body).substr(1));
}

}  // namespace

void PushApi::submit(Call& call, std::uint64_t number, Result<protocol::PushRequest, protocol::PushError>&& push) {
  Item& item = call.items.emplace_back();
  if (!push) {
    item.outcome = std::move(push.error());
    count(item);
    return;
  }
  item.target = target_of(push->to);
  item.callers_id = push->id.has_value();
  item.id = item.callers_id ? std::string(push->id->view()) : ids_.next().to_string();

  bus::Envelope envelope = make_envelope(*push, item.id);
  envelope.born_ms = wall_ms();
  envelope.received_ns = monotonic_ns();
  envelope.origin = node_.name;
  const hub::CallerId caller_id{item.callers_id ? std::optional(push->body) : std::nullopt};
  const bus::PublishTicket ticket{worker_, number * kItemsPerCall + call.items.size() - 1};
  if (const auto status = dispatcher_.publish(std::move(envelope), caller_id, ticket)) {
    item.outcome = *status;
    count(item);
  } else {
    ++call.waiting;
  }
}

void PushApi::count(const Item& item) {
  PushResult result = PushResult::kInvalid;
  if (const auto* status = std::get_if<PublishStatus>(&item.outcome)) {
    switch (*status) {
      case PublishStatus::kAccepted:
        result = PushResult::kAccepted;
        break;
      case PublishStatus::kDuplicate:
        result = PushResult::kDuplicate;
        break;
      case PublishStatus::kOverloaded:
        result = PushResult::kOverloaded;
        stats_.drop(metrics::DropReason::kOverloaded);
        overload_log_.warn(monotonic_ms(), "refusing pushes with 503: {}",
                           node_.cluster == nullptr
                               ? "a worker's mailbox is full (node.mailbox_bytes)"
                               : "the bus is slower than the pushes, and what waits for it has reached its limit");
        break;
      case PublishStatus::kUnavailable:
        result = PushResult::kUnavailable;
        break;
      case PublishStatus::kBusy:
        result = PushResult::kOverloaded;
        break;
      case PublishStatus::kConflict:
      case PublishStatus::kTooLarge:
        break;
    }
  }
  stats_.push(item.target, result);
}

bool PushApi::refuse_when_draining(const Exchange& exchange, metrics::PushTarget target) {
  if (!node_.draining.load(std::memory_order_relaxed)) {
    return false;
  }
  stats_.push(target, PushResult::kUnavailable);
  answer(exchange, unavailable("draining", "this node is shutting down: call another one"), stats_);
  return true;
}

void PushApi::handle(const Exchange& exchange, Form form, std::string_view body) {
  const std::uint64_t number = next_call_++;
  Call call{exchange, form, {}, 0};
  if (form == Form::kOne) {
    auto push = protocol::parse_push(body);
    if (push && refuse_when_draining(exchange, target_of(push->to))) {
      return;
    }
    submit(call, number, std::move(push));
  } else {
    auto batch = form == Form::kArray ? protocol::parse_batch(body) : protocol::parse_ndjson_batch(body);
    if (!batch) {
      const protocol::PushError& error = batch.error();
      stats_.push(metrics::PushTarget::kUnknown, PushResult::kInvalid);
      answer(exchange, http::json_error(error.status, error.code, error.message, {error.field, error.byte}), stats_);
      return;
    }
    if (refuse_when_draining(exchange, metrics::PushTarget::kUnknown)) {
      return;
    }
    call.items.reserve(batch->size());
    for (auto& push : *batch) {
      submit(call, number, std::move(push));
    }
  }
  if (call.waiting == 0) {
    finish(call);
  } else {
    waiting_.emplace(number, std::move(call));
  }
}

void PushApi::on_published(const hub::Published& mail) {
  const auto found = waiting_.find(mail.call / kItemsPerCall);
  if (found == waiting_.end()) {
    return;
  }
  Call& call = found->second;
  Item& item = call.items[mail.call % kItemsPerCall];
  item.outcome = dispatcher_.settle(item.callers_id ? std::string_view(item.id) : std::string_view{}, mail.outcome);
  count(item);
  if (--call.waiting == 0) {
    finish(call);
    waiting_.erase(found);
  }
}

void PushApi::finish(const Call& call) {
  std::vector<std::pair<int, std::string>> answers;
  answers.reserve(call.items.size());
  const bool one = call.form == Form::kOne;
  for (const Item& item : call.items) {
    if (const auto* error = std::get_if<protocol::PushError>(&item.outcome)) {
      const std::string body = http::json_error_body(error->code, error->message, {error->field, error->byte});
      answers.emplace_back(error->status, one ? body : with_status(error->status, body));
      continue;
    }
    const PublishStatus status = std::get<PublishStatus>(item.outcome);
    if (is_accepted(status)) {
      answers.emplace_back(200, accepted_json(one ? R"({"id":)" : R"({"status":200,"id":)", item.id, status));
    } else {
      const Failure failure = failure_of(status, node_.bus->largest_record());
      const std::string body = http::json_error_body(failure.code, failure.message, failure.detail);
      answers.emplace_back(failure.status, one ? body : with_status(failure.status, body));
    }
  }
  if (one) {
    http::Response response = http::Response::json(answers[0].first, std::move(answers[0].second));
    if (response.status == 503) {
      response.headers.push_back({"Retry-After", "1"});
    }
    answer(call.exchange, response, stats_);
    return;
  }
  const bool lines = call.form == Form::kLines;
  std::string out = lines ? "" : R"({"results":[)";
  for (std::size_t i = 0; i < answers.size(); ++i) {
    out += i == 0 || lines ? "" : ",";
    out += answers[i].second;
    out += lines ? "\n" : "";
  }
  out += lines ? "" : "]}";
  http::Response response = http::Response::json(200, std::move(out));
  response.content_type = lines ? std::string_view("application/x-ndjson") : http::kJsonType;
  answer(call.exchange, response, stats_);
}

}  // namespace pushwire::api
