#include "http/line_scanner.h"

#include <gtest/gtest.h>

namespace pushwire::http {
namespace {

using Event = LineScanner::Event;

TEST(LineScanner, StopsBehindEachLine) {
  LineScanner scanner;
  LineScanner::Step step = scanner.next("ab\r\n\r\nrest");
  EXPECT_EQ(step.consumed, 4U);
  EXPECT_EQ(step.event, Event::kLine);
  step = scanner.next("\r\nrest");
  EXPECT_EQ(step.consumed, 2U);
  EXPECT_EQ(step.event, Event::kEmptyLine);
  step = scanner.next("rest");
  EXPECT_EQ(step.consumed, 4U);
  EXPECT_EQ(step.event, Event::kNeedMore);
}

TEST(LineScanner, RemembersALineEndInTwoPieces) {
  LineScanner scanner;
  EXPECT_EQ(scanner.next("ab\r").event, Event::kNeedMore);
  EXPECT_EQ(scanner.next("\n").event, Event::kLine);
  EXPECT_EQ(scanner.next("\r").event, Event::kNeedMore);
  EXPECT_EQ(scanner.next("x").event, Event::kBad);
}

TEST(LineScanner, RefusesFoldsControlsAndBareLineEnds) {
  for (const char* text : {" x", "\tx", "a\nb", "a\rb", "a\x01", "\x7f", "\n", "a\r\r\n"}) {
    LineScanner scanner;
    EXPECT_EQ(scanner.next(text).event, Event::kBad) << text;
  }
  LineScanner scanner;
  EXPECT_EQ(scanner.next("a\tb \xff\r\n").event, Event::kLine);
}

}  // namespace
}  // namespace pushwire::http
