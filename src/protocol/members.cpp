#include "protocol/members.h"

#include <utility>

namespace pushwire::protocol {

std::optional<Text> text_of(const JsonString& string) {
  if (!string.has_escapes) {
    return Text(string.raw);
  }
  std::optional<std::string> own = json_unescape(string.raw);
  return own ? std::optional(Text(std::move(*own))) : std::nullopt;
}

std::optional<Text> text_of(const Member& member) {
  return member.kind == JsonKind::kString ? text_of(member.string) : std::nullopt;
}

bool same_name(const JsonString& left, const JsonString& right) {
  if (left.raw == right.raw) {
    return true;
  }
  if (!left.has_escapes && !right.has_escapes) {
    return false;
  }
  const std::optional<Text> one = text_of(left);
  const std::optional<Text> other = text_of(right);
  return one && other && one->view() == other->view();
}

Member read_member(JsonReader& reader) {
  Member member;
  member.kind = reader.peek();
  if (member.kind == JsonKind::kString) {
    if (const std::optional<JsonString> string = reader.read_string()) {
      member.string = *string;
      member.raw = string->quoted();
    }
  } else {
    member.raw = reader.skip_value();
  }
  return member;
}

void MemberFaults::note_unknown(const JsonString& name) {
  const auto end = unknown.begin() + static_cast<std::ptrdiff_t>(unknown_count);
  if (std::any_of(unknown.begin(), end, [&](const JsonString& one) { return same_name(one, name); })) {
    repeated_unknown = repeated_unknown ? repeated_unknown : name;
  } else if (unknown_count < kMaxUnknown) {
    unknown[unknown_count++] = name;
  }
}

}  // namespace pushwire::protocol
