#include "bus/rocketmq/request.h"

#include <gtest/gtest.h>

#include "bus/rocketmq/golden.h"

namespace pushwire::bus::rocketmq {
namespace {

std::string frame_of(const Request& request, std::uint32_t opaque, std::string_view body = {}) {
  std::string bytes;
  append_frame(bytes, request, opaque, body, {});
  return bytes;
}

TEST(Request, AsksForARouteByteByByteAsARealNameServerTookIt) {
  EXPECT_EQ(frame_of(route_request("gw-bus"), 14), golden::bytes_of(golden::kRouteRequest));
}

TEST(Request, PullsByteByByteAsARealBrokerTookIt) {
  const Request request = pull_request({.topic = "gw-bus", .suspend_ms = 15'000, .group = "GW_BROADCAST", .tags = "*"});
  EXPECT_EQ(frame_of(request, 4), golden::bytes_of(golden::kPullRequest));
}

TEST(Request, SendsByteByByteAsARealBrokerTookIt) {
  const Request request = send_request({.topic = "gw-bus",
                                        .born = 1'795'490'433'825,
                                        .properties = "u\x01"
                                                      "1001\x02TAGS\x01push\x02",
                                        .group = "GW_PRODUCER"});
  EXPECT_EQ(frame_of(request, 3, "hello"), golden::bytes_of(golden::kSendRequest));
}

TEST(Request, APullThatMayNotWaitDoesNotSaySo) {
  const Request request = pull_request({.topic = "t"});
  bool found = false;
  for (const auto& [name, value] : request.fields) {
    found = found || name == "sysFlag";
    EXPECT_TRUE(name != "sysFlag" || value == "4");
  }
  EXPECT_TRUE(found);
}

TEST(Request, ABatchSaysThatItIsOne) {
  const Request request = send_request({.topic = "t", .form = SendForm::kBatch});
  EXPECT_EQ(request.code, RequestCode::kSendBatch);
  EXPECT_EQ(request.fields.back(), (std::pair<std::string, std::string>("m", "true")));
}

TEST(Request, IsSignedAsARealBrokerVerifiedIt) {
  Request request = max_offset_request("gw-bus", 3);
  request.with("AccessKey", "rmq");
  EXPECT_EQ(signature_of(request, {}, "secret123"), "DeLD41rXrDZKNs1TYyKfde353jQ=");
  Request other = max_offset_request("gw-bus", 3);
  other.with("AccessKey", "ak");
  EXPECT_EQ(signature_of(other, {}, "sk"), "Iuvj2A3bYNU4mc15a7omoPbp3c0=");
}

TEST(Request, TheBodyIsSignedToo) {
  const Request request = max_offset_request("t", 0);
  EXPECT_NE(signature_of(request, "a", "sk"), signature_of(request, "b", "sk"));
}

TEST(Request, CarriesKeyAndSignatureIfThereAreCredentials) {
  std::string bytes;
  append_frame(bytes, max_offset_request("gw-bus", 3), 1, {}, {"rmq", "secret123"});
  EXPECT_NE(bytes.find(R"("AccessKey":"rmq","Signature":"DeLD41rXrDZKNs1TYyKfde353jQ=")"), std::string::npos);
  EXPECT_EQ(bytes.find("secret123"), std::string::npos);
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
