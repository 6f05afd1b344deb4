#include "bus/rocketmq/topic_creator.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"

namespace pushwire::bus::rocketmq {

TopicCreator::TopicCreator(const TopicAccess& topic, CreatorEvents& events)
    : topic_(topic), events_(events), connection_(topic, *this) {}

void TopicCreator::create_at(const std::vector<BrokerRoute>& brokers) {
  if (!brokers_.empty()) {
    return;
  }
  brokers_ = brokers;
  current_ = 0;
  problem_.clear();
  connection_.open(brokers_[current_].master);
}

void TopicCreator::on_connected() {
  connection_.call({.kind = CallKind::kCheck}, pull_request({.topic = topic_.topic, .most = 1}), {}, kAnswerMs);
}

void TopicCreator::on_answer(CallId call, const Header& header, std::string_view) {
  const std::string& broker = brokers_[current_].name;
  if (call.kind == CallKind::kCheck && header.code == answer::kTopicMissing) {
    connection_.call({.kind = CallKind::kCreate}, create_topic_request(topic_.topic, kQueues), {}, kAnswerMs);
    return;
  }
  if (call.kind == CallKind::kCheck) {
    const bool has_topic = header.code == answer::kOk || header.code == answer::kPullNotFound ||
                           header.code == answer::kPullRetryNow || header.code == answer::kPullOffsetMoved;
    go_on(has_topic ? fmt::format("bus.rocketmq.name_servers: none knows topic {} yet, which broker {} holds",
                                  topic_.topic, broker)
                    : refusal("pulls", broker, header));
    return;
  }
  if (header.code == answer::kOk) {
    log_info("bus rocketmq: created topic {} with {} queues at broker {}", topic_.topic, kQueues, broker);
    go_on(fmt::format("bus.rocketmq.name_servers: none knows topic {} yet, which was created at broker {}",
                      topic_.topic, broker));
  } else {
    go_on(fmt::format("bus.rocketmq.topic: there is no topic {}; {}", topic_.topic,
                      refusal("to create it", broker, header)));
  }
}

void TopicCreator::on_lost(std::string_view why) {
  go_on(absence(brokers_[current_].name, brokers_[current_].master, why));
}

void TopicCreator::go_on(std::string problem) {
  problem_ = std::move(problem);
  connection_.close();
  if (++current_ < brokers_.size()) {
    connection_.open(brokers_[current_].master);
    return;
  }
  brokers_.clear();
  events_.on_asked(problem_);
}

}  // namespace pushwire::bus::rocketmq
