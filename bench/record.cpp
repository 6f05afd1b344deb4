// What one record from the bus costs before anybody is looked for: decoding, and telling new from repeated. In
// broadcast routing that is all that most messages need on most nodes.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bus/envelope_codec.h"
#include "bus/sequence_tracker.h"

namespace {

namespace bus = pushwire::bus;

bus::Envelope push(std::size_t payload_bytes) {
  bus::Envelope envelope;
  envelope.key = "user-000017";
  envelope.id = "AAAAAAAAAAAAAAAAAAAAAA";
  envelope.origin = "node-1";
  envelope.payload = std::string(payload_bytes, 'x');
  envelope.born_ms = 1'700'000'000'000;
  envelope.received_ns = 1;
  return envelope;
}

void encode(benchmark::State& state) {
  const bus::Envelope envelope = push(static_cast<std::size_t>(state.range(0)));
  std::uint64_t number = 1;
  for (auto _ : state) {
    std::string record = bus::encode_record(envelope, 7);
    bus::stamp_number(record, number++);
    benchmark::DoNotOptimize(record.data());
  }
}
BENCHMARK(encode)->Arg(200)->Arg(4096);

void decode_and_recognise(benchmark::State& state) {
  std::string record = bus::encode_record(push(static_cast<std::size_t>(state.range(0))), 7);
  bus::stamp_number(record, 1);
  bus::SequenceTracker tracker(15'000);
  std::uint64_t number = 1;
  for (auto _ : state) {
    const auto decoded = bus::decode_record(record);
    if (!decoded || tracker.saw({7, number++}, 0) != bus::SequenceTracker::Verdict::kNew) {
      state.SkipWithError("the record is not taken");
      break;
    }
    benchmark::DoNotOptimize(decoded->envelope.payload.data());
  }
}
BENCHMARK(decode_and_recognise)->Arg(200)->Arg(4096);

}  // namespace
