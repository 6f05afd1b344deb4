// One test a file: tests/wire/*.wire must hold however their bytes are cut, tests/wire/wrong/*.wire must fail at the
// line they name.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "replay.h"

namespace pushwire::wire {
namespace {

std::vector<std::string> transcripts_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".wire") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

const std::filesystem::path kFolder = std::filesystem::path(PUSHWIRE_SOURCE_DIR) / "tests/wire";

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

std::vector<Transcript> read(const std::filesystem::path& file) {
  auto transcripts = read_transcripts(file, standard_names());
  EXPECT_TRUE(transcripts) << file.string() << ": " << transcripts.error().message;
  return transcripts ? std::move(*transcripts) : std::vector<Transcript>{};
}

NodeSettings settings_of(const Transcript& transcript) {
  auto settings = make_node_settings(transcript.config);
  EXPECT_TRUE(settings) << settings.error().message;
  settings->send_buffer_bytes = transcript.send_buffer_bytes;
  return std::move(*settings);
}

class Transcripts : public testing::TestWithParam<std::string> {};

TEST_P(Transcripts, HoldHoweverTheBytesAreCut) {
  const std::filesystem::path file = kFolder / (GetParam() + ".wire");
  for (const Transcript& transcript : read(file)) {
    const NodeSettings settings = settings_of(transcript);
    for (const Cut& cut : cuts_of(transcript)) {
      if (const auto failure = replay(settings, transcript, cut)) {
        FAIL() << file.string() << ":" << failure->line << " " << transcript.name << " (" << cut.to_string()
               << "): " << failure->what;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Wire, Transcripts, testing::ValuesIn(transcripts_in(kFolder)), test_name);

class WrongTranscripts : public testing::TestWithParam<std::string> {};

TEST_P(WrongTranscripts, FailAtTheLineTheyName) {
  const std::filesystem::path file = kFolder / "wrong" / (GetParam() + ".wire");
  for (const Transcript& transcript : read(file)) {
    const NodeSettings settings = settings_of(transcript);
    ASSERT_NE(transcript.fails_at, 0U);
    const auto cuts = cuts_of(transcript);
    for (const Cut& cut : {cuts[0], cuts[1]}) {
      const auto failure = replay(settings, transcript, cut);
      ASSERT_TRUE(failure) << cut.to_string();
      EXPECT_EQ(failure->line, transcript.fails_at) << failure->what;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Wire, WrongTranscripts, testing::ValuesIn(transcripts_in(kFolder / "wrong")), test_name);

}  // namespace
}  // namespace pushwire::wire
