#include "session/topic_permissions.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "protocol/names.h"

namespace pushwire::session {

// The patterns one after the other, each ended by a line feed (which no pattern holds). The text is the key too.
class PatternSet {
 public:
  PatternSet(PatternSetTable& table, std::string text) : table_(table), text_(std::move(text)) {}

  PatternSetTable& table() const noexcept { return table_; }
  std::string_view text() const noexcept { return text_; }
  void retain() noexcept { ++references_; }
  bool release() noexcept { return --references_ == 0; }

  bool allows(std::string_view topic) const noexcept {
    for (std::string_view rest = text_; !rest.empty();) {
      const std::size_t end = rest.find('\n');
      if (protocol::pattern_matches(rest.substr(0, end), topic)) {
        return true;
      }
      rest.remove_prefix(end + 1);
    }
    return false;
  }

 private:
  PatternSetTable& table_;
  std::string text_;
  std::uint32_t references_ = 0;
};

PatternSetRef::PatternSetRef(PatternSet* set) noexcept : set_(set) {
  set_->retain();
}

PatternSetRef::PatternSetRef(const PatternSetRef& other) noexcept : set_(other.set_) {
  if (set_ != nullptr) {
    set_->retain();
  }
}

PatternSetRef::~PatternSetRef() {
  if (set_ != nullptr && set_->release()) {
    set_->table().erase(set_);
  }
}

bool PatternSetRef::allows(std::string_view topic) const noexcept {
  return set_ != nullptr && set_->allows(topic);
}

PatternSetTable::~PatternSetTable() {
  PW_CHECK(sets_.empty());
}

PatternSetRef PatternSetTable::intern(std::vector<std::string> patterns) {
  std::ranges::sort(patterns);
  const auto repeated = std::ranges::unique(patterns);
  patterns.erase(repeated.begin(), repeated.end());
  if (patterns.empty()) {
    return {};
  }
  std::string text;
  for (const std::string& pattern : patterns) {
    text += pattern;
    text += '\n';
  }
  const auto found = sets_.find(text);
  if (found != sets_.end()) {
    return PatternSetRef(found->second);
  }
  auto set = std::make_unique<PatternSet>(*this, std::move(text));
  sets_.emplace(set->text(), set.get());
  return PatternSetRef(set.release());
}

void PatternSetTable::erase(PatternSet* set) noexcept {
  const std::unique_ptr<PatternSet> owned(set);
  sets_.erase(set->text());
}

Result<TopicPermissions> TopicPermissions::make(std::vector<std::string> patterns) {
  for (const std::string& pattern : patterns) {
    if (!protocol::is_valid_topic_pattern(pattern)) {
      return fail(fmt::format(
          "\"{}\" is not a topic pattern: 1 to 128 bytes of A-Z a-z 0-9 . _ : - / and, if wanted, a final *", pattern));
    }
  }
  TopicPermissions permissions;
  permissions.patterns_ = std::move(patterns);
  return permissions;
}

bool TopicPermissions::allows(std::string_view topic) const noexcept {
  return std::ranges::any_of(patterns_,
                             [topic](const std::string& pattern) { return protocol::pattern_matches(pattern, topic); });
}

}  // namespace pushwire::session
