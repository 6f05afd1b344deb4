// The transcripts' bytes, damaged at random: whatever they have become, the gateway answers the same however they are
// cut, and forgets the client afterwards. Seeded, so that a failure comes again.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <utility>
#include <vector>

#include "clock.h"
#include "peer.h"
#include "replay.h"

namespace pushwire::wire {
namespace {

constexpr std::size_t kMutationsEach = 6;
constexpr std::size_t kMaxBytes = 2'000;
constexpr int kTurns = 8;

using Random = std::minstd_rand;

std::size_t below(Random& random, std::size_t end) {
  return end == 0 ? 0 : random() % end;
}

std::string damage(std::string bytes, Random& random) {
  for (std::size_t times = 1 + below(random, 3); times > 0 && !bytes.empty(); --times) {
    const std::size_t at = below(random, bytes.size());
    switch (below(random, 4)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(random, 8)));
        break;
      case 1:
        bytes.erase(at, 1 + below(random, 8));
        break;
      case 2:
        bytes.insert(at, bytes.substr(below(random, bytes.size()), 1 + below(random, 40)));
        break;
      default:
        bytes.insert(at, 1, static_cast<char>(random()));
        break;
    }
  }
  return bytes;
}

void turn(Node& node, Peer& peer, int turns) {
  for (int i = 0; i < turns; ++i) {
    node.turn();
    peer.read();
  }
}

// What the gateway answers, and what it still remembers when the client has gone.
std::string answers(const NodeSettings& settings, std::string_view bytes, std::size_t piece, std::size_t first) {
  reset_time();
  Node node(settings);
  std::string out;
  {
    Peer peer(node.connect_client(), Port::kClient);
    while (!bytes.empty()) {
      const std::size_t size = std::min(first != 0 ? std::exchange(first, 0) : piece, bytes.size());
      peer.write(bytes.substr(0, size));
      bytes.remove_prefix(size);
      turn(node, peer, bytes.empty() ? kTurns : 2);
    }
    out = peer.take();
  }
  for (int i = 0; i < kTurns; ++i) {
    node.turn();
  }
  constexpr std::string_view kSession = R"("session":")";
  if (const std::size_t at = out.find(kSession); at != out.npos) {
    out.replace(at + kSession.size(), 22, "S");  // random
  }
  return out + " |" + node.leftovers();
}

// The bytes of client a, when it is alone; an `open` becomes a handshake.
std::string bytes_of(const Transcript& transcript) {
  static const Names names = standard_names();
  std::string bytes;
  for (const Step& step : transcript.steps) {
    if (step.client != "a") {
      return "";
    }
    if (step.verb == Verb::kOpen) {
      bytes += "GET /ws?" + (step.text.empty() ? "token=" + names.at("good") : step.text) + " HTTP/1.1\r\n" +
               names.at("upgrade") + "\r\n\r\n";
    }
    bytes += step.verb == Verb::kSend ? step.bytes : "";
  }
  return bytes;
}

std::vector<std::filesystem::path> transcript_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(PUSHWIRE_SOURCE_DIR "/tests/wire")) {
    if (entry.path().extension() == ".wire") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(WireMutations, AreAnsweredTheSameHoweverTheyAreCut) {
  Random random(6455);
  std::size_t tried = 0;
  for (const std::filesystem::path& file : transcript_files()) {
    const auto transcripts = read_transcripts(file, standard_names());
    ASSERT_TRUE(transcripts) << file;
    const Transcript& transcript = transcripts->front();
    const std::string good = bytes_of(transcript);
    const auto settings = make_node_settings(transcript.config);
    ASSERT_TRUE(settings);
    for (std::size_t i = 0; i < kMutationsEach && !good.empty() && good.size() < kMaxBytes; ++i, ++tried) {
      const std::string bytes = damage(good, random);
      const std::string whole = answers(*settings, bytes, bytes.size(), 0);
      ASSERT_TRUE(whole.ends_with('|')) << file << ": " << whole << "\nafter " << testing::PrintToString(bytes);
      ASSERT_EQ(answers(*settings, bytes, 1, 0), whole) << file << ": " << testing::PrintToString(bytes);
      ASSERT_EQ(answers(*settings, bytes, bytes.size(), 1 + below(random, bytes.size())), whole)
          << file << ": " << testing::PrintToString(bytes);
    }
  }
  EXPECT_GT(tried, 300U);
}

}  // namespace
}  // namespace pushwire::wire
