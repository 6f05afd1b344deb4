// Who may subscribe to what: patterns from the configuration for everybody, and patterns from each token's `topics`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"

namespace pushwire::session {

class PatternSet;
class PatternSetTable;

// One session's patterns: a counted pointer of 8 bytes, null for none. Belongs to one worker and its table, so the
// count is a plain integer.
class PatternSetRef {
 public:
  PatternSetRef() noexcept = default;
  PatternSetRef(const PatternSetRef& other) noexcept;
  PatternSetRef(PatternSetRef&& other) noexcept : set_(std::exchange(other.set_, nullptr)) {}
  PatternSetRef& operator=(PatternSetRef other) noexcept {
    std::swap(set_, other.set_);
    return *this;
  }
  ~PatternSetRef();

  bool empty() const noexcept { return set_ == nullptr; }
  // Requires: `topic` is a valid topic.
  bool allows(std::string_view topic) const noexcept;
  friend bool operator==(const PatternSetRef&, const PatternSetRef&) = default;

 private:
  friend class PatternSetTable;
  explicit PatternSetRef(PatternSet* set) noexcept;
  PatternSet* set_ = nullptr;
};
static_assert(sizeof(PatternSetRef) == 8, "it is kept in every session");

// A worker's pattern sets: equal claims share one set, so that a million users with the same five patterns cost one.
// Owned and used by one worker. Must outlive every reference that it gave.
class PatternSetTable {
 public:
  PatternSetTable() = default;
  PatternSetTable(const PatternSetTable&) = delete;
  PatternSetTable& operator=(const PatternSetTable&) = delete;
  ~PatternSetTable();

  // The set of these patterns in whatever order and however often each is named. Requires: valid patterns.
  PatternSetRef intern(std::vector<std::string> patterns);
  std::size_t size() const noexcept { return sets_.size(); }

 private:
  friend class PatternSetRef;
  void erase(PatternSet* set) noexcept;
  // By the set's own text, which lives as long as the entry.
  std::unordered_map<std::string_view, PatternSet*> sets_;
};

// The configured patterns ([topics] allow). Immutable after make(); any thread.
class TopicPermissions {
 public:
  TopicPermissions() = default;
  // Errors name the pattern and what is expected.
  static Result<TopicPermissions> make(std::vector<std::string> patterns);

  // Requires: `topic` is a valid topic.
  bool allows(std::string_view topic) const noexcept;
  // By configuration or by the session's own patterns.
  bool allows(const PatternSetRef& own, std::string_view topic) const noexcept {
    return allows(topic) || own.allows(topic);
  }

 private:
  std::vector<std::string> patterns_;
};

}  // namespace pushwire::session
