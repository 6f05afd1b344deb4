#include "protocol/disconnect.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <set>
#include <string>

namespace pushwire::protocol {
namespace {

TEST(Disconnect, HasTheCodesOfTheProtocol) {
  EXPECT_EQ(code_of(Disconnect::kNormal), 1000);
  EXPECT_EQ(code_of(Disconnect::kProtocolError), 1002);
  EXPECT_EQ(code_of(Disconnect::kUnsupportedData), 1003);
  EXPECT_EQ(code_of(Disconnect::kAbnormal), 1006);
  EXPECT_EQ(code_of(Disconnect::kInvalidUtf8), 1007);
  EXPECT_EQ(code_of(Disconnect::kTooBig), 1009);
  EXPECT_EQ(code_of(Disconnect::kInternal), 1011);
  EXPECT_EQ(code_of(Disconnect::kShutdown), 3001);
  EXPECT_EQ(code_of(Disconnect::kTokenExpired), 3005);
  EXPECT_EQ(code_of(Disconnect::kSlowClient), 3008);
  EXPECT_EQ(code_of(Disconnect::kNoHeartbeat), 3012);
  EXPECT_EQ(code_of(Disconnect::kTokenRevoked), 3500);
  EXPECT_EQ(code_of(Disconnect::kBadRequest), 3501);
  EXPECT_EQ(code_of(Disconnect::kKicked), 3503);
  EXPECT_EQ(code_of(Disconnect::kDisplaced), 4501);
}

TEST(Disconnect, FindsEveryEntryByItsCode) {
  for (const DisconnectEntry& entry : kDisconnects) {
    EXPECT_EQ(disconnect_from_code(entry.code), entry.disconnect);
    EXPECT_EQ(&entry_of(entry.disconnect), &entry);
  }
}

TEST(Disconnect, CountsForeignCodesAsOther) {
  for (const std::uint16_t code :
       std::initializer_list<std::uint16_t>{999, 1004, 1012, 1015, 2999, 3000, 3999, 4000, 4999, 5000, 65535}) {
    EXPECT_EQ(disconnect_from_code(code), Disconnect::kOther) << code;
  }
  EXPECT_EQ(label_of(Disconnect::kOther), "other");
}

TEST(Disconnect, LabelsAreTheCodesAndUnique) {
  std::set<std::string_view> labels;
  for (const DisconnectEntry& entry : kDisconnects) {
    EXPECT_TRUE(labels.insert(entry.label).second) << entry.label;
    if (entry.disconnect != Disconnect::kOther) {
      EXPECT_EQ(entry.label, std::to_string(entry.code));
    }
  }
}

TEST(Disconnect, EveryCodeOfOursSaysWhy) {
  for (const DisconnectEntry& entry : kDisconnects) {
    EXPECT_EQ(entry.reason.empty(), entry.code < 1001 || entry.code == 1005 || entry.code == 1006) << entry.label;
  }
}

TEST(Disconnect, TellsClientsToComeBackOrNot) {
  EXPECT_EQ(reconnect_of(Disconnect::kShutdown), Reconnect::kYes);
  EXPECT_EQ(reconnect_of(Disconnect::kTokenExpired), Reconnect::kYes);
  EXPECT_EQ(reconnect_of(Disconnect::kSlowClient), Reconnect::kYes);
  EXPECT_EQ(reconnect_of(Disconnect::kNoHeartbeat), Reconnect::kYes);
  EXPECT_EQ(reconnect_of(Disconnect::kTokenRevoked), Reconnect::kNo);
  EXPECT_EQ(reconnect_of(Disconnect::kBadRequest), Reconnect::kNo);
  EXPECT_EQ(reconnect_of(Disconnect::kKicked), Reconnect::kNo);
  EXPECT_EQ(reconnect_of(Disconnect::kDisplaced), Reconnect::kNo);
}

}  // namespace
}  // namespace pushwire::protocol
