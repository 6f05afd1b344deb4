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

Router::Router(std::vector<WorkerMailbox*> mailboxes) : mailboxes_(std::move(mailboxes)) {
  PW_CHECK(!mailboxes_.empty());
}

std::uint32_t Router::home_worker(std::string_view user) const noexcept {
  // The high bits choose the worker, since the low ones choose the bucket in that worker's table.
  return static_cast<std::uint32_t>((hash_name(user) >> 32) % mailboxes_.size());
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
    by_worker[home_worker(user)].push_back(user);
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

std::vector<Router::Part> Router::split(const bus::Envelope& envelope) const {
  if (envelope.kind == EnvelopeKind::kUser) {
    return {{home_worker(envelope.key), ToUser{envelope.key}}};
  }
  if (envelope.kind == EnvelopeKind::kUsers) {
    return split_users(envelope);
  }
  Target target = ToAll{};
  if (envelope.kind == EnvelopeKind::kTopic) {
    target = ToTopic{envelope.key};
  } else if (envelope.kind == EnvelopeKind::kSession) {
    const auto id = session::SessionId::parse(envelope.key);
    if (!id) {
      return {};  // names nobody
    }
    target = ToSession{*id};
  }
  std::vector<Part> parts;
  for (std::uint32_t worker = 0; worker < mailboxes_.size(); ++worker) {
    parts.push_back({worker, target});
  }
  return parts;
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

RouteStatus Router::deliver(const bus::Envelope& envelope) const {
  const std::size_t bytes = envelope.bytes();
  std::vector<Part> parts = split(envelope);
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
