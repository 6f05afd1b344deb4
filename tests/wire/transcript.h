// Transcript: a *.wire file as steps (README.md has the language). Values; reading one needs no node.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "literal.h"

namespace pushwire::wire {

enum class Verb : std::uint8_t {
  kSend,    // bytes of the client
  kEnd,     // the client's end of the stream
  kExpect,  // what the gateway must send next; `text` says what
  kOpen,    // a handshake that succeeds; `text` is the query
  kHold,    // the client stops reading
  kRead,    // and goes on
  kPush,    // a push through the API; `bytes` is the body
  kKick,    // DELETE of a user's sessions; `text` is the user
  kDrain,
  kWait,    // `number` milliseconds
  kMetric,  // `text` is the series, `number` its value
};

struct Step {
  std::size_t line = 0;
  Verb verb = Verb::kSend;
  std::string client;
  std::string text;
  std::string bytes;
  std::vector<Bulk> bulks;  // in `bytes`
  std::size_t number = 0;
};

// One replayable transcript: a file, or one value of its `# each`.
struct Transcript {
  std::string name;  // of the value of `each`, if there is one
  std::vector<std::string> config;
  int send_buffer_bytes = 0;
  std::size_t fails_at = 0;  // self-tests: the line that must fail
  std::vector<Step> steps;
};

// What @name stands for.
using Names = std::map<std::string, std::string, std::less<>>;

// All transcripts of one file. Errors begin with the line's number.
Result<std::vector<Transcript>> read_transcripts(const std::filesystem::path& file, const Names& names);

}  // namespace pushwire::wire
