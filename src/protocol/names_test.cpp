#include "protocol/names.h"

#include <gtest/gtest.h>

#include <string>

namespace pushwire::protocol {
namespace {

using namespace std::string_literals;

constexpr std::string_view kTopicAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-/";

TEST(Names, UserIdsAreOneTo128BytesOfUtf8) {
  EXPECT_TRUE(is_valid_user_id("a"));
  EXPECT_TRUE(is_valid_user_id("alice@example.org / \"x\""));
  EXPECT_TRUE(is_valid_user_id("\u00fc\u7528\u6237\U0001F600"));
  EXPECT_TRUE(is_valid_user_id(std::string(128, 'a')));
  EXPECT_FALSE(is_valid_user_id(""));
  EXPECT_FALSE(is_valid_user_id(std::string(129, 'a')));
  EXPECT_FALSE(is_valid_user_id("a\xff"));
  EXPECT_FALSE(is_valid_user_id("\xed\xa0\x80"));
}

TEST(Names, UserIdLimitCountsBytesNotCharacters) {
  std::string id;
  for (int i = 0; i < 64; ++i) {
    id += "\u00fc";
  }
  EXPECT_TRUE(is_valid_user_id(id));
  EXPECT_FALSE(is_valid_user_id(id + "a"));
}

TEST(Names, UserIdsHaveNoControlCharacters) {
  for (char c = 0; c < 0x20; ++c) {
    EXPECT_FALSE(is_valid_user_id("a"s + c)) << int{c};
  }
  EXPECT_FALSE(is_valid_user_id("a\x7f"));
  EXPECT_FALSE(is_valid_user_id("\u0080"));
  EXPECT_FALSE(is_valid_user_id("\u009f"));
  EXPECT_TRUE(is_valid_user_id("\u00a0"));
  EXPECT_TRUE(is_valid_user_id("\u0100"));  // its second byte is one of those that end U+0080-009F
}

TEST(Names, TopicsUseTheirAlphabetOnly) {
  for (int c = 0; c < 256; ++c) {
    const std::string text(1, static_cast<char>(c));
    EXPECT_EQ(is_valid_topic(text), c != 0 && kTopicAlphabet.find(text) != std::string_view::npos) << c;
  }
}

TEST(Names, TopicsAreOneTo128Bytes) {
  EXPECT_FALSE(is_valid_topic(""));
  EXPECT_TRUE(is_valid_topic(std::string(128, 't')));
  EXPECT_FALSE(is_valid_topic(std::string(129, 't')));
}

TEST(Names, PatternsAreTopicsOrAPrefixAndAStar) {
  EXPECT_TRUE(is_valid_topic_pattern("news"));
  EXPECT_TRUE(is_valid_topic_pattern("news/*"));
  EXPECT_TRUE(is_valid_topic_pattern("ne*"));
  EXPECT_TRUE(is_valid_topic_pattern("*"));
  EXPECT_TRUE(is_valid_topic_pattern(std::string(128, 't') + "*"));
  for (const std::string& bad : {""s, "**"s, "*a"s, "a*b"s, "a b*"s, std::string(129, 't') + "*"}) {
    EXPECT_FALSE(is_valid_topic_pattern(bad)) << bad;
  }
}

TEST(Names, PatternsWithoutStarMatchOneTopic) {
  EXPECT_TRUE(pattern_matches("news", "news"));
  EXPECT_FALSE(pattern_matches("news", "newspaper"));
  EXPECT_FALSE(pattern_matches("news", "new"));
}

TEST(Names, StarMatchesAnyRestAndNoRest) {
  EXPECT_TRUE(pattern_matches("news/*", "news/sport/today"));
  EXPECT_TRUE(pattern_matches("news/*", "news/"));
  EXPECT_FALSE(pattern_matches("news/*", "news"));
  EXPECT_FALSE(pattern_matches("news/*", "old/news/"));
  EXPECT_TRUE(pattern_matches("*", "anything"));
}

TEST(Names, MessageIdsUseTheirAlphabetOnly) {
  for (int c = 0; c < 256; ++c) {
    const std::string text(1, static_cast<char>(c));
    EXPECT_EQ(is_valid_message_id(text), c != '/' && is_valid_topic(text)) << c;
  }
}

TEST(Names, MessageIdsAreOneTo64Bytes) {
  EXPECT_FALSE(is_valid_message_id(""));
  EXPECT_TRUE(is_valid_message_id(std::string(64, 'i')));
  EXPECT_FALSE(is_valid_message_id(std::string(65, 'i')));
}

TEST(Names, SessionIdsAre22CharactersOfBase64Url) {
  EXPECT_TRUE(is_valid_session_id("AZaz09-_AZaz09-_AZaz09"));
  EXPECT_FALSE(is_valid_session_id("AZaz09-_AZaz09-_AZaz0"));
  EXPECT_FALSE(is_valid_session_id("AZaz09-_AZaz09-_AZaz090"));
  EXPECT_FALSE(is_valid_session_id("AZaz09+/AZaz09-_AZaz09"));
  EXPECT_FALSE(is_valid_session_id("AZaz09.:AZaz09-_AZaz09"));
}

TEST(Names, DevicesAreAtMost64BytesAndMayBeEmpty) {
  EXPECT_TRUE(is_valid_device(""));
  EXPECT_TRUE(is_valid_device("Anna's phone \U0001F4F1"));
  EXPECT_TRUE(is_valid_device(std::string(64, 'd')));
  EXPECT_FALSE(is_valid_device(std::string(65, 'd')));
  EXPECT_FALSE(is_valid_device("a\nb"));
  EXPECT_FALSE(is_valid_device("\xc3"));
}

TEST(Names, EventsAreAtMost128BytesAndMayBeEmpty) {
  EXPECT_TRUE(is_valid_event(""));
  EXPECT_TRUE(is_valid_event("order \u00fc \"x\""));
  EXPECT_TRUE(is_valid_event(std::string(128, 'e')));
  EXPECT_FALSE(is_valid_event(std::string(129, 'e')));
  EXPECT_TRUE(is_valid_event("a\x1b\n\0"s));
  EXPECT_FALSE(is_valid_event("\xff"));
}

}  // namespace
}  // namespace pushwire::protocol
