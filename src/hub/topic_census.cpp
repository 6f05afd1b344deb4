#include "hub/topic_census.h"

namespace pushwire::hub {

void TopicCensus::add(std::string_view topic) {
  presence_.add(hash_name(topic));
  const std::lock_guard lock(mutex_);
  auto found = workers_of_.find(topic);
  if (found == workers_of_.end()) {
    found = workers_of_.emplace(std::string(topic), 0).first;
  }
  ++found->second;
}

void TopicCensus::remove(std::string_view topic) {
  const std::lock_guard lock(mutex_);
  const auto found = workers_of_.find(topic);
  if (found == workers_of_.end()) {
    return;
  }
  presence_.remove(hash_name(topic));
  if (--found->second == 0) {
    workers_of_.erase(found);
  }
}

std::size_t TopicCensus::topics() const {
  const std::lock_guard lock(mutex_);
  return workers_of_.size();
}

}  // namespace pushwire::hub
