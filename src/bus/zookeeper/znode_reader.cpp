#include "bus/zookeeper/znode_reader.h"

#include <fmt/format.h>
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <utility>

namespace pushwire::bus {
namespace {

// A tag is the round and the place in it.
constexpr std::uint64_t kPlaces = 64;
static_assert(ZNodeReader::kMostAtOnce < kPlaces);

}  // namespace

void ZNodeReader::start(ZNodeTree& tree, std::int32_t marker, Count count) {
  tree_ = &tree;
  if (!started_) {
    started_ = true;
    next_ = number_after(marker);
  } else if (count == Count::kBeganAgain || is_later(next_, marker)) {
    events_.on_gap(fmt::format("bus.zookeeper.root: {} counts from the beginning again; what was read was up to {}",
                               folder_, last()));
    next_ = number_after(marker);
  }
  counted_ = marker;
  ask(0);
}

void ZNodeReader::saw(std::int32_t number) noexcept {
  if (is_later(number, counted_)) {
    counted_ = number;
  }
}

void ZNodeReader::check() {
  if (tree_ != nullptr && waiting_ && !paused_) {
    ask(0);
  }
}

void ZNodeReader::resume() {
  paused_ = false;
  if (tree_ != nullptr && asking_) {
    hand_over();
  }
}

// `count` numbers from next_ on, and whether the one after them is there.
void ZNodeReader::ask(std::uint32_t count) {
  ++round_;
  slots_.assign(count, Slot{});
  handed_ = 0;
  asking_ = true;
  waiting_ = false;
  next_exists_ = false;
  exists_answered_ = false;
  int code = ZOK;
  for (std::uint32_t i = 0; i < count && code == ZOK; ++i) {
    code = tree_->read(path(number_after(next_, i)), round_ * kPlaces + i);
  }
  if (code == ZOK) {
    code = tree_->exists(path(number_after(next_, count)), round_ * kPlaces + count);
  }
  if (code != ZOK) {
    end_round();
  }
}

// Without an answer: mostly the connection has gone, and start() comes when it is back; else check() asks again.
void ZNodeReader::end_round() noexcept {
  ++round_;
  asking_ = false;
  waiting_ = true;
}

void ZNodeReader::on_event(ZooKeeperEvent&& event) {
  if (tree_ == nullptr) {
    return;
  }
  if (event.kind == ZooKeeperReply::kWatch) {
    if (waiting_ && znode_number(event.text) == next_) {
      ask(1);
    }
    return;
  }
  if (event.tag / kPlaces != round_) {
    return;
  }
  if (event.kind == ZooKeeperReply::kChildren && event.code == ZOK) {
    look_for_next(event.names);
    return;
  }
  const std::size_t place = event.tag % kPlaces;
  if (event.kind == ZooKeeperReply::kExists) {
    exists_answered_ = true;
    next_exists_ = event.code == ZOK;
  } else if (place < slots_.size()) {
    slots_[place] = {true, event.code, std::move(event.text)};
  }
  if (event.kind == ZooKeeperReply::kChildren || (event.code != ZOK && event.code != ZNONODE)) {
    end_round();
    return;
  }
  hand_over();
}

void ZNodeReader::hand_over() {
  while (!paused_ && handed_ < slots_.size() && slots_[handed_].answered && slots_[handed_].code == ZOK) {
    const std::string data = std::move(slots_[handed_].data);
    const std::int32_t number = next_;
    ++handed_;
    next_ = number_after(next_);
    if (!data.empty()) {  // else only a node's mark of where it begins
      events_.on_record(data, path(number));
    }
  }
  const bool all_answered = exists_answered_ && std::ranges::all_of(slots_, &Slot::answered);
  if (!paused_ && all_answered) {
    finish_round();
  }
}

void ZNodeReader::finish_round() {
  saw(last());
  const bool all_there = handed_ == slots_.size();
  if (all_there && next_exists_) {
    ask(std::clamp<std::uint32_t>(static_cast<std::uint32_t>(slots_.size()) * 2, 1, kMostAtOnce));
  } else if (!is_later(next_, counted_)) {
    // It was given and is not there: taken away before this node came to it.
    if (tree_->children(folder_.substr(0, folder_.size() - 1), round_ * kPlaces) != ZOK) {
      end_round();
    }
  } else if (all_there) {
    asking_ = false;
    waiting_ = true;
  } else {
    ask(0);
  }
}

void ZNodeReader::look_for_next(const std::vector<std::string>& names) {
  std::int32_t found = number_after(counted_);
  for (const std::string& name : names) {
    const std::optional<std::int32_t> number = znode_number(name);
    if (number && !is_later(next_, *number) && is_later(found, *number)) {
      found = *number;
    }
  }
  if (found != next_) {
    events_.on_gap(fmt::format("bus.zookeeper: {} records were taken away before this node read them",
                               static_cast<std::uint32_t>(found) - static_cast<std::uint32_t>(next_)));
    next_ = found;
  }
  ask(0);
}

}  // namespace pushwire::bus
