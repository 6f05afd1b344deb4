#include "hub/topic_table.h"

#include <algorithm>

#include "base/check.h"

namespace pushwire::hub {
namespace {

constexpr std::uint32_t kAhead = 4;  // sessions fetched from memory before a walk comes to them

}  // namespace

using session::ChannelSession;
using session::Subscription;

TopicTable::~TopicTable() = default;

TopicTable::Topic* TopicTable::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

Subscription& TopicTable::subscription_at(ChannelSession& session, std::uint32_t topic) {
  auto& list = *session.subscriptions();
  const auto found =
      std::find_if(list.begin(), list.end(), [topic](const Subscription& s) { return s.topic == topic; });
  PW_CHECK(found != list.end());
  return *found;
}

TopicTable::Subscribed TopicTable::subscribe(ChannelSession& session, std::string_view name) {
  Topic* topic = find(name);
  if (topic == nullptr) {
    topic = &topics_.emplace(name);
    by_name_.emplace(topic->name, topic);
  }
  if (session.subscriptions() == nullptr) {
    session.subscriptions() = std::make_unique<std::vector<Subscription>>();
  }
  auto& list = *session.subscriptions();
  if (std::any_of(list.begin(), list.end(), [&](const Subscription& s) { return s.topic == topic->slot; })) {
    return Subscribed::kAlready;
  }
  list.push_back({topic->slot, static_cast<std::uint32_t>(topic->subscribers.size())});
  topic->subscribers.push_back(&session);
  if (++topic->live == 1) {
    watcher_.on_topic_appeared(topic->name);
  }
  return Subscribed::kNew;
}

bool TopicTable::unsubscribe(ChannelSession& session, std::string_view name) {
  Topic* topic = find(name);
  if (topic == nullptr || session.subscriptions() == nullptr) {
    return false;
  }
  auto& list = *session.subscriptions();
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const Subscription& s) { return s.topic == topic->slot; });
  if (found == list.end()) {
    return false;
  }
  const std::uint32_t position = found->position;
  list.erase(found);
  if (list.empty()) {
    session.subscriptions().reset();
  }
  leave(*topic, position);
  return true;
}

std::size_t TopicTable::remove_all(ChannelSession& session) {
  // Taken first: leave() may look into the lists of others, never into this one.
  const session::SubscriptionList list = std::move(session.subscriptions());
  if (list == nullptr) {
    return 0;
  }
  for (const Subscription& subscription : *list) {
    leave(topics_.at(subscription.topic), subscription.position);
  }
  return list->size();
}

void TopicTable::leave(Topic& topic, std::uint32_t position) {
  if (topic.walks > 0) {
    topic.subscribers[position] = nullptr;
  } else {
    ChannelSession* last = topic.subscribers.back();
    topic.subscribers[position] = last;
    topic.subscribers.pop_back();
    if (position < topic.subscribers.size()) {
      subscription_at(*last, topic.slot).position = position;
    }
    if (topic.subscribers.capacity() > 64 && topic.subscribers.size() * 4 < topic.subscribers.capacity()) {
      topic.subscribers.shrink_to_fit();
    }
  }
  if (--topic.live == 0) {
    watcher_.on_topic_vanished(topic.name);
  }
  drop_if_unused(topic);
}

void TopicTable::drop_if_unused(Topic& topic) {
  if (topic.live == 0 && topic.walks == 0) {
    by_name_.erase(topic.name);
    topics_.erase(topic.slot);
  }
}

void TopicTable::close_holes(Topic& topic) {
  std::uint32_t to = 0;
  for (ChannelSession* session : topic.subscribers) {
    if (session != nullptr) {
      if (topic.subscribers[to] != session) {
        topic.subscribers[to] = session;
        subscription_at(*session, topic.slot).position = to;
      }
      ++to;
    }
  }
  topic.subscribers.resize(to);
}

std::vector<std::string> TopicTable::topics_of(ChannelSession& session) const {
  std::vector<std::string> names;
  if (session.subscriptions() != nullptr) {
    for (const Subscription& subscription : *session.subscriptions()) {
      names.push_back(topics_.at(subscription.topic).name);
    }
  }
  return names;
}

std::size_t TopicTable::subscribers(std::string_view name) const {
  const Topic* topic = find(name);
  return topic == nullptr ? 0 : topic->live;
}

std::optional<TopicTable::Walk> TopicTable::begin_walk(std::string_view name) {
  Topic* topic = find(name);
  if (topic == nullptr || topic->live == 0) {
    return std::nullopt;
  }
  ++topic->walks;
  return Walk{topic->slot, 0, static_cast<std::uint32_t>(topic->subscribers.size())};
}

ChannelSession* TopicTable::next(Walk& walk) const {
  const Topic& topic = topics_.at(walk.topic);
  if (walk.next + kAhead < walk.end) {
    __builtin_prefetch(topic.subscribers[walk.next + kAhead]);
  }
  while (walk.next < walk.end) {
    if (ChannelSession* session = topic.subscribers[walk.next++]; session != nullptr) {
      return session;
    }
  }
  return nullptr;
}

void TopicTable::end_walk(const Walk& walk) {
  Topic& topic = topics_.at(walk.topic);
  if (--topic.walks == 0) {
    if (topic.live < topic.subscribers.size()) {
      close_holes(topic);
    }
    drop_if_unused(topic);
  }
}

}  // namespace pushwire::hub
