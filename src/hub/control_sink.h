// ControlSink: where what nodes say to each other goes. Implemented by Cluster.
#pragma once

#include "bus/envelope.h"

namespace pushwire::hub {

class ControlSink {
 public:
  // On the bus's thread. Never for a push.
  virtual void on_control(const bus::Envelope& envelope) = 0;

 protected:
  ~ControlSink() = default;
};

}  // namespace pushwire::hub
