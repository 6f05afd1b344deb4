#include "base/units.h"

#include <gtest/gtest.h>

#include <limits>

namespace pushwire {
namespace {

using std::chrono::milliseconds;

TEST(Units, SizesAreBytesOrBinaryUnits) {
  EXPECT_EQ(parse_size("0").value(), 0U);
  EXPECT_EQ(parse_size("65536").value(), 65'536U);
  EXPECT_EQ(parse_size("64KiB").value(), 65'536U);
  EXPECT_EQ(parse_size("1MiB").value(), 1'048'576U);
  EXPECT_EQ(parse_size("3GiB").value(), 3'221'225'472U);
}

TEST(Units, RefusesWhatIsNoSizeAndSaysWhatIsExpected) {
  for (const char* text : {"", " ", "KiB", "64KB", "64kib", "64 KiB", "-1", "+1", "1.5MiB", "64KiBx", "0x10", "TiB"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().message, "not a size, expected bytes or a whole number with KiB, MiB or GiB like \"64KiB\"")
        << text;
  }
}

TEST(Units, RefusesSizesThatOverflow) {
  EXPECT_EQ(parse_size("18446744073709551615").value(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(parse_size("17179869183GiB").value(), 17'179'869'183U * (std::uint64_t{1} << 30));
  for (const char* text : {"18446744073709551616", "17179869184GiB", "99999999999999999999999KiB"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().message, "too large for a size, expected less than 17179869184GiB");
  }
}

TEST(Units, DurationsHaveAUnit) {
  EXPECT_EQ(parse_duration("0s").value(), milliseconds(0));
  EXPECT_EQ(parse_duration("250ms").value(), milliseconds(250));
  EXPECT_EQ(parse_duration("10s").value(), milliseconds(10'000));
  EXPECT_EQ(parse_duration("5m").value(), milliseconds(300'000));
  EXPECT_EQ(parse_duration("1h").value(), milliseconds(3'600'000));
}

TEST(Units, RefusesBareNumbersAsDurations) {
  const auto duration = parse_duration("10");
  ASSERT_FALSE(duration);
  EXPECT_EQ(duration.error().message,
            "a number without a unit, expected a whole number with ms, s, m or h like \"10s\"");
}

TEST(Units, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "s", "ten", "10 s", "-1s", "1.5s", "1h30m", "10S", "1d", "10sec"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_EQ(duration.error().message, "not a duration, expected a whole number with ms, s, m or h like \"10s\"");
  }
}

TEST(Units, RefusesDurationsThatOverflow) {
  EXPECT_EQ(parse_duration("9223372036854775807ms").value(), milliseconds::max());
  for (const char* text : {"9223372036854775808ms", "2562047788016h", "99999999999999999999999s"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_EQ(duration.error().message, "too large for a duration, expected at most 2562047788015h");
  }
}

TEST(Units, FormatsWithTheLargestUnitThatDivides) {
  EXPECT_EQ(format_size(0), "0");
  EXPECT_EQ(format_size(1000), "1000");
  EXPECT_EQ(format_size(1024), "1KiB");
  EXPECT_EQ(format_size(1536), "1536");
  EXPECT_EQ(format_size(1'048'576), "1MiB");
  EXPECT_EQ(format_duration(milliseconds(0)), "0ms");
  EXPECT_EQ(format_duration(milliseconds(250)), "250ms");
  EXPECT_EQ(format_duration(milliseconds(90'000)), "90s");
  EXPECT_EQ(format_duration(milliseconds(7'200'000)), "2h");
  EXPECT_EQ(format_duration(milliseconds(-1'500)), "-1500ms");
  EXPECT_EQ(format_duration(milliseconds::min()), "-9223372036854775808ms");
}

TEST(Units, FormattedTextParsesBackToTheSameValue) {
  for (const std::uint64_t bytes : {std::uint64_t{1}, std::uint64_t{1023}, std::uint64_t{4096}, std::uint64_t{1} << 40,
                                    std::numeric_limits<std::uint64_t>::max()}) {
    EXPECT_EQ(parse_size(format_size(bytes)).value(), bytes);
  }
  for (const milliseconds duration :
       {milliseconds(1), milliseconds(60'000), milliseconds(61'000), milliseconds::max()}) {
    EXPECT_EQ(parse_duration(format_duration(duration)).value(), duration);
  }
}

}  // namespace
}  // namespace pushwire
