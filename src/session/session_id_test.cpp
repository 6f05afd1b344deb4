#include "session/session_id.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

#include "protocol/names.h"

namespace pushwire::session {
namespace {

TEST(SessionId, ReadsBackWhatItWrites) {
  RandomIds ids;
  for (int i = 0; i < 1000; ++i) {
    const SessionId id = ids.next();
    const std::string text = id.to_string();
    EXPECT_EQ(text.size(), SessionId::kTextSize);
    EXPECT_TRUE(protocol::is_valid_session_id(text)) << text;
    EXPECT_EQ(SessionId::parse(text), id);
  }
}

TEST(SessionId, HasOneTextForEachId) {
  SessionId id;
  EXPECT_EQ(id.to_string(), std::string(22, 'A'));
  id.bytes.fill(0xff);
  EXPECT_EQ(id.to_string(), "_____________________w");
  EXPECT_FALSE(SessionId::parse("_____________________x")) << "bits behind the last byte";
}

TEST(SessionId, RefusesWhatIsNoId) {
  for (const std::string text : {"", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA",
                                 "AAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAA+A", "AAAAAAAAAAAAAAAAAAAA A"}) {
    EXPECT_FALSE(SessionId::parse(text)) << text;
  }
}

TEST(RandomIds, NeverRepeatsAcrossBlocksAndGenerators) {
  RandomIds one;
  RandomIds other;
  std::set<SessionId> seen;
  for (int i = 0; i < 500; ++i) {  // a block holds 64
    EXPECT_TRUE(seen.insert(one.next()).second);
    EXPECT_TRUE(seen.insert(other.next()).second);
  }
  EXPECT_FALSE(seen.contains(SessionId{}));
}

// A counter or a clock in an id would show in its upper bits (attack 25). The bounds are 12 standard deviations away.
TEST(RandomIds, EveryBitIsSetInAboutHalfOfThem) {
  constexpr int kIds = 4096;
  RandomIds ids;
  std::array<int, 128> set{};
  for (int i = 0; i < kIds; ++i) {
    const SessionId id = ids.next();
    for (std::size_t bit = 0; bit < set.size(); ++bit) {
      set[bit] += (id.bytes[bit / 8] & (1U << (bit % 8))) != 0 ? 1 : 0;
    }
  }
  for (std::size_t bit = 0; bit < set.size(); ++bit) {
    EXPECT_NEAR(set[bit], kIds / 2, 400) << bit;
  }
}

}  // namespace
}  // namespace pushwire::session
