// TextTemplate: a text with places to fill in, e.g. ws://127.0.0.1:8000/ws?user={user}. Only the names below are
// places; every other brace stays as it is, so that JSON needs no escapes. A value; any thread.
//
//   {i} number of the connection   {user} "user-7"   {device} number of the connection among those of its user
//   {token} the user's line of --tokens   {id} unique per request   {payload} the message
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pushwire::bench {

struct TemplateValues {
  std::uint64_t connection = 0;
  std::uint64_t user = 0;
  std::uint64_t device = 0;
  std::uint64_t id = 0;
  std::string_view token = {};
  std::string_view payload = {};
};

class TextTemplate {
 public:
  TextTemplate() = default;
  explicit TextTemplate(std::string_view text);

  std::string fill(const TemplateValues& values) const;
  bool empty() const noexcept { return parts_.empty(); }

 private:
  enum class Place : std::uint8_t { kNone, kConnection, kUser, kDevice, kToken, kId, kPayload };
  struct Part {
    std::string text;  // before the place
    Place place = Place::kNone;
  };
  static constexpr std::array<std::string_view, 7> kNames = {"",        "{i}",  "{user}",   "{device}",
                                                             "{token}", "{id}", "{payload}"};

  std::vector<Part> parts_;
};

}  // namespace pushwire::bench
