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

// What is wrong with an object's names; whether it matters is the caller's to say.
struct MemberFaults {
  // How many unknown names are compared with each other: an object with one is refused or they are ignored, so this
  // only decides how precise a refusal is, and a bound keeps it cheap.
  static constexpr std::size_t kMaxUnknown = 4;

  std::array<JsonString, kMaxUnknown> unknown;
  std::size_t unknown_count = 0;               // of those in `unknown`
  std::optional<JsonString> repeated;          // the first known name that was there before
  std::optional<JsonString> repeated_unknown;  // the same of the compared unknown ones

  void note_unknown(const JsonString& name);
};

template <std::size_t N>
struct Members : MemberFaults {
  std::array<Member, N> known;

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
    const auto found =
        std::find_if(names.begin(), names.end(), [&](std::string_view one) { return name->equals(one); });
    if (found == names.end()) {
      members.note_unknown(*name);
      continue;
    }
    Member& slot = members.known[static_cast<std::size_t>(found - names.begin())];
    if (!slot.present()) {
      slot = value;
    } else if (!members.repeated) {
      members.repeated = name;
    }
  }
  return members;
}

}  // namespace pushwire::protocol
