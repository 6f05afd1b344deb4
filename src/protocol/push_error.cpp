#include "protocol/push_error.h"

#include <fmt/format.h>

#include <utility>

namespace pushwire::protocol {
namespace {

constexpr std::size_t kMaxNameBytes = 64;  // of a foreign name that an answer repeats

std::string printable_name(const JsonString& name) {
  const std::optional<Text> text = text_of(name);
  std::string_view shown = text ? text->view() : name.raw;
  if (shown.size() <= kMaxNameBytes) {
    return std::string(shown);
  }
  std::size_t end = kMaxNameBytes;
  while ((static_cast<unsigned char>(shown[end]) & 0xc0) == 0x80) {
    --end;  // not inside a code point
  }
  return std::string(shown.substr(0, end)) + "...";
}

}  // namespace

PushError bad_json(const JsonReader& reader) {
  const JsonFault& fault = reader.fault();
  return {400, kBadJson, fmt::format("not JSON: {} at byte {}", fault.what, fault.byte), "", fault.byte};
}

tl::unexpected<PushError> invalid(std::string_view field, std::string_view message) {
  return tl::unexpected(PushError{422, kInvalid, std::string(message), std::string(field), std::nullopt});
}

std::optional<PushError> repeated_error(const MemberFaults& faults, std::string_view prefix, std::string_view body) {
  const std::optional<JsonString>& name = faults.repeated ? faults.repeated : faults.repeated_unknown;
  if (!name) {
    return std::nullopt;
  }
  std::string field = fmt::format("{}{}", prefix, printable_name(*name));
  std::string message = fmt::format("the member \"{}\" is there twice", field);
  const auto byte = static_cast<std::size_t>(name->quoted().data() - body.data());
  return PushError{400, kDuplicateMember, std::move(message), std::move(field), byte};
}

std::optional<PushError> unknown_error(const MemberFaults& faults, std::string_view prefix) {
  if (faults.unknown_count == 0) {
    return std::nullopt;
  }
  std::string field = fmt::format("{}{}", prefix, printable_name(faults.unknown.front()));
  std::string message = fmt::format("unknown member \"{}\"", field);
  return PushError{422, kInvalid, std::move(message), std::move(field), std::nullopt};
}

}  // namespace pushwire::protocol
