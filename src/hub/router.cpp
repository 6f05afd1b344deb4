#include "hub/router.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"

namespace pushwire::hub {

using bus::EnvelopeKind;

namespace {

constexpr std::size_t kUsersPerMail = 128;

}  // namespace

thread_local Mailbag* Mailbag::current_ = nullptr;

void Mailbag::put_down() {
  deliver();
  current_ = nullptr;
}

void Mailbag::put(std::uint32_t worker, WorkerMail mail) {
  std::vector<WorkerMail>& own = mail_[worker];
  own.push_back(std::move(mail));
  if (own.size() >= kMostPerWorker) {
    mailboxes_[worker]->post_all(own);
  }
}

void Mailbag::deliver() {
  for (std::size_t worker = 0; worker < mail_.size(); ++worker) {
    mailboxes_[worker]->post_all(mail_[worker]);
  }
}

Router::Router(std::vector<WorkerMailbox*> mailboxes, const NodeCounts* here)
    : mailboxes_(std::move(mailboxes)), here_(here) {
  PW_CHECK(!mailboxes_.empty());
}

std::uint32_t Router::worker_of(std::uint64_t hash) const noexcept {
  // The high bits choose the worker, since the low ones choose the bucket in that worker's table.
  return static_cast<std::uint32_t>((hash >> 32) % mailboxes_.size());
}

std::uint32_t Router::home_worker(std::string_view user) const noexcept {
  return worker_of(hash_name(user));
}

void Router::post(std::uint32_t worker, WorkerMail mail) const {
  if (Mailbag* bag = Mailbag::current(); bag != nullptr) {
    bag->put(worker, std::move(mail));
  } else {
    mailboxes_[worker]->post(std::move(mail));
  }
}

std::vector<Router::Part> Router::split_users(const bus::Envelope& envelope) const {
  std::vector<std::vector<std::string>> by_worker(mailboxes_.size());
  for (const std::string& user : envelope.users) {
    const std::uint64_t hash = hash_name(user);
    if (may_have_user(hash)) {
      by_worker[worker_of(hash)].push_back(user);
    }
  }
  std::vector<Part> parts;
  for (std::uint32_t worker = 0; worker < by_worker.size(); ++worker) {
    // In portions, so that a turn need not carry out all of a long list.
    const std::vector<std::string>& all = by_worker[worker];
    for (std::size_t at = 0; at < all.size(); at += kUsersPerMail) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
      const auto end = begin + static_cast<std::ptrdiff_t>(std::min(kUsersPerMail, all.size() - at));
      parts.push_back({worker, ToUsers{{begin, end}}});
    }
  }
  return parts;
}

std::vector<Router::Part> Router::for_all_workers(const Target& target) const {
  std::vector<Part> parts;
  parts.reserve(mailboxes_.size());
  for (std::uint32_t worker = 0; worker < mailboxes_.size(); ++worker) {
    parts.push_back({worker, target});
  }
  return parts;
}

// Empty: nobody of them is here.
std::vector<Router::Part> Router::split(const bus::Envelope& envelope) const {
  switch (envelope.kind) {
    case EnvelopeKind::kUser: {
      const std::uint64_t hash = hash_name(envelope.key);
      return may_have_user(hash) ? std::vector<Part>{{worker_of(hash), ToUser{envelope.key}}} : std::vector<Part>{};
    }
    case EnvelopeKind::kUsers:
      return split_users(envelope);
    case EnvelopeKind::kTopic:
      if (here_ != nullptr && !here_->topics.may_have(hash_name(envelope.key))) {
        return {};
      }
      return for_all_workers(ToTopic{envelope.key});
    case EnvelopeKind::kSession: {
      const auto id = session::SessionId::parse(envelope.key);
      if (!id || (here_ != nullptr && !here_->sessions.may_have(id->hash()))) {
        return {};
      }
      return for_all_workers(ToSession{*id});
    }
    case EnvelopeKind::kAll:
      return here_ != nullptr && here_->admission.empty() ? std::vector<Part>{} : for_all_workers(ToAll{});
    case EnvelopeKind::kControl:
      break;
  }
  return {};
}

bool Router::reserve(const std::vector<Part>& parts, std::size_t bytes) const {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!mailboxes_[parts[i].worker]->reserve(bytes)) {
      while (i > 0) {
        mailboxes_[parts[--i].worker]->release(bytes);
      }
      return false;
    }
  }
  return true;
}

RouteStatus Router::deliver(const bus::Envelope& envelope, From from) const {
  std::vector<Part> parts = split(envelope);
  if (parts.empty()) {
    return RouteStatus::kAccepted;
  }
  if (from == From::kElsewhere && !is_sound(envelope)) {
    return RouteStatus::kUnsound;
  }
  const std::size_t bytes = envelope.bytes();
  if (!reserve(parts, bytes)) {
    return RouteStatus::kOverloaded;
  }
  const MessagePtr message(new Message(envelope));
  message->expect_workers(static_cast<std::uint32_t>(parts.size()));
  for (Part& part : parts) {
    post(part.worker, Deliver{std::move(part.target), message, bytes});
  }
  return RouteStatus::kAccepted;
}

}  // namespace pushwire::hub
