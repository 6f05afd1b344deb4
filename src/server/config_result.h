// What loading a configuration brings: the values, every mistake with its place, and where each key was set.
// Value types, any thread.
#pragma once

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/config.h"

namespace pushwire::server {

struct ConfigMistake {
  std::string where;  // "FILE:LINE: key", "environment PUSHWIRE_X", "--set key", or the key alone for a default
  std::string what;   // what is wrong, what is expected

  bool operator==(const ConfigMistake&) const = default;
  [[nodiscard]] std::string message() const { return where + ": " + what; }
};

struct LoadResult {
  Config config;
  std::vector<ConfigMistake> mistakes;  // in the order: file by line, environment, --set, named files, rules
  std::map<std::string, std::string, std::less<>> places;  // of the keys that were set: ConfigMistake::where
  std::set<std::string, std::less<>> faulty;               // keys that were refused: their field is not to be judged

  [[nodiscard]] bool good() const { return mistakes.empty(); }
  [[nodiscard]] bool is_set(std::string_view key) const { return places.contains(key); }
  // True when none of the keys was refused, so that a rule over them makes sense.
  [[nodiscard]] bool sound(std::initializer_list<std::string_view> keys) const;
  // The place of the first of the keys that was set; the first key itself when all have their defaults.
  [[nodiscard]] std::string where(std::initializer_list<std::string_view> keys) const;
  void add(std::initializer_list<std::string_view> keys, std::string what);
};

}  // namespace pushwire::server
