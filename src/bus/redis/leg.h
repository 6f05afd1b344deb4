// The two legs that a Redis link stands on: one publishes, the other receives. The link is up while both are.
// Thread: the loop's.
#pragma once

#include <string>

namespace pushwire::bus::redis {

class LegEvents {
 public:
  virtual void on_leg_up() = 0;
  // It is connecting again by itself. May be told again, when an attempt failed.
  virtual void on_leg_down(const std::string& reason) = 0;

 protected:
  ~LegEvents() = default;
};

// The leg that receives, in either mode.
class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual void open() = 0;
  virtual void close() = 0;
  virtual void flush() = 0;
  virtual void set_paused(bool paused) = 0;
  // Whatever is published from now on will be received.
  virtual bool is_up() const = 0;
  // What is older than this entry need not be kept in the stream; empty: keep everything, or there is no stream.
  virtual const std::string& oldest_kept() const = 0;
};

}  // namespace pushwire::bus::redis
