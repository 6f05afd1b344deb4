#include "bench/text_template.h"

#include <fmt/format.h>

#include <iterator>

namespace pushwire::bench {

TextTemplate::TextTemplate(std::string_view text) {
  std::string before;
  while (!text.empty()) {
    std::size_t name = 1;
    while (name < kNames.size() && !text.starts_with(kNames[name])) {
      ++name;
    }
    if (name == kNames.size()) {
      before += text.front();
      text.remove_prefix(1);
      continue;
    }
    parts_.push_back({std::move(before), static_cast<Place>(name)});
    before.clear();
    text.remove_prefix(kNames[name].size());
  }
  if (!before.empty()) {
    parts_.push_back({std::move(before), Place::kNone});
  }
}

std::string TextTemplate::fill(const TemplateValues& values) const {
  std::string out;
  const auto number = [&out](std::string_view prefix, std::uint64_t value) {
    fmt::format_to(std::back_inserter(out), "{}{}", prefix, value);
  };
  for (const Part& part : parts_) {
    out += part.text;
    switch (part.place) {
      case Place::kNone:
        break;
      case Place::kConnection:
        number("", values.connection);
        break;
      case Place::kUser:
        number("user-", values.user);
        break;
      case Place::kDevice:
        number("", values.device);
        break;
      case Place::kToken:
        out += values.token;
        break;
      case Place::kId:
        number("", values.id);
        break;
      case Place::kPayload:
        out += values.payload;
        break;
    }
  }
  return out;
}

}  // namespace pushwire::bench
