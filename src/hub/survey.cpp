#include "hub/survey.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace pushwire::hub {

Survey::Survey(ReplyTo reply_to, MonotonicMs deadline, Until until)
    : reply_to_(reply_to), deadline_(deadline), until_(until) {}

void Survey::expect(const std::vector<Member>& members, std::uint64_t self) {
  for (const Member& member : members) {
    if (member.run != self) {
      voice_of(member.name, member.run).awaited = true;
    }
  }
}

// One that has appeared since the question was put may answer it too.
Survey::Voice& Survey::voice_of(std::string_view name, std::uint64_t run) {
  const auto found = std::find_if(voices_.begin(), voices_.end(), [run](const Voice& v) { return v.run == run; });
  return found != voices_.end() ? *found : voices_.emplace_back(Voice{.name = std::string(name), .run = run});
}

void Survey::hear(std::string_view name, std::uint64_t run, NodeAnswer&& answer) {
  if (voices_.size() >= 2 * Members::kMost) {
    return;
  }
  Voice& voice = voice_of(name, run);
  if (voice.over || answer.part != voice.next_part) {
    return;
  }
  ++voice.next_part;
  if (auto* list = std::get_if<SessionList>(&answer.answer)) {
    std::size_t bytes = 0;
    for (SessionInfo& session : list->sessions) {
      bytes += sizeof session + encoded_size(session);
      session.node = voice.name;
    }
    if (bytes_ + bytes > kMostBytes) {
      voice.over = true;
      return;
    }
    bytes_ += bytes;
    std::move(list->sessions.begin(), list->sessions.end(), std::back_inserter(voice.list.sessions));
  } else {
    voice.count.count += std::get<Count>(answer.answer).count;
  }
  voice.over = answer.last;
  voice.whole = answer.last && !answer.truncated;
}

void Survey::leave(std::uint64_t run) {
  for (Voice& voice : voices_) {
    if (voice.run == run && !voice.over) {
      voice.over = true;
      voice.whole = true;
      voice.list = {};
      voice.count = {};
    }
  }
}

bool Survey::done() const noexcept {
  return until_ == Until::kAllHaveAnswered &&
         std::all_of(voices_.begin(), voices_.end(), [](const Voice& v) { return v.over || !v.awaited; });
}

OthersAnswer Survey::take() {
  std::sort(voices_.begin(), voices_.end(), [](const Voice& left, const Voice& right) {
    return std::tie(left.name, left.run) < std::tie(right.name, right.run);
  });
  OthersAnswer answer;
  for (Voice& voice : voices_) {
    std::move(voice.list.sessions.begin(), voice.list.sessions.end(), std::back_inserter(answer.list.sessions));
    answer.count.count += voice.count.count;
    if (!voice.whole && (answer.missing.empty() || answer.missing.back() != voice.name)) {
      answer.missing.push_back(voice.name);
    }
  }
  answer.complete = answer.missing.empty();
  return answer;
}

}  // namespace pushwire::hub
