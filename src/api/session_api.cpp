#include "api/session_api.h"

#include <fmt/format.h>

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

}  // namespace

bool SessionApi::accept_user(const Exchange& exchange, std::string_view user) {
  if (protocol::is_valid_user_id(user)) {
    return true;
  }
  answer(exchange, invalid("id", "a user id has 1 to 128 bytes of UTF-8 without control characters"), stats_);
  return false;
}

void SessionApi::ask_home(const Exchange& exchange, Kind kind, std::string_view user, hub::Question question) {
  const std::uint64_t number = next_call_++;
  waiting_.emplace(number, Call{exchange, kind, std::string(user), 1, {}, 0});
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
  const std::uint64_t number = next_call_++;
  waiting_.emplace(number, Call{exchange, Kind::kTopic, std::string(topic), router_.worker_count(), {}, 0});
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
  if (auto* sessions = std::get_if<hub::SessionList>(&mail.answer)) {
    call.sessions = std::move(*sessions);
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
  out += call.sessions.sessions.empty() ? R"(,"online":false,"sessions":[)" : R"(,"online":true,"sessions":[)";
  bool first = true;
  for (const hub::SessionInfo& session : call.sessions.sessions) {
    append_member(out, first ? R"({"session":)" : R"(,{"session":)", session.session.to_string());
    append_member(out, R"(,"device":)", session.device);
    append_member(out, R"(,"node":)", node_.name);
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
  out += "]}";
  return out;
}

void SessionApi::finish(const Call& call) {
  std::string body;
  switch (call.kind) {
    case Kind::kUser:
      body = user_json(call);
      break;
    case Kind::kTopic:
      append_member(body, R"({"topic":)", call.subject);
      body += fmt::format(R"(,"subscribers":{}}})", call.count);
      break;
    case Kind::kClose:
      body = fmt::format(R"({{"closed":{}}})", call.count);
      break;
  }
  answer(call.exchange, http::Response::json(200, std::move(body)), stats_);
}

}  // namespace pushwire::api
