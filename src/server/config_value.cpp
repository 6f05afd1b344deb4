#include "server/config_value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <type_traits>

#include "base/units.h"
#include "base/utf8.h"
#include "server/config_text.h"

namespace pushwire::server {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;  // clang 14 does not deduce it for aggregates

// The value as a message may show it.
std::string shown(const ConfigKey& key, const RawValue& value) {
  if (key.secrecy == Secrecy::kSecret && !std::holds_alternative<Unsuitable>(value)) {
    return "the value (secret, not shown)";
  }
  return std::visit(Overloaded{[](const BareText& bare) { return in_quotes(bare.text); },
                               [](const std::string& text) { return in_quotes(text); },
                               [](std::int64_t number) { return std::to_string(number); },
                               [](bool truth) { return std::string(truth ? "true" : "false"); },
                               [](const std::vector<std::string>&) { return std::string("a list"); },
                               [](const Unsuitable& other) { return other.what; }},
                    value);
}

Error wrong_type(const ConfigKey& key, const RawValue& value) {
  return {fmt::format("{} is of the wrong type, expected {}", shown(key, value), expectation(key))};
}

// `message` completes the sentence "VALUE is …".
Error refused(const ConfigKey& key, const RawValue& value, const std::string& message) {
  return {fmt::format("{} is {}", shown(key, value), message)};
}

const std::string* text_of(const RawValue& value) {
  if (const auto* bare = std::get_if<BareText>(&value)) {
    return &bare->text;
  }
  return std::get_if<std::string>(&value);
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    parts.emplace_back(trimmed(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

// A list, or a single text in its place. Nothing for another type.
std::optional<std::vector<std::string>> list_of(const RawValue& value) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    return *list;
  }
  if (const auto* bare = std::get_if<BareText>(&value)) {
    return split_at_commas(bare->text);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return std::vector{*text};
  }
  return std::nullopt;
}

bool in_range(const ConfigKey& key, std::uint64_t number) {
  return (number >= key.least && number <= key.most) || (number == 0 && !key.zero_means.empty());
}

Result<> check_text(const ConfigKey& key, const std::string& text) {
  if (!is_valid_utf8(text) || text.find('\0') != std::string::npos) {
    return tl::unexpected(refused(key, text, "not UTF-8 or has a zero byte, expected a text"));
  }
  if (key.check == nullptr) {
    return {};
  }
  if (auto checked = key.check(text); !checked) {
    return tl::unexpected(refused(key, text, checked.error().message));
  }
  return {};
}

Result<> set_text(std::string& field, const ConfigKey& key, const RawValue& value) {
  const std::string* text = text_of(value);
  if (text == nullptr) {
    return tl::unexpected(wrong_type(key, value));
  }
  return check_text(key, *text).map([&] { field = *text; });
}

Result<> set_texts(Config::Texts& field, const ConfigKey& key, const RawValue& value) {
  auto list = list_of(value);
  if (!list) {
    return tl::unexpected(wrong_type(key, value));
  }
  for (const std::string& text : *list) {
    if (auto checked = check_text(key, text); !checked) {
      return checked;
    }
  }
  field = *std::move(list);
  return {};
}

Result<> set_addresses(Config::Addresses& field, const ConfigKey& key, const RawValue& value) {
  const auto list = list_of(value);
  if (!list) {
    return tl::unexpected(wrong_type(key, value));
  }
  if (list->empty()) {
    return fail(fmt::format("no address, expected one or more {}", expectation(key)));
  }
  Config::Addresses addresses;
  for (const std::string& text : *list) {
    auto address = parse_listen_address(text);
    if (!address) {
      return tl::unexpected(refused(key, text, address.error().message));
    }
    addresses.push_back(*std::move(address));
  }
  field = std::move(addresses);
  return {};
}

// A number as the environment and --set write it. Nothing when it is none; the largest value when it is too large.
std::optional<std::uint64_t> bare_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault == std::errc::invalid_argument || stop != text.data() + text.size()) {
    return std::nullopt;
  }
  return fault == std::errc{} ? number : std::numeric_limits<std::uint64_t>::max();
}

