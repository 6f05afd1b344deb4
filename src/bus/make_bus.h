// make_bus: the bus that the configuration asks for.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "bus/bus.h"
#include "bus/settings.h"

namespace pushwire::bus {

// Connects nothing yet: Bus::start() does. An error names the setting.
Result<std::unique_ptr<Bus>> make_bus(const Settings& settings, std::string_view node);
// "rocketmq", as bus.kind spells it.
std::string_view name_of(BusKind kind) noexcept;

}  // namespace pushwire::bus
