#include "server/config_text.h"

#include <gtest/gtest.h>

#include <array>

namespace pushwire::server {
namespace {

TEST(ConfigText, NothingThatATerminalObeysIsPrinted) {
  EXPECT_EQ(in_quotes("plain ü"), "\"plain ü\"");
  EXPECT_EQ(printable("a\x1b[2Jb\n\x7f"), "a\\x1b[2Jb\\x0a\\x7f");
  EXPECT_EQ(printable("\xc2\x9b[2J"), "\\x9b[2J");  // U+009B, one-character CSI
  EXPECT_EQ(printable("bad \xff\xc3\xbc"), "bad \\xff\\xc3\\xbc");
}

TEST(ConfigText, LongTextsAreShortened) {
  EXPECT_EQ(printable(std::string(80, 'a')), std::string(80, 'a'));
  EXPECT_EQ(printable(std::string(81, 'a')), std::string(80, 'a') + "…");
}

TEST(ConfigText, ListsChoicesAsASentence) {
  constexpr std::array<std::string_view, 3> kWords = {"a", "b", "c"};
  EXPECT_EQ(one_of(kWords), "\"a\", \"b\" or \"c\"");
  EXPECT_EQ(one_of(std::span(kWords).first(1)), "\"a\"");
}

TEST(ConfigText, EditDistanceCountsSingleChanges) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("listen", "listen"), 0U);
  EXPECT_EQ(edit_distance("lisen", "listen"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(ConfigText, NearestIsNothingWhenNobodyCanHaveMeantIt) {
  constexpr std::array<std::string_view, 2> kWords = {"client.listen", "api.listen"};
  EXPECT_EQ(nearest("clinet.listen", kWords), "client.listen");
  EXPECT_EQ(nearest("ap.listen", kWords), "api.listen");
  EXPECT_EQ(nearest("zzz", kWords), "");
  EXPECT_EQ(nearest(std::string(1'000'000, 'a'), kWords), "");
}

}  // namespace
}  // namespace pushwire::server
