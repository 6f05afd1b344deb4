// The static files compiled into the binary. Immutable, so any thread may read them at any time.
#pragma once

#include <span>
#include <string_view>

namespace pushwire::web {

struct Asset {
  std::string_view name;   // file name, e.g. "try.html"
  std::string_view bytes;  // lives as long as the program
};

// All assets, sorted by name.
std::span<const Asset> assets();

}  // namespace pushwire::web
