// What a record from the bus costs a node that has no session for it: decoding and Dispatcher::on_envelope together,
// which is what most messages are in broadcast routing. With 0 and 100,000 users present; absent ones are drawn from
// many, so that the table of who is here is not in the first cache by itself.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/hash.h"
#include "bus/embedded/embedded_bus.h"
#include "bus/envelope_codec.h"
#include "bus/sequence_tracker.h"
#include "hub/dispatcher.h"

namespace {

namespace bus = pushwire::bus;
namespace hub = pushwire::hub;

constexpr std::size_t kAbsent = 65'536;

class NoCluster final : public hub::ControlSink {
 public:
  void on_control(const bus::Envelope&) override {}
};

struct Node {
  explicit Node(std::int64_t users) {
    for (std::int64_t i = 0; i < users; ++i) {
      counts.users.add(pushwire::hash_name("present-" + std::to_string(i)));
    }
  }
  pushwire::net::EventLoop loop;
  hub::WorkerMailbox box{loop, std::size_t{1} << 30};
  hub::NodeCounts counts;
  hub::Router router{{&box}, &counts};
  hub::DedupTable dedup{60'000, 1'000'000};
  bus::EmbeddedBus link;
  NoCluster cluster;
  hub::Dispatcher dispatcher{link, router, dedup, &cluster};
};

std::vector<std::string> records(bool callers_id) {
  std::vector<std::string> list;
  for (std::size_t i = 0; i < kAbsent; ++i) {
    bus::Envelope envelope;
    envelope.key = "absent-" + std::to_string(i);
    envelope.id = "AAAAAAAAAAAAAAAA" + std::to_string(100'000 + i);
    envelope.origin = "node-1";
    envelope.payload = std::string(200, 'x');
    envelope.born_ms = pushwire::wall_ms();
    envelope.received_ns = 1;
    if (callers_id) {
      envelope.body = pushwire::digest_of(envelope.payload);
    }
    list.push_back(bus::encode_record(envelope, 7));
    bus::stamp_number(list.back(), i + 1);
  }
  return list;
}

void receive(benchmark::State& state, bool callers_id) {
  Node node(state.range(0));
  const std::vector<std::string> list = records(callers_id);
  bus::SequenceTracker tracker(15'000);
  std::uint64_t number = 0;
  node.dispatcher.begin_batch();
  for (auto _ : state) {
    auto record = bus::decode_record(list[number % kAbsent]);
    if (!record || tracker.saw({7, ++number}, 0) != bus::SequenceTracker::Verdict::kNew) {
      state.SkipWithError("the record is not taken");
      break;
    }
    node.dispatcher.on_envelope(std::move(record->envelope));
  }
  node.dispatcher.end_batch();
  std::size_t mailed = 0;
  node.box.drain([&mailed](hub::WorkerMail&&) { ++mailed; });
  state.counters["mailed"] = static_cast<double>(mailed) / static_cast<double>(state.iterations());
}

void receive_for_absent_user(benchmark::State& state) {
  receive(state, false);
}
BENCHMARK(receive_for_absent_user)->Arg(0)->Arg(100'000)->Iterations(1'000'000);

// Every id has to be remembered: another node may be asked to publish it again.
void receive_for_absent_user_with_callers_id(benchmark::State& state) {
  receive(state, true);
}
BENCHMARK(receive_for_absent_user_with_callers_id)->Arg(0)->Arg(100'000)->Iterations(kAbsent);

}  // namespace
