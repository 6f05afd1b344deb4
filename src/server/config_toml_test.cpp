#include "server/config_toml.h"

#include <gtest/gtest.h>

namespace pushwire::server {
namespace {

TEST(ConfigToml, FlattensTablesInTheOrderOfLines) {
  const auto settings = read_toml("log.level = \"debug\"\n[client]\npath = \"/a\"\nlisten = [\"x\"]\n", "a.toml");
  ASSERT_TRUE(settings);
  ASSERT_EQ(settings->size(), 3U);
  EXPECT_EQ((*settings)[0].key, "log.level");
  EXPECT_EQ((*settings)[0].line, 1U);
  EXPECT_EQ((*settings)[1].key, "client.path");
  EXPECT_EQ((*settings)[1].line, 3U);
  EXPECT_EQ(std::get<std::string>((*settings)[1].value), "/a");
  EXPECT_EQ(std::get<std::vector<std::string>>((*settings)[2].value), std::vector<std::string>{"x"});
}

TEST(ConfigToml, SyntaxErrorsHaveTheirLine) {
  const auto settings = read_toml("[client]\nlisten = \n", "a.toml");
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().where, "a.toml:2");
  EXPECT_TRUE(settings.error().what.starts_with("not TOML: ")) << settings.error().what;
}

TEST(ConfigToml, TheSameKeyTwiceIsAnErrorOfTheSecond) {
  const auto settings = read_toml("[client]\npath = \"/a\"\npath = \"/b\"\n", "a.toml");
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().where, "a.toml:3");
}

TEST(ConfigToml, NamesWhatNoKeyTakes) {
  const auto settings =
      read_toml("a = 1.5\nb = 2020-01-01\nc = [1]\nd = {}\nclient.path = {x = 1}\n[[e]]\nf = 1\n", "a.toml");
  ASSERT_TRUE(settings);
  ASSERT_EQ(settings->size(), 6U);
  const char* const expected[] = {"a number with a fraction",
                                  "a date or a time",
                                  "a list of something other than texts",
                                  "a table",
                                  "a table",
                                  "a list of something other than texts"};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(std::get<Unsuitable>((*settings)[i].value).what, expected[i]) << i;
  }
}

TEST(ConfigToml, RefusesTextsAndLinesOverTheLimit) {
  const auto long_text = read_toml(std::string(kMaxTomlBytes + 1, '\n'), "a.toml");
  ASSERT_FALSE(long_text);
  EXPECT_EQ(long_text.error().message(), "a.toml: too long, expected at most 1 MiB");
  const auto long_line = read_toml("\n# " + std::string(kMaxTomlLine, 'x'), "a.toml");
  ASSERT_FALSE(long_line);
  EXPECT_EQ(long_line.error().message(), "a.toml:2: too long, expected lines of at most 8 KiB");
}

TEST(ConfigToml, DeepNestingDoesNotEndTheProcess) {
  std::string deep = "a";
  while (deep.size() + 10 < kMaxTomlLine) {
    deep += ".a";
  }
  EXPECT_TRUE(read_toml(deep + " = 1\n", "a.toml"));
  EXPECT_FALSE(read_toml("a = " + std::string(4'000, '['), "a.toml"));
}

}  // namespace
}  // namespace pushwire::server
