#include "api/session_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/json_writer.h"
#include "protocol/names.h"

namespace pushwire::api {
namespace {

http::Response invalid(std::string_view field, std::string_view message) {
  return http::json_error(422, "invalid", message, {std::string(field), std::nullopt});
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  json_append_string(out, value);
}

// The end of an answer: whether all nodes are in it. None may be missing by name and it is not complete: this node
// cannot hear who there is.
void append_completeness(std::string& out, bool complete, const std::vector<std::string>& missing) {
  if (complete) {
    out += R"(,"complete":true})";
    return;
  }
  out += R"(,"complete":false,"missing":[)";
  for (std::size_t i = 0; i < missing.size(); ++i) {
    append_member(out, i == 0 ? "" : ",", missing[i]);
  }
  out += "]}";
}

}  // namespace

bool SessionApi::accept_user(const Exchange& exchange, std::string_view user) {
  if (protocol::is_valid_user_id(user)) {
    return true;
  }
  answer(exchange, invalid("id", "a user id has 1 to 128 bytes of UTF-8 without control characters"), stats_);
  return false;
}

std::uint64_t SessionApi::open(const Exchange& exchange, Kind kind, std::string_view subject, std::uint32_t workers,
                               const hub::Question& question) {
  const std::uint64_t number = next_call_++;
  const std::uint32_t others = node_.cluster != nullptr ? 1 : 0;
  waiting_.emplace(number, Call{exchange, kind, std::string(subject), workers + others});
  if (node_.cluster != nullptr) {
    node_.cluster->ask(question, {worker_, number});
  }
  return number;
}

void SessionApi::ask_home(const Exchange& exchange, Kind kind, std::string_view user, hub::Question question) {
  const std::uint64_t number = open(exchange, kind, user, 1, question);
  router_.post(router_.home_worker(user), hub::Ask{std::move(question), {worker_, number}});
}

void SessionApi::list_user(const Exchange& exchange, std::string_view user) {
  if (accept_user(exchange, user)) {
    ask_home(exchange, Kind::kUser, user, hub::ListSessions{std::string(user)});
  }
}

void SessionApi::close_user(const Exchange& exchange, std::string_view user) {
  if (accept_user(exchange, user)) {
    ask_home(exchange, Kind::kClose, user, hub::KickUser{std::string(user), std::nullopt});
  }
}

void SessionApi::close_session(const Exchange& exchange, std::string_view user, std::string_view session) {
  if (!accept_user(exchange, user)) {
    return;
  }
  const auto id = session::SessionId::parse(session);
  if (!id) {
    answer(exchange, invalid("session", "a session id has 22 characters of base64url"), stats_);
    return;
  }
  ask_home(exchange, Kind::kClose, user, hub::KickUser{std::string(user), id});
}

void SessionApi::count_topic(const Exchange& exchange, std::string_view topic) {
  if (!protocol::is_valid_topic(topic)) {
    answer(exchange, invalid("topic", "a topic has 1 to 128 bytes of A-Z a-z 0-9 . _ : - /"), stats_);
    return;
  }
  const std::uint64_t number =
      open(exchange, Kind::kTopic, topic, router_.worker_count(), hub::CountSubscribers{std::string(topic)});
  for (std::uint32_t worker = 0; worker < router_.worker_count(); ++worker) {
    router_.post(worker, hub::Ask{hub::CountSubscribers{std::string(topic)}, {worker_, number}});
  }
}

void SessionApi::on_reply(hub::Reply&& mail) {
  const auto found = waiting_.find(mail.call);
  if (found == waiting_.end()) {
    return;
  }
  Call& call = found->second;
  const auto add = [&call](std::vector<hub::SessionInfo>&& sessions) {
    std::move(sessions.begin(), sessions.end(), std::back_inserter(call.sessions));
  };
  if (auto* list = std::get_if<hub::SessionList>(&mail.answer)) {
    add(std::move(list->sessions));
  } else if (auto* others = std::get_if<hub::OthersAnswer>(&mail.answer)) {
    add(std::move(others->list.sessions));
    call.count += others->count.count;
    call.missing = std::move(others->missing);
    call.complete = others->complete;
  } else {
    call.count += std::get<hub::Count>(mail.answer).count;
  }
  if (--call.waiting == 0) {
    finish(call);
    waiting_.erase(found);
  }
}

std::string SessionApi::user_json(const Call& call) const {
  std::string out;
  append_member(out, R"({"user":)", call.subject);
  out += call.sessions.empty() ? R"(,"online":false,"sessions":[)" : R"(,"online":true,"sessions":[)";
  bool first = true;
  for (const hub::SessionInfo& session : call.sessions) {
    append_member(out, first ? R"({"session":)" : R"(,{"session":)", session.session.to_string());
    append_member(out, R"(,"device":)", session.device);
    append_member(out, R"(,"node":)", session.node.empty() ? node_.name : session.node);
    append_member(out, R"(,"remote":)", session.remote);
    append_member(out, R"(,"connected_at":)", format_time(session.connected_at));
    append_member(out, R"(,"last_seen_at":)", format_time(session.last_seen_at));
    out += R"(,"topics":[)";
    for (std::size_t i = 0; i < session.topics.size(); ++i) {
      append_member(out, i == 0 ? "" : ",", session.topics[i]);
    }
    out += "]}";
    first = false;
  }
  out += ']';
  return out;
}

void SessionApi::finish(Call& call) {
  std::string body;
  switch (call.kind) {
    case Kind::kUser:
      // Each node tells its own oldest first.
      if (node_.cluster != nullptr) {
        std::stable_sort(call.sessions.begin(), call.sessions.end(),
                         [](const auto& left, const auto& right) { return left.connected_at < right.connected_at; });
      }
      body = user_json(call);
      break;
    case Kind::kTopic:
      append_member(body, R"({"topic":)", call.subject);
      body += fmt::format(R"(,"subscribers":{})", call.count);
      break;
    case Kind::kClose:
      body = fmt::format(R"({{"closed":{})", call.count);
      break;
  }
  append_completeness(body, call.complete, call.missing);
  answer(call.exchange, http::Response::json(200, std::move(body)), stats_);
}

}  // namespace pushwire::api
