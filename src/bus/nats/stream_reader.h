// StreamReader: receives from a JetStream stream through a connection: makes the stream if there is none, a consumer
// from the own position on, and looks after holes.
//
//   begin() -> stream there? (made if not) -> consumer -> on_ready() -> on_record() ...
//
// The consumer is a plain one that pushes, lives as long as the connection and acknowledges nothing; the position is
// ours. Whatever goes wrong with it ends in on_broken(): connect and begin() again, from the same position.
// Thread: the loop's. Lifetime: the connection given to begin() is used until reset().
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "bus/nats/connection.h"
#include "bus/nats/jetstream.h"

namespace pushwire::bus::nats {

class StreamReaderOwner {
 public:
  virtual void on_ready() = 0;
  virtual void on_stream_record(std::string_view bytes) = 0;
  virtual void on_records_missed(std::string_view reason) = 0;
  // `reason` is for an operator.
  virtual void on_broken(std::string_view reason) = 0;

 protected:
  ~StreamReaderOwner() = default;
};

class StreamReader {
 public:
  StreamReader(StreamReaderOwner& owner, StreamPlan plan) : owner_(owner), plan_(std::move(plan)) {}

  Result<> begin(Connection& connection, MonotonicMs now);
  void reset() noexcept;
  bool ready() const noexcept { return stage_ == Stage::kReading; }

  // What the connection tells.
  void on_data(natsMsg& message, MonotonicMs now);
  void on_swallowed(MonotonicMs now);
  void on_inbox(std::string_view name, std::string_view body);
  void on_nobody();
  // Whether the consumer still lives. Not while the connection is paused.
  void check(MonotonicMs now);
  // The connection was paused until now.
  void excuse(MonotonicMs now) noexcept {
    heard_at_ = now;
    asked_ = false;
  }

 private:
  enum class Stage : std::uint8_t { kIdle, kLooking, kMaking, kConsumer, kReading };
  static constexpr MonotonicMs kAnswerMs = 6'000;
  static constexpr MonotonicMs kPatienceMs = 1'000;  // a server that takes longer to answer stands still

  void ask_for(Stage stage, const std::string& api, std::string_view body);
  void on_stream(const ApiAnswer& answer);
  void on_control(natsMsg& message);
  void refuse(std::string_view what, const ApiAnswer& answer);

  StreamReaderOwner& owner_;
  const StreamPlan plan_;
  StreamPosition position_;
  Connection* connection_ = nullptr;
  Stage stage_ = Stage::kIdle;
  MonotonicMs heard_at_ = 0;
  bool asked_ = false;  // since then, whether the server is there at all
};

}  // namespace pushwire::bus::nats
