// Members: the members of one JSON object, sorted into the ones a caller knows and the rest, in one pass.
// For reading our own small objects (client messages, pushes, targets). Values over the text; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "base/json_reader.h"
#include "protocol/text.h"

namespace pushwire::protocol {

struct Member {
  JsonKind kind = JsonKind::kFault;  // kFault: the object has no such member
  std::string_view raw;              // the bytes of the value
  JsonString string;                 // if the value is one

  bool present() const noexcept { return kind != JsonKind::kFault; }
};

// What the string member says; empty when it is no string or holds a lone surrogate.
std::optional<Text> text_of(const Member& member);
std::optional<Text> text_of(const JsonString& string);
// Whether two names say the same, however they are escaped.
bool same_name(const JsonString& left, const JsonString& right);
// The value at the reader's cursor.
Member read_member(JsonReader& reader);

template <std::size_t N>
struct Members {
  // How many unknown names are compared with each other: an object with one is refused anyhow, so this only decides
  // how precise the refusal is, and a bound keeps it cheap.
  static constexpr std::size_t kMaxUnknown = 8;

  std::array<Member, N> known;
  std::array<JsonString, kMaxUnknown> unknown;
  std::size_t unknown_count = 0;       // of those in `unknown`
  std::optional<JsonString> repeated;          // the first known name that was there before
  std::optional<JsonString> repeated_unknown;  // the same of the compared unknown ones

  const Member& operator[](std::size_t index) const noexcept { return known[index]; }
};

// Requires: reader.peek() said kObject. Of a repeated member the first value counts. After a fault of the text, what
// was read until then.
template <std::size_t N>
Members<N> read_members(JsonReader& reader, const std::array<std::string_view, N>& names) {
  Members<N> members;
  reader.enter_object();
  while (const std::optional<JsonString> name = reader.next_member()) {
    const Member value = read_member(reader);
    const auto found = std::find_if(names.begin(), names.end(), [&](std::string_view one) { return name->equals(one); });
    if (found != names.end()) {
      Member& slot = members.known[static_cast<std::size_t>(found - names.begin())];
      if (slot.present() && !members.repeated) {
        members.repeated = name;
      } else if (!slot.present()) {
        slot = value;
      }
      continue;
    }
    const auto end = members.unknown.begin() + static_cast<std::ptrdiff_t>(members.unknown_count);
    if (std::any_of(members.unknown.begin(), end, [&](const JsonString& one) { return same_name(one, *name); })) {
      members.repeated_unknown = members.repeated_unknown ? members.repeated_unknown : name;
    } else if (members.unknown_count < members.kMaxUnknown) {
      members.unknown[members.unknown_count++] = *name;
    }
  }
  return members;
}

}  // namespace pushwire::protocol
