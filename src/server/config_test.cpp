#include "server/config.h"

#include <gtest/gtest.h>

namespace pushwire::server {
namespace {

TEST(ListenAddress, TakesNumericAddressesAndLocalhost) {
  EXPECT_EQ(parse_listen_address("127.0.0.1:8000").value(), (ListenAddress{"127.0.0.1", 8000}));
  EXPECT_EQ(parse_listen_address("0.0.0.0:0").value(), (ListenAddress{"0.0.0.0", 0}));
  EXPECT_EQ(parse_listen_address("[::1]:65535").value(), (ListenAddress{"::1", 65535}));
  EXPECT_EQ(parse_listen_address("localhost:80").value(), (ListenAddress{"127.0.0.1", 80}));
}

TEST(ListenAddress, SpellsIpv6InOneWay) {
  EXPECT_EQ(parse_listen_address("[0:0:0:0:0:0:0:1]:1").value().host, "::1");
  EXPECT_EQ(parse_listen_address("[2001:DB8::00]:1").value().to_text(), "[2001:db8::]:1");
}

TEST(ListenAddress, RefusesNamesAndBareParts) {
  for (const char* text : {"example.com:80", "[localhost]:80", "[127.0.0.1]:80", "127.1:80", "127.0.0.01:80", ":80",
                           "*:80", "::1:80", "[::1:80", "[]:80", "[fe80::1%lo]:80", "http://127.0.0.1:80"}) {
    const auto address = parse_listen_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().message,
              "not an address to listen on, expected ADDRESS:PORT like \"127.0.0.1:8000\", "
              "\"[::1]:8000\" or \"localhost:8000\"")
        << text;
  }
  EXPECT_EQ(parse_listen_address("127.0.0.1").error().message,
            "an address without a port, expected ADDRESS:PORT like \"127.0.0.1:8000\", \"[::1]:8000\" or "
            "\"localhost:8000\"");
}

TEST(ListenAddress, RefusesBadPorts) {
  for (const char* text : {"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80x", "127.0.0.1: 80"}) {
    const auto address = parse_listen_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().message, "an address with a bad port, expected 0 to 65535 (0: any free port)") << text;
  }
}

TEST(ListenAddress, RefusesAZeroByteInTheHost) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(parse_listen_address("127.0.0.1\0.evil:80"sv));
}

TEST(ListenAddress, KnowsLoopback) {
  for (const char* text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "localhost:1"}) {
    EXPECT_TRUE(parse_listen_address(text).value().is_loopback()) << text;
  }
  for (const char* text :
       {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "128.0.0.1:1", "[::ffff:10.0.0.1]:1", "[::127.0.0.1]:1"}) {
    EXPECT_FALSE(parse_listen_address(text).value().is_loopback()) << text;
  }
}

TEST(Config, LargestMessageIsTheLargestBodyAndTheEnvelope) {
  Config config;
  config.api.max_body_bytes = 5'000;
  EXPECT_EQ(largest_message_bytes(config), 6'024U);
}

}  // namespace
}  // namespace pushwire::server
