// What nodes say to each other, as bytes in the payload of a control envelope. The envelope's origin is the speaker's
// name, its key the name of the node it is for (empty: all).
//
//   byte 0  version, 1. Another one is skipped: it says something that this node cannot get right
//        1  kind: 1 announcement, 2 goodbye, 3 question, 4 answer. Unknown ones are skipped
//      2–9  the speaker's run number
//     10 –  the fields of the kind, in the order of its struct below; what follows them is of a later version and
//     ignored
//
// Integers are little-endian; a text is a length byte and UTF-8; lists have their number in two bytes before them.
// Pure functions, any thread. Every length is checked before anything is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hub/session_info.h"

namespace pushwire::hub {

inline constexpr std::size_t kMaxControlText = 255;  // bytes of a node's name or version

// What a node tells all others about itself every two seconds.
struct Announcement {
  std::string version = {};
  std::uint64_t uptime_ms = 0;
  std::uint64_t connections = 0;
  std::uint64_t users = 0;
  std::uint64_t subscriptions = 0;
  bool draining = false;
  bool curious = false;  // it is new, or was away: everybody please announce himself soon

  bool operator==(const Announcement&) const = default;
};
struct Goodbye {
  bool operator==(const Goodbye&) const = default;
};
struct NodeQuestion {
  std::uint64_t number = 0;  // the speaker's, for the answers
  Question question = {};
};
// An answer may be too long for one envelope; its parts arrive in their order.
struct NodeAnswer {
  std::uint64_t to_run = 0;  // of the node that asked: it may have been started anew
  std::uint64_t number = 0;
  std::uint16_t part = 0;
  bool last = true;
  bool truncated = false;  // in the last part: there was more than an answer may hold
  std::variant<SessionList, Count> answer = {};
};

struct ControlMessage {
  std::uint64_t run = 0;  // random, made when the speaker's process started
  std::variant<Announcement, Goodbye, NodeQuestion, NodeAnswer> body;
};

enum class ControlFault : std::uint8_t {
  kUnknown,  // of a later version
  kDamaged,
};
struct DecodedControl {
  std::optional<ControlMessage> message;
  ControlFault fault = ControlFault::kDamaged;  // if there is none
};

// Texts that are too long are cut.
std::string encode_control(const ControlMessage& message);
DecodedControl decode_control(std::string_view bytes);

// Whether this may be a node's name: 1 to 255 bytes of UTF-8.
bool is_node_name(std::string_view name);

// How an answer is cut into parts.
struct AnswerLimits {
  std::size_t part_bytes = std::size_t{48} << 10;  // about; a part holds one session at least
  std::size_t parts = 64;
};
std::vector<NodeAnswer> split_answer(const NodeQuestion& question, std::uint64_t to_run, Answer&& answer,
                                     const AnswerLimits& limits);
// About what a session takes in a part.
std::size_t encoded_size(const SessionInfo& session);

}  // namespace pushwire::hub
