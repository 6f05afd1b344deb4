// Text: what a JSON string says. A view into the JSON text where the string stands there as it is, an owned string
// where escapes had to be resolved, so that the usual case allocates nothing.
// A value type; the JSON text must outlive it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace pushwire::protocol {

class Text {
 public:
  Text() noexcept = default;
  explicit Text(std::string_view view) noexcept : value_(view) {}
  explicit Text(std::string owned) noexcept : value_(std::move(owned)) {}

  // Valid while this object stays where it is and the JSON text lives.
  std::string_view view() const noexcept {
    const auto* owned = std::get_if<std::string>(&value_);
    return owned != nullptr ? std::string_view(*owned) : *std::get_if<std::string_view>(&value_);
  }
  bool is_owned() const noexcept { return std::holds_alternative<std::string>(value_); }

 private:
  std::variant<std::string_view, std::string> value_;
};

}  // namespace pushwire::protocol
