// Fuzzes decode_control: what it takes is no longer than what came, and comes back the same from encode_control; an
// answer in it can be split into parts that hold all its sessions in order. libFuzzer entry; one thread.
// The input is the payload of a control envelope.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"
#include "hub/control_codec.h"

namespace {

namespace hub = pushwire::hub;

void check_split(const hub::NodeAnswer& answer, std::size_t part_bytes) {
  const auto* list = std::get_if<hub::SessionList>(&answer.answer);
  if (list == nullptr) {
    return;
  }
  const hub::NodeQuestion question{.number = answer.number};
  const hub::AnswerLimits limits{.part_bytes = part_bytes, .parts = 1'000'000};
  std::size_t next = 0;
  std::size_t number = 0;
  for (const hub::NodeAnswer& part : split_answer(question, answer.to_run, hub::Answer{*list}, limits)) {
    PW_CHECK(part.part == number++ && !part.truncated && part.number == answer.number);
    for (const hub::SessionInfo& session : std::get<hub::SessionList>(part.answer).sessions) {
      PW_CHECK(session.session == list->sessions.at(next++).session);
    }
    PW_CHECK(part.last == (next == list->sessions.size()) || part.part == 0);
  }
  PW_CHECK(next == list->sessions.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  hub::DecodedControl decoded = hub::decode_control(input);
  if (!decoded.message) {
    return 0;
  }
  const std::string written = hub::encode_control(*decoded.message);
  PW_CHECK(written.size() <= size);
  const hub::DecodedControl again = hub::decode_control(written);
  PW_CHECK(again.message && hub::encode_control(*again.message) == written);
  if (const auto* answer = std::get_if<hub::NodeAnswer>(&decoded.message->body)) {
    check_split(*answer, size / 3 + 1);
  }
  return 0;
}
