#include "net/address.h"

#include <gtest/gtest.h>

#include "net/fd.h"

namespace pushwire::net {
namespace {

using namespace std::string_view_literals;

TEST(Address, ReadsAndWritesBothFamilies) {
  EXPECT_EQ(parse_address("127.0.0.1", 8000).value().to_string(), "127.0.0.1:8000");
  EXPECT_EQ(parse_address("localhost", 1).value().to_string(), "127.0.0.1:1");
  EXPECT_EQ(parse_address("0:0::1", 65535).value().to_string(), "[::1]:65535");
  EXPECT_EQ(parse_address("::1", 7).value().port(), 7);
}

TEST(Address, RefusesEverythingElse) {
  for (const auto text : {""sv, "example.org"sv, "127.0.0"sv, "127.0.0.256"sv, "[::1]"sv, "127.0.0.1:80"sv,
                          " 127.0.0.1"sv, "127.0.0.1\0"sv, "::1\0x"sv, "LOCALHOST"sv}) {
    const auto address = parse_address(text, 1);
    ASSERT_FALSE(address) << text;
    EXPECT_NE(address.error().message.find("is no IPv4 or IPv6 address"), std::string::npos);
  }
}

TEST(Address, KnowsLoopback) {
  for (const char* text : {"127.0.0.1", "127.255.0.9", "::1"}) {
    EXPECT_TRUE(parse_address(text, 1).value().is_loopback()) << text;
  }
  for (const char* text : {"0.0.0.0", "128.0.0.1", "10.127.0.0", "::", "fe80::1"}) {
    EXPECT_FALSE(parse_address(text, 1).value().is_loopback()) << text;
  }
  EXPECT_FALSE(Address{}.is_loopback());
}

TEST(Address, TellsWhereASocketIsBoundAndNothingWithoutAPeer) {
  const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address any = parse_address("127.0.0.1", 0).value();
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any.storage), any.length), 0);
  EXPECT_NE(local_address(fd.get()).port(), 0);
  EXPECT_EQ(peer_address(fd.get()).to_string(), "");
  EXPECT_EQ(local_address(-1).to_string(), "");
}

}  // namespace
}  // namespace pushwire::net
