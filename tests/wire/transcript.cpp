#include "transcript.h"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <optional>
#include <utility>

#include "client_frame.h"

namespace pushwire::wire {
namespace {

constexpr std::array<std::string_view, 9> kSendWords = {"frame", "text", "binary", "close", "ping",
                                                        "pong",  "hex",  "raw",    "end"};
constexpr std::array<std::pair<std::string_view, Verb>, 7> kVerbs = {{{"open", Verb::kOpen},
                                                                      {"hold", Verb::kHold},
                                                                      {"read", Verb::kRead},
                                                                      {"push", Verb::kPush},
                                                                      {"kick", Verb::kKick},
                                                                      {"drain", Verb::kDrain},
                                                                      {"wait", Verb::kWait}}};

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// A file as it is written: its lines, and what its `#` lines say.
struct Source {
  std::vector<std::pair<std::size_t, std::string>> lines;
  Transcript head;
  std::string each_name;
  std::vector<std::string> each_values;
};

Result<> read_setting(std::string_view text, Source& source) {
  const std::string_view key = take_word(text);
  if (key == "config") {
    source.head.config.emplace_back(text);
  } else if (key == "each") {
    source.each_name = take_word(text);
    while (!text.empty()) {
      source.each_values.emplace_back(take_word(text));
    }
  } else if (key == "send_buffer" || key == "fails") {
    const auto number = parse_number(text);
    if (!number) {
      return fail(number.error().message);
    }
    (key == "fails") ? void(source.head.fails_at = *number)
                     : void(source.head.send_buffer_bytes = static_cast<int>(*number));
  }
  return {};  // anything else is a comment
}

// A comment at the end of a line stands behind two spaces and a '#', and holds no quote.
std::string_view without_comment(std::string_view line) {
  const std::size_t at = line.rfind("  # ");
  const bool comment = at != line.npos && line.find_first_of("\"'", at) == line.npos;
  return trim(comment ? line.substr(0, at) : line);
}

Result<std::string> substitute(std::string_view line, const Names& names) {
  std::string out;
  while (!line.empty()) {
    const std::size_t at = std::min(line.find('@'), line.size());
    out += line.substr(0, at);
    line.remove_prefix(at);
    if (line.empty()) {
      break;
    }
    std::size_t end = 1;
    while (end < line.size() && is_name_char(line[end])) {
      ++end;
    }
    const std::string_view name = line.substr(1, end - 1);
    const auto found = names.find(name);
    if (found != names.end()) {
      out += found->second;
    } else if (name.starts_with("session")) {
      out += line.substr(0, end);  // known only when the welcome has come
    } else {
      return fail(fmt::format("@{} is not known", name));
    }
    line.remove_prefix(end);
  }
  return out;
}

Result<> read_send(std::string_view text, Step& step) {
  std::string_view rest = text;
  const std::string_view word = take_word(rest);
  if (std::find(kSendWords.begin(), kSendWords.end(), word) == kSendWords.end()) {
    step.bytes = std::string(text) + "\r\n";  // a line of a head
    return {};
  }
  if (word == "end") {
    step.verb = Verb::kEnd;
    return {};
  }
  const bool plain = word == "hex" || word == "raw";
  auto literal = plain ? parse_literal(word == "hex" ? text : rest) : client_frame(word, rest);
  if (!literal) {
    return fail(literal.error().message);
  }
  step.bytes = std::move(literal->bytes);
  step.bulks = std::move(literal->bulks);
  return {};
}

Result<> read_metric(std::string_view text, Step& step) {
  std::string_view rest = text;
  if (take_word(rest) == "metric") {
    text = rest;
  }
  const std::size_t space = text.rfind(' ');
  const auto number = parse_number(text.substr(std::min(space, text.size() - 1) + 1));
  if (space == text.npos || !number) {
    return fail("= SERIES VALUE is expected");
  }
  step.verb = Verb::kMetric;
  step.text = trim(text.substr(0, space));
  step.number = *number;
  return {};
}

Result<> read_argument(std::string_view text, Step& step) {
  step.text = text;
  if (step.verb == Verb::kWait) {
    const bool milliseconds = text.ends_with("ms");
    const auto number =
        parse_number(text.substr(0, text.size() - std::min<std::size_t>(milliseconds ? 2 : 1, text.size())));
    if (!number || !text.ends_with('s')) {
      return fail("wait 300ms or wait 60s is expected");
    }
    step.number = *number * (milliseconds ? 1 : 1000);
  } else if (step.verb == Verb::kPush) {
    auto literal = parse_literal(text);
    if (!literal) {
      return fail(literal.error().message);
    }
    step.bytes = std::move(literal->bytes);
  }
  return {};
}

// A line without an arrow: [CLIENT] VERB [ARGUMENT].
Result<> read_verb(std::string_view line, Step& step) {
  std::string_view rest = line;
  for (int i = 0; i < 2; ++i) {
    const std::string_view word = take_word(rest);
    const auto* found = std::find_if(kVerbs.begin(), kVerbs.end(), [word](const auto& v) { return v.first == word; });
    if (found != kVerbs.end()) {
      step.verb = found->second;
      return read_argument(rest, step);
    }
    step.client = word;
  }
  return fail(fmt::format("not understood: {}", line));
}

Result<Step> read_step(std::size_t number, std::string_view line) {
  Step step{.line = number, .client = "a", .text = {}, .bytes = {}, .bulks = {}};
  const std::size_t arrow = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz");
  Result<> done;
  if (arrow != line.npos && (line[arrow] == '>' || line[arrow] == '<')) {
    step.client = arrow == 0 ? "a" : line.substr(0, arrow);
    const std::string_view text =
        line.substr(arrow + 1).starts_with(' ') ? line.substr(arrow + 2) : line.substr(arrow + 1);
    if (line[arrow] == '>') {
      done = read_send(text, step);
    } else {
      step.verb = Verb::kExpect;
      step.text = text;
    }
  } else if (line.starts_with('=')) {
    done = read_metric(trim(line.substr(1)), step);
  } else {
    done = read_verb(line, step);
  }
  if (!done) {
    return fail(fmt::format("line {}: {}", number, done.error().message));
  }
  return step;
}

Result<Source> read_source(const std::filesystem::path& file) {
  std::ifstream in(file);
  Source source;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.starts_with('#')) {
      if (const auto read = read_setting(std::string_view(line).substr(1), source); !read) {
        return fail(fmt::format("line {}: {}", number, read.error().message));
      }
    } else if (const std::string_view text = without_comment(line); !text.empty()) {
      source.lines.emplace_back(number, text);
    }
  }
  if (source.lines.empty()) {
    return fail("the transcript is empty or cannot be read");
  }
  return source;
}

}  // namespace

Result<std::vector<Transcript>> read_transcripts(const std::filesystem::path& file, const Names& names) {
  auto source = read_source(file);
  if (!source) {
    return fail(source.error().message);
  }
  if (source->each_values.empty()) {
    source->each_values.emplace_back();
  }
  std::vector<Transcript> out;
  for (const std::string& value : source->each_values) {
    Names all = names;
    all[source->each_name] = value;
    Transcript& transcript = out.emplace_back(source->head);
    transcript.name = value;
    for (const auto& [number, line] : source->lines) {
      const auto text = substitute(line, all);
      auto step = text ? read_step(number, *text) : fail(fmt::format("line {}: {}", number, text.error().message));
      if (!step) {
        return fail(step.error().message);
      }
      transcript.steps.push_back(std::move(*step));
    }
  }
  return out;
}

}  // namespace pushwire::wire
