#include "websocket/handshake.h"

#include <gtest/gtest.h>

#include <string>

namespace pushwire::websocket {
namespace {

using namespace std::string_literals;

TEST(Handshake, AcceptKeyIsTheExampleOfTheRfc) {  // RFC 6455 1.3
  EXPECT_EQ(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(Handshake, KeyIsSixteenBytesOfCanonicalBase64) {
  EXPECT_TRUE(is_valid_key("dGhlIHNhbXBsZSBub25jZQ=="));
  EXPECT_TRUE(is_valid_key("AAAAAAAAAAAAAAAAAAAAAA=="));
  for (const std::string& bad :
       {""s, "AAAA"s, "dGhlIHNhbXBsZSBub25jZQ"s, "dGhlIHNhbXBsZSBub25jZQ==="s,
        "dGhlIHNhbXBsZSBub25jZR=="s,  // unused bits set
        "dGhlIHNhbXBsZSBub25jZWE="s,  // 17 bytes
        "dGhlIHNhbXBsZSBub25jZWFh"s,  // 18 bytes
        "dGhlIHNhbXBsZSBub25-ZQ=="s,  // URL alphabet
        " dGhlIHNhbXBsZSBub25jZQ="s, "dGhlIHNhbXBs\0SBub25jZQ=="s, std::string(24, '='), std::string(100000, 'A')}) {
    EXPECT_FALSE(is_valid_key(bad)) << bad.substr(0, 40);
  }
}

TEST(Handshake, TokenIsFoundInAListWithoutRegardToCase) {
  EXPECT_TRUE(has_token("Upgrade", "upgrade"));
  EXPECT_TRUE(has_token("keep-alive, Upgrade", "upgrade"));
  EXPECT_TRUE(has_token("keep-alive ,\tUPGRADE\t , x", "upgrade"));
  EXPECT_TRUE(has_token("WebSocket", "websocket"));
  EXPECT_TRUE(has_token(",,upgrade", "upgrade"));
}

TEST(Handshake, TokenIsNotFoundInsideAnother) {
  for (const std::string_view value :
       {"", ",", " ", "upgrades", "xupgrade", "up grade", "upgrade;q=1", "websocket/13"}) {
    EXPECT_FALSE(has_token(value, "upgrade")) << value;
    EXPECT_FALSE(has_token(value, "websocket")) << value;
  }
}

TEST(Subprotocols, KeepsTheNamesInOrderOverSeveralHeaders) {
  Subprotocols offered;
  ASSERT_TRUE(offered.add("pushwire.v1, bearer.aa.bb.cc").has_value());
  ASSERT_TRUE(offered.add("\tother ").has_value());
  ASSERT_EQ(offered.names().size(), 3U);
  EXPECT_EQ(offered.names()[0], "pushwire.v1");
  EXPECT_EQ(offered.names()[2], "other");
  EXPECT_TRUE(offered.contains("pushwire.v1"));
  EXPECT_FALSE(offered.contains("Pushwire.v1")) << "names are case-sensitive";
  EXPECT_FALSE(offered.contains("pushwire"));
  EXPECT_EQ(offered.after_prefix("bearer."), "aa.bb.cc");
  EXPECT_EQ(offered.after_prefix("token."), std::nullopt);
}

TEST(Subprotocols, NothingOfferedIsFine) {
  const Subprotocols offered;
  EXPECT_TRUE(offered.names().empty());
  EXPECT_FALSE(offered.contains(""));
}

TEST(Subprotocols, RefusesWhatIsNoListOfTokens) {
  for (const std::string& bad : {""s, " "s, ","s, "a,"s, ",a"s, "a,,b"s, "a b"s, "a;b"s, "a/b"s, "\"a\""s, "a=b"s,
                                 "a\0b"s, "\x7f"s, "\xc3\xa4"s, "a\r\nb"s}) {
    Subprotocols offered;
    EXPECT_FALSE(offered.add(bad).has_value()) << bad;
  }
}

TEST(Subprotocols, RefusesANameTwice) {
  Subprotocols offered;
  EXPECT_FALSE(offered.add("a, b, a").has_value());
  Subprotocols lines;
  EXPECT_TRUE(lines.add("a").has_value());
  EXPECT_FALSE(lines.add("a").has_value());
}

TEST(Subprotocols, RefusesTooManyNames) {
  std::string header = "n0";
  for (std::size_t i = 1; i < Subprotocols::kMaxNames; ++i) {
    header += ",n" + std::to_string(i);
  }
  Subprotocols offered;
  EXPECT_TRUE(offered.add(header).has_value());
  EXPECT_FALSE(offered.add("one-more").has_value());
}

TEST(Subprotocols, RefusesHeadersThatAreTooLongTogether) {
  const std::string half(Subprotocols::kMaxHeaderBytes / 2, 'a');
  Subprotocols offered;
  EXPECT_TRUE(offered.add(half).has_value());
  EXPECT_TRUE(offered.add("b" + half.substr(1)).has_value());
  EXPECT_FALSE(offered.add("c").has_value());
}

TEST(Subprotocols, ErrorDoesNotRepeatTheValue) {
  Subprotocols offered;
  const Result<> added = offered.add("bearer.secret, bad name");
  ASSERT_FALSE(added.has_value());
  EXPECT_EQ(added.error().message.find("secret"), std::string::npos);
}

TEST(Handshake, ResponseNamesTheSubprotocolOnlyIfThereIsOne) {
  EXPECT_EQ(write_response("ACCEPT=", ""),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: ACCEPT=\r\n\r\n");
  EXPECT_EQ(write_response("ACCEPT=", "pushwire.v1"),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: ACCEPT=\r\nSec-WebSocket-Protocol: pushwire.v1\r\n\r\n");
}

}  // namespace
}  // namespace pushwire::websocket
