// TopicTable: topic -> the sessions of one worker that subscribed to it.
//
// Each topic keeps a vector of subscribers; each session keeps (topic, position) pairs, so that leaving is O(1). While
// a walk over a topic is under way its vector is not reordered: who leaves leaves a hole, who comes is appended, and
// the holes are closed when the last walk ends. So a walk never skips who was there when it began, and never follows
// a dead pointer.
// Thread: the worker's. Sessions must unsubscribe (remove_all) before they die.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/slab.h"
#include "session/channel_session.h"

namespace pushwire::hub {

// Told when the worker's first subscriber of a topic comes and its last one goes.
class TopicWatcher {
 public:
  virtual void on_topic_appeared(std::string_view topic) = 0;
  virtual void on_topic_vanished(std::string_view topic) = 0;

 protected:
  ~TopicWatcher() = default;
};

class TopicTable {
 public:
  enum class Subscribed : std::uint8_t { kNew, kAlready };

  explicit TopicTable(TopicWatcher& watcher) : watcher_(watcher) {}
  ~TopicTable();
  TopicTable(const TopicTable&) = delete;
  TopicTable& operator=(const TopicTable&) = delete;

  Subscribed subscribe(session::ChannelSession& session, std::string_view topic);
  // False when it was not subscribed.
  bool unsubscribe(session::ChannelSession& session, std::string_view topic);
  // Returns how many subscriptions ended.
  std::size_t remove_all(session::ChannelSession& session);
  std::vector<std::string> topics_of(session::ChannelSession& session) const;
  std::size_t subscribers(std::string_view topic) const;
  std::size_t size() const noexcept { return by_name_.size(); }

  // A walk over the subscribers that a topic has now.
  struct Walk {
    std::uint32_t topic = 0;
    std::uint32_t next = 0;
    std::uint32_t end = 0;
  };
  // Nothing when the topic has no subscriber. Every begun walk must be ended.
  std::optional<Walk> begin_walk(std::string_view topic);
  // The next subscriber; null when the walk is through.
  session::ChannelSession* next(Walk& walk) const;
  void end_walk(const Walk& walk);

 private:
  struct Topic {
    Topic(std::uint32_t own_slot, std::string_view topic_name) : slot(own_slot), name(topic_name) {}
    const std::uint32_t slot;
    const std::string name;
    std::vector<session::ChannelSession*> subscribers;  // null: left during a walk
    std::uint32_t live = 0;
    std::uint32_t walks = 0;
  };
  struct NameHash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(std::string_view name) const noexcept { return hash_name(name); }
  };

  Topic* find(std::string_view name) const;
  void leave(Topic& topic, std::uint32_t position);
  void close_holes(Topic& topic);
  void drop_if_unused(Topic& topic);
  static session::Subscription& subscription_at(session::ChannelSession& session, std::uint32_t topic);

  TopicWatcher& watcher_;
  Slab<Topic> topics_;
  boost::unordered_flat_map<std::string_view, Topic*, NameHash, std::equal_to<>> by_name_;  // views into Topic::name
};

}  // namespace pushwire::hub
