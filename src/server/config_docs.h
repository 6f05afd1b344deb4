// The reference part of docs/configuration.md, made from the table of keys. A test compares the two.
// Pure function, any thread.
#pragma once

#include <string>

namespace pushwire::server {

// One Markdown table per table of the configuration.
[[nodiscard]] std::string configuration_reference();

}  // namespace pushwire::server
