#include "websocket/close_code.h"

#include <gtest/gtest.h>

namespace pushwire::websocket {
namespace {

TEST(CloseCode, ReceivableCodesAreExactlyTheDefinedAndTheOpenRanges) {
  for (unsigned code = 0; code <= 0xffff; ++code) {
    bool expected = code >= 3000 && code <= 4999;
    for (const unsigned defined :
         {1000U, 1001U, 1002U, 1003U, 1007U, 1008U, 1009U, 1010U, 1011U, 1012U, 1013U, 1014U}) {
      expected = expected || code == defined;
    }
    EXPECT_EQ(is_valid_received_close_code(static_cast<std::uint16_t>(code)), expected) << code;
  }
}

}  // namespace
}  // namespace pushwire::websocket
