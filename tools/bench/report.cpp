#include "bench/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/json_writer.h"

namespace pushwire::bench {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 4> kFractions = {
    {{"p50_ms", 0.5}, {"p90_ms", 0.9}, {"p99_ms", 0.99}, {"p99_9_ms", 0.999}}};

std::string number(double value) {
  return value == std::floor(value) && std::abs(value) < 1e15 ? fmt::format("{:.0f}", value)
                                                              : fmt::format("{:.3f}", value);
}

}  // namespace

void Report::add(std::string_view section, std::string_view name, double value) {
  figures_.push_back({std::string(section), std::string(name), std::isfinite(value) ? value : 0});
}

void Report::add_latency(std::string_view section, const Histogram& nanoseconds) {
  if (nanoseconds.count() == 0) {
    return;
  }
  for (const auto& [name, fraction] : kFractions) {
    add(section, name, static_cast<double>(nanoseconds.at_fraction(fraction)) / 1e6);
  }
  add(section, "max_ms", static_cast<double>(nanoseconds.max()) / 1e6);
}

void Report::note(std::string_view name, std::string_view text) {
  notes_.push_back({std::string(name), std::string(text)});
}

double Report::value(std::string_view section, std::string_view name) const {
  const auto found = std::ranges::find_if(
      figures_, [&](const Figure& figure) { return figure.section == section && figure.name == name; });
  return found == figures_.end() ? 0 : found->value;
}

std::string Report::as_table() const {
  std::string out;
  for (const Note& note : notes_) {
    fmt::format_to(std::back_inserter(out), "{:<24}{}\n", note.name, note.text);
  }
  std::string_view section;
  for (const Figure& figure : figures_) {
    if (figure.section != section) {
      section = figure.section;
      fmt::format_to(std::back_inserter(out), "{}\n", section);
    }
    fmt::format_to(std::back_inserter(out), "  {:<32}{:>16}\n", figure.name, number(figure.value));
  }
  return out;
}

std::string Report::as_json() const {
  std::string out = "{";
  for (const Note& note : notes_) {
    json_append_string(out, note.name);
    out += ": ";
    json_append_string(out, note.text);
    out += ", ";
  }
  std::string_view section;
  for (const Figure& figure : figures_) {
    const bool opens = figure.section != section;
    if (opens) {
      out += section.empty() ? "\n" : "},\n";
      section = figure.section;
      json_append_string(out, section);
      out += ": {";
    } else {
      out += ", ";
    }
    json_append_string(out, figure.name);
    out += ": " + number(figure.value);
  }
  return out + (section.empty() ? "}\n" : "}}\n");
}

Result<> Report::write_json(const std::string& file) const {
  std::ofstream stream(file);
  stream << as_json();
  stream.close();
  return stream.good() ? Result<>() : fail(fmt::format("cannot write {}", file));
}

}  // namespace pushwire::bench
