#include "bus/rocketmq/name_servers.h"

#include <fmt/format.h>

#include <utility>

namespace pushwire::bus::rocketmq {
namespace {

constexpr MonotonicMs kAnswerMs = 3'000;
// Brokers that create topics have this one.
constexpr const char* kTemplateTopic = "TBW102";

}  // namespace

NameServers::NameServers(const Access& access, NameServerEvents& events, std::vector<net::Endpoint> servers,
                         std::string topic)
    : access_(access),
      events_(events),
      servers_(std::move(servers)),
      topic_(std::move(topic)),
      connection_(access, *this) {}

void NameServers::open() {
  connection_.open(servers_[current_]);
}

void NameServers::close() {
  connection_.close();
  cancel();
}

void NameServers::refresh() {
  ask_again_in(kSoonMs);
}

void NameServers::ask_again_in(MonotonicMs delay) {
  const MonotonicMs deadline = access_.loop.now() + delay;
  // Only ever sooner: whoever doubts the route again and again must not put it off.
  if (!is_asking_ && (!armed() || deadline < asks_at_)) {
    asks_at_ = deadline;
    access_.loop.timers().arm(*this, deadline);
  }
}

void NameServers::ask(CallKind kind, const std::string& topic) {
  is_asking_ = true;
  connection_.call({.kind = kind}, route_request(topic), {}, kAnswerMs, RemotingConnection::Signing::kUnsigned);
}

void NameServers::on_connected() {
  ask(CallKind::kRoute, topic_);
}

void NameServers::on_timer(MonotonicMs) {
  if (connection_.is_connected() && !is_asking_) {
    ask(CallKind::kRoute, topic_);
  }
}

void NameServers::on_answer(CallId call, const Header& header, std::string_view body) {
  is_asking_ = false;
  silent_ = 0;
  if (call.kind == CallKind::kTemplateRoute) {
    const Result<Route> makers = header.code == answer::kOk ? parse_route(body) : Route();
    ask_again_in(kSoonMs);
    events_.on_topic_missing(makers.value_or(Route()));
    return;
  }
  if (header.code == answer::kTopicMissing) {
    on_missing();
    return;
  }
  if (header.code != answer::kOk) {
    connection_.drop(fmt::format("it answered {} ({})", header.code, header.remark));
    return;
  }
  const Result<Route> route = parse_route(body);
  if (!route) {
    connection_.drop(route.error().message);
    return;
  }
  missing_ = 0;
  ask_again_in(kRefreshMs);
  events_.on_route(*route);
}

void NameServers::on_missing() {
  if (++missing_ < servers_.size()) {
    use_next();
    connection_.open(servers_[current_]);
    return;
  }
  missing_ = 0;
  ask(CallKind::kTemplateRoute, kTemplateTopic);
}

void NameServers::use_next() {
  current_ = (current_ + 1) % servers_.size();
  is_asking_ = false;
}

void NameServers::on_lost(std::string_view why) {
  const std::string name = servers_[current_].to_string();
  use_next();
  connection_.set_endpoint(servers_[current_]);
  if (++silent_ >= servers_.size()) {
    silent_ = 0;
    events_.on_no_name_server(fmt::format("{}: {}", name, why));
  }
}

}  // namespace pushwire::bus::rocketmq
