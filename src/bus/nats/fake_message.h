// FakeMessage: what FakeServer hands out, or was given. For tests only. A value.
#pragma once

#include <string>

namespace pushwire::bus::nats {

struct FakeMessage {
  std::string subject;
  std::string reply;    // empty: none
  std::string headers;  // empty: none; else with the empty line at their end
  std::string bytes;
};

}  // namespace pushwire::bus::nats
