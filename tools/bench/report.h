// Report: the figures of a run, for people as a table and for programs as JSON. A value; thread: main.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bench/histogram.h"

namespace pushwire::bench {

class Report {
 public:
  // A figure of a section; the name says the unit: "cpu_us_per_delivery".
  void add(std::string_view section, std::string_view name, double value);
  // p50, p90, p99, p99.9 and max in milliseconds. Nothing when it is empty.
  void add_latency(std::string_view section, const Histogram& nanoseconds);
  // What the run is about, or what went wrong: texts.
  void note(std::string_view name, std::string_view text);

  // The value of a figure; 0 when there is none.
  double value(std::string_view section, std::string_view name) const;
  std::string as_table() const;
  std::string as_json() const;
  Result<> write_json(const std::string& file) const;

 private:
  struct Figure {
    std::string section;
    std::string name;
    double value;
  };
  struct Note {
    std::string name;
    std::string text;
  };
  std::vector<Figure> figures_;
  std::vector<Note> notes_;
};

}  // namespace pushwire::bench
