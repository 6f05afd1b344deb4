#include "session/topic_permissions.h"

#include <gtest/gtest.h>

#include <memory>

namespace pushwire::session {
namespace {

TEST(TopicPermissions, NothingIsAllowedByDefault) {
  EXPECT_FALSE(TopicPermissions{}.allows("news"));
  EXPECT_FALSE(PatternSetRef{}.allows("news"));
}

TEST(TopicPermissions, AllowsByExactTopicAndByPrefix) {
  const Result<TopicPermissions> permissions = TopicPermissions::make({"news", "room:*"});
  ASSERT_TRUE(permissions);
  for (const char* topic : {"news", "room:", "room:1", "room:1/x"}) {
    EXPECT_TRUE(permissions->allows(topic)) << topic;
  }
  for (const char* topic : {"new", "news2", "room", "xroom:1", "NEWS"}) {
    EXPECT_FALSE(permissions->allows(topic)) << topic;
  }
}

TEST(TopicPermissions, StarAllowsEverything) {
  EXPECT_TRUE(TopicPermissions::make({"*"})->allows("any/topic"));
}

TEST(TopicPermissions, NamesTheBadPattern) {
  for (const char* pattern : {"", "a b", "*a", "a**", "a*b"}) {
    const Result<TopicPermissions> permissions = TopicPermissions::make({"news", pattern});
    ASSERT_FALSE(permissions) << pattern;
    EXPECT_EQ(permissions.error().message.rfind("\"" + std::string(pattern) + "\" is not", 0), 0U);
  }
}

TEST(TopicPermissions, SessionAddsItsOwnPatterns) {
  PatternSetTable table;
  const PatternSetRef own = table.intern({"mine", "room:*"});
  const Result<TopicPermissions> permissions = TopicPermissions::make({"news"});
  EXPECT_TRUE(permissions->allows(own, "news"));
  EXPECT_TRUE(permissions->allows(own, "mine"));
  EXPECT_TRUE(permissions->allows(own, "room:7"));
  EXPECT_FALSE(permissions->allows(own, "other"));
  EXPECT_FALSE(permissions->allows(PatternSetRef{}, "mine"));
}

TEST(PatternSetTable, EqualListsShareOneSet) {
  PatternSetTable table;
  const PatternSetRef first = table.intern({"a", "b*"});
  const PatternSetRef second = table.intern({"b*", "a", "a"});
  const PatternSetRef other = table.intern({"a", "b"});
  EXPECT_EQ(first, second);
  EXPECT_NE(first, other);
  EXPECT_EQ(table.size(), 2U);
}

TEST(PatternSetTable, NoPatternsNeedNoSet) {
  PatternSetTable table;
  EXPECT_TRUE(table.intern({}).empty());
  EXPECT_EQ(table.size(), 0U);
}

TEST(PatternSetTable, SetGoesWithItsLastReference) {
  PatternSetTable table;
  {
    PatternSetRef first = table.intern({"a"});
    const PatternSetRef copy = first;
    PatternSetRef moved = std::move(first);
    EXPECT_TRUE(moved.allows("a"));
    moved = PatternSetRef{};
    EXPECT_EQ(table.size(), 1U);
    EXPECT_TRUE(copy.allows("a"));
  }
  EXPECT_EQ(table.size(), 0U);
  EXPECT_TRUE(table.intern({"a"}).allows("a"));
}

TEST(PatternSetTable, AssigningAReferenceToItselfKeepsTheSet) {
  PatternSetTable table;
  PatternSetRef reference = table.intern({"a"});
  const PatternSetRef& same = reference;
  reference = same;
  EXPECT_TRUE(reference.allows("a"));
  EXPECT_EQ(table.size(), 1U);
}

TEST(PatternSetTableDeathTest, MustOutliveItsReferences) {
  EXPECT_DEATH(
      {
        auto table = std::make_unique<PatternSetTable>();
        const PatternSetRef kept = table->intern({"a"});
        table.reset();
      },
      "check failed");
}

}  // namespace
}  // namespace pushwire::session