// Counts are numbers in the file and digits elsewhere; sizes are numbers or texts with a unit everywhere.
Result<std::uint64_t> integer_of(const ConfigKey& key, const RawValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    if (*number < 0) {
      return tl::unexpected(refused(key, value, fmt::format("out of range, expected {}", expectation(key))));
    }
    return static_cast<std::uint64_t>(*number);
  }
  if (key.type == KeyType::kCount) {
    const auto* bare = std::get_if<BareText>(&value);
    const auto number = bare == nullptr ? std::nullopt : bare_number(bare->text);
    return number ? Result<std::uint64_t>(*number) : tl::unexpected(wrong_type(key, value));
  }
  const std::string* text = text_of(value);
  if (text == nullptr) {
    return tl::unexpected(wrong_type(key, value));
  }
  return parse_size(*text).map_error([&](const Error& error) { return refused(key, value, error.message); });
}

Result<> set_integer(std::uint64_t& field, const ConfigKey& key, const RawValue& value) {
  const auto number = integer_of(key, value);
  if (!number) {
    return tl::unexpected(number.error());
  }
  if (!in_range(key, *number)) {
    return tl::unexpected(refused(key, value, fmt::format("out of range, expected {}", expectation(key))));
  }
  field = *number;
  return {};
}

Result<> set_duration(Config::Duration& field, const ConfigKey& key, const RawValue& value) {
  if (std::holds_alternative<std::int64_t>(value)) {
    return tl::unexpected(
        refused(key, value, "a number without a unit, expected a whole number with ms, s, m or h like \"10s\""));
  }
  const std::string* text = text_of(value);
  if (text == nullptr) {
    return tl::unexpected(wrong_type(key, value));
  }
  const auto duration = parse_duration(*text);
  if (!duration) {
    return tl::unexpected(refused(key, value, duration.error().message));
  }
  if (!in_range(key, static_cast<std::uint64_t>(duration->count()))) {
    return tl::unexpected(refused(key, value, fmt::format("out of range, expected {}", expectation(key))));
  }
  field = *duration;
  return {};
}

Result<> set_switch(bool& field, const ConfigKey& key, const RawValue& value) {
  if (const bool* truth = std::get_if<bool>(&value)) {
    field = *truth;
    return {};
  }
  const auto* bare = std::get_if<BareText>(&value);
  if (bare == nullptr || (bare->text != "true" && bare->text != "false")) {
    return tl::unexpected(wrong_type(key, value));
  }
  field = bare->text == "true";
  return {};
}

// The enums count from zero in the order of the key's choices.
template <class Choice>
Result<> set_choice(Choice& field, const ConfigKey& key, const RawValue& value) {
  const std::string* text = text_of(value);
  if (text == nullptr) {
    return tl::unexpected(wrong_type(key, value));
  }
  const auto found = std::find(key.choices.begin(), key.choices.end(), *text);
  if (found == key.choices.end()) {
    return tl::unexpected(refused(key, value, fmt::format("unknown, expected {}", expectation(key))));
  }
  field = static_cast<Choice>(found - key.choices.begin());
  return {};
}

}  // namespace

Result<> set_value(Config& config, const ConfigKey& key, const RawValue& value) {
  return std::visit(Overloaded{[&](std::string* field) { return set_text(*field, key, value); },
                               [&](Config::Texts* field) { return set_texts(*field, key, value); },
                               [&](std::uint64_t* field) { return set_integer(*field, key, value); },
                               [&](Config::Duration* field) { return set_duration(*field, key, value); },
                               [&](bool* field) { return set_switch(*field, key, value); },
                               [&](Config::Addresses* field) { return set_addresses(*field, key, value); },
                               [&](auto* choice) { return set_choice(*choice, key, value); }},
                    key.field(config));
}

std::string value_text(const Config& config, const ConfigKey& key) {
  Config copy = config;  // a key's field is reached through a mutable Config only
  return std::visit(
      Overloaded{[](const std::string* text) { return *text; },
                 [](const Config::Texts* texts) { return fmt::format("{}", fmt::join(*texts, ",")); },
                 [&](const std::uint64_t* number) {
                   return key.type == KeyType::kSize ? format_size(*number) : std::to_string(*number);
                 },
                 [](const Config::Duration* duration) { return format_duration(*duration); },
                 [](const bool* truth) { return std::string(*truth ? "true" : "false"); },
                 [](const Config::Addresses* addresses) {
                   std::string list;
                   for (const ListenAddress& address : *addresses) {
                     list += (list.empty() ? "" : ",") + address.to_text();
                   }
                   return list;
                 },
                 [&](const auto* choice) { return std::string(key.choices[static_cast<std::size_t>(*choice)]); }},
      key.field(copy));
}

}  // namespace pushwire::server
