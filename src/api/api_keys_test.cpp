#include "api/api_keys.h"

#include <gtest/gtest.h>

namespace pushwire::api {
namespace {

using namespace std::string_view_literals;

TEST(ApiKeys, WithoutKeysNobodyIsAccepted) {
  const ApiKeys none;
  EXPECT_TRUE(none.empty());
  EXPECT_FALSE(none.accept(std::nullopt));
  EXPECT_FALSE(none.accept("Bearer "));
  EXPECT_FALSE(none.accept("Bearer x"));
}

TEST(ApiKeys, AcceptsEachOfItsKeys) {
  const ApiKeys keys({"first", "second"});
  EXPECT_FALSE(keys.empty());
  EXPECT_TRUE(keys.accept("Bearer first"));
  EXPECT_TRUE(keys.accept("Bearer second"));
  EXPECT_TRUE(keys.accept("bearer second"));  // RFC 9110 11.1: the scheme has no case
}

TEST(ApiKeys, RefusesWhatIsNotExactlyAKey) {
  const ApiKeys keys({"first", "second"});
  EXPECT_FALSE(keys.accept(std::nullopt));
  for (const std::string_view wrong :
       {""sv, "first"sv, "Bearer"sv, "Bearer "sv, "Bearer firs"sv, "Bearer first "sv, "Bearer  first"sv,
        "Bearer First"sv, "Bearer firstsecond"sv, "Bearer first,second"sv, "Basic first"sv, "Bearerfirst"sv,
        "Bearer\tfirst"sv, "Bearer first\0"sv}) {
    EXPECT_FALSE(keys.accept(wrong)) << wrong;
  }
}

TEST(LoopbackHost, NamesAndAddressesOfThisMachine) {
  for (const std::string_view host : {"localhost", "LocalHost", "localhost:8001", "127.0.0.1", "127.0.0.1:8001",
                                      "127.255.255.254:1", "[::1]", "[::1]:8001"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
}

TEST(LoopbackHost, NothingThatSomebodyElseCanOwn) {
  for (const std::string_view host : {""sv,
                                      ":"sv,
                                      ":8001"sv,
                                      "127.0.0.1.evil.com"sv,
                                      "localhost.evil.com"sv,
                                      "localhost."sv,
                                      "evil.com:127"sv,
                                      "evil.com"sv,
                                      "127.0.0.1@evil.com"sv,
                                      "localhost:8001.evil.com"sv,
                                      "localhost:"sv,
                                      "localhost:80:80"sv,
                                      "::1"sv,
                                      "[::1"sv,
                                      "[::1]evil.com"sv,
                                      "[::1].evil.com:80"sv,
                                      "[::2]"sv,
                                      "[::ffff:10.0.0.1]"sv,
                                      "0.0.0.0"sv,
                                      "127.1"sv,
                                      "2130706433"sv,
                                      "0x7f.0.0.1"sv,
                                      "128.0.0.1"sv,
                                      "10.0.0.1"sv,
                                      " localhost"sv,
                                      "127.0.0.1\0.evil.com"sv}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

}  // namespace
}  // namespace pushwire::api
