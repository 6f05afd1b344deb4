#include "base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/json_reader.h"

namespace pushwire {
namespace {

using namespace std::string_literals;

// Each test starts and stops the log by itself and reads what came out on stderr.
class Log : public ::testing::Test {
 protected:
  template <class Say>
  std::vector<std::string> lines_of(LogLevel level, LogFormat format, Say&& say) {
    ::testing::internal::CaptureStderr();
    start_log(level, format);
    say();
    stop_log();
    const std::string text = ::testing::internal::GetCapturedStderr();
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      lines.push_back(text.substr(at, end - at));
      at = end == std::string::npos ? text.size() : end + 1;
    }
    return lines;
  }
  // The line without its time, which stands in front and is 24 characters long.
  static std::string after_time(const std::string& line) { return line.substr(25); }

  ~Log() override { set_log_level(LogLevel::kInfo); }
};

TEST_F(Log, WritesOneLineOfTextPerEvent) {
  const auto lines = lines_of(LogLevel::kInfo, LogFormat::kText, [] {
    log_info("started {}", 1);
    log_warning("careful");
    log_error("broken");
  });
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(after_time(lines[0]), "info    started 1");
  EXPECT_EQ(after_time(lines[1]), "warning careful");
  EXPECT_EQ(after_time(lines[2]), "error   broken");
  EXPECT_EQ(lines[0][10], 'T');
  EXPECT_EQ(lines[0][23], 'Z');
}

TEST_F(Log, LeavesOutWhatIsBelowTheLevel) {
  const auto lines = lines_of(LogLevel::kWarning, LogFormat::kText, [] {
    log_info("not this");
    log_warning("this");
    set_log_level(LogLevel::kError);
    log_warning("nor this");
    EXPECT_TRUE(log_enabled(LogLevel::kError));
    EXPECT_FALSE(log_enabled(LogLevel::kWarning));
  });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(after_time(lines[0]), "warning this");
}

TEST_F(Log, DoesNotFormatWhatPeersSay) {
  const auto lines = lines_of(LogLevel::kInfo, LogFormat::kText, [] { log_line(LogLevel::kInfo, "100% {} {0} %v"); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(after_time(lines[0]), "info    100% {} {0} %v");
}

TEST_F(Log, KeepsControlCharactersOffTheTerminal) {
  const auto lines =
      lines_of(LogLevel::kInfo, LogFormat::kText, [] { log_info("{}", "a\nb\x1b[31m\x7f \u009b31m\u00e9"s + "\xff"); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(after_time(lines[0]), "info    a\\x0ab\\x1b[31m\\x7f \\xc2\\x9b31m\u00e9\\xff");
}

TEST_F(Log, WritesValidJsonWhateverIsSaid) {
  const std::string said = "say \"hi\" \\ \n\x01\x7f\u009b\u00e9\xff\xed\xa0\x80 end\xe2\x82"s;
  const auto lines = lines_of(LogLevel::kInfo, LogFormat::kJson, [&] { log_info("{}", said); });
  ASSERT_EQ(lines.size(), 1U);
  JsonReader reader(lines[0]);
  reader.skip_value();
  EXPECT_TRUE(reader.finish()) << lines[0];
  EXPECT_NE(lines[0].find(R"("level":"info","message":"say \"hi\" \\ \u000a\u0001\u007f)"), std::string::npos)
      << lines[0];
  EXPECT_NE(lines[0].find("\u00e9"), std::string::npos);
}

TEST_F(Log, WritesAtOnceBeforeItIsStarted) {
  ::testing::internal::CaptureStderr();
  log_error("early");
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("early"), std::string::npos);
}

TEST_F(Log, LosesNoLineWhenThreadsWriteTogether) {
  const auto lines = lines_of(LogLevel::kInfo, LogFormat::kText, [] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int line = 0; line < 500; ++line) {
          log_info("line");
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    EXPECT_EQ(lost_log_lines(), 0U);
  });
  EXPECT_EQ(lines.size(), 2000U);
}

TEST_F(Log, CanBeStartedAgain) {
  EXPECT_EQ(lines_of(LogLevel::kInfo, LogFormat::kText, [] { log_info("one"); }).size(), 1U);
  EXPECT_EQ(lines_of(LogLevel::kInfo, LogFormat::kText, [] { log_info("two"); }).size(), 1U);
}

}  // namespace
}  // namespace pushwire
