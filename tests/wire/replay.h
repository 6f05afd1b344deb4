// Replays one transcript against a fresh node, its client bytes cut as asked, and says where it differs first.
// Bounded: after each step the node is turned until nothing more comes; what is expected then and not there is a
// failure. Thread: the test's.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "node.h"
#include "transcript.h"

namespace pushwire::wire {

// How the bytes of the clients reach the node: steps of one client that follow each other are one write, but for one
// cut before the byte `at`, or a cut before every byte.
struct Cut {
  enum class Kind : std::uint8_t { kNowhere, kAt, kEverywhere };
  Kind kind = Kind::kNowhere;
  std::size_t at = 0;

  std::string to_string() const;
};

// Nowhere, everywhere, and at each byte (inside a Bulk only near its ends and at a few places between).
std::vector<Cut> cuts_of(const Transcript& transcript);

struct Failure {
  std::size_t line = 0;
  std::string what;
};

std::optional<Failure> replay(const NodeSettings& settings, const Transcript& transcript, const Cut& cut);

// The tokens and heads that transcripts name: @good, @bob, @expired, @upgrade, ...
Names standard_names();

}  // namespace pushwire::wire
