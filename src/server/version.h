// Which Pushwire this is. The .cpp alone sees the build's definitions, so that a new commit compiles one small file.
// Immutable, any thread.
#pragma once

#include <string_view>

namespace pushwire::server {

[[nodiscard]] std::string_view version();  // "0.1.0"
[[nodiscard]] std::string_view commit();   // "unknown" when the build did not know it

}  // namespace pushwire::server
