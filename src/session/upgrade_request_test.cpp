#include "session/upgrade_request.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/request_parser.h"
#include "session/jwt_test_support.h"

namespace pushwire::session {
namespace {

using metrics::HandshakeResult;

constexpr std::int64_t kNow = 1'700'000'000;

// A request line and headers as a client would write them; each test changes what it is about.
struct Handshake {
  std::string method = "GET";
  std::string target = "/ws?user=alice";
  std::string version = "HTTP/1.1";
  std::vector<std::pair<std::string, std::string>> headers = {{"Host", "example.com"},
                                                              {"Connection", "keep-alive, Upgrade"},
                                                              {"Upgrade", "websocket"},
                                                              {"Sec-WebSocket-Version", "13"},
                                                              {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};

  Handshake& set(const std::string& name, const std::string& value) { return without(name).add(name, value); }
  Handshake& add(const std::string& name, const std::string& value) {
    headers.emplace_back(name, value);
    return *this;
  }
  Handshake& without(const std::string& name) {
    std::erase_if(headers, [&](const auto& header) { return header.first == name; });
    return *this;
  }
  std::string text() const {
    std::string text = method + " " + target + " " + version + "\r\n";
    for (const auto& [name, value] : headers) {
      text.append(name).append(": ").append(value).append("\r\n");
    }
    return text + "\r\n";
  }
};

Handshake asking(std::string target) {
  Handshake handshake;
  handshake.target = std::move(target);
  return handshake;
}

UpgradePolicy for_development() {
  UpgradePolicy policy;
  policy.authenticator = Authenticator::for_development();
  return policy;
}

UpgradePolicy with_tokens() {
  std::vector<JwtKey> keys;
  keys.push_back(JwtKey::from_secret(test::kSecret).value());
  UpgradePolicy policy;
  policy.authenticator =
      Authenticator::with_tokens(std::make_shared<const KeySet>(std::move(keys), std::vector<std::string>{}), {});
  policy.topics = TopicPermissions::make({"public.*"}).value();
  policy.max_topics = 3;
  return policy;
}

std::string token(const std::string& user, std::int64_t expires = kNow + 100) {
  return test::token_for(
      "HS256", R"({"exp":)" + std::to_string(expires) + R"(,"topics":["own","own.*"],"sub":")" + user + "\"}");
}

Result<PendingUpgrade, Refusal> check(const Handshake& handshake, const UpgradePolicy& policy,
                                      Door door = Door::kOpen) {
  http::RequestParser parser;
  const std::string text = handshake.text();
  const http::FeedResult fed = parser.feed(text);
  EXPECT_TRUE(parser.has_head()) << "the parser itself refuses: " << fed.error.message << "\n" << text;
  return check_upgrade(parser.request(), policy, door, kNow);
}

// "101", or "403 topic_forbidden".
std::string outcome(const Handshake& handshake, const UpgradePolicy& policy, Door door = Door::kOpen) {
  const auto result = check(handshake, policy, door);
  if (result) {
    return "101";
  }
  return std::to_string(result.error().status) + " " +
         std::string(metrics::kHandshakeResultNames[metrics::index_of(result.error().result)]);
}

std::string answer_of(const Refusal& refusal) {
  std::string out;
  refusal.response().append_to(out, {}, "Sun, 06 Nov 1994 08:49:37 GMT");
  return out;
}

TEST(UpgradeRequest, AcceptsTheSampleOfTheRfc) {
  const auto upgrade = check({}, for_development());
  ASSERT_TRUE(upgrade);
  EXPECT_TRUE(upgrade->response.starts_with("HTTP/1.1 101 "));
  EXPECT_NE(upgrade->response.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos);
  EXPECT_EQ(upgrade->response.find("Sec-WebSocket-Protocol"), std::string::npos);
  EXPECT_TRUE(upgrade->response.ends_with("\r\n\r\n"));
  EXPECT_EQ(upgrade->user, "alice");
  EXPECT_EQ(upgrade->device, "");
  EXPECT_EQ(upgrade->expires_at, 0);
  EXPECT_EQ(upgrade->format, MessageFormat::kPlain);
  EXPECT_EQ(upgrade->patterns, std::vector<std::string>{"*"});
}

TEST(UpgradeRequest, RefusesOtherMethods) {
  for (const std::string method : {"HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get"}) {
    Handshake handshake;
    handshake.method = method;
    EXPECT_EQ(outcome(handshake, for_development()), "405 method_not_allowed") << method;
  }
}

TEST(UpgradeRequest, RefusesWhatIsMalformed) {
  const UpgradePolicy policy = for_development();
  EXPECT_EQ(outcome(Handshake().without("Sec-WebSocket-Key"), policy), "400 bad_request");
  EXPECT_EQ(outcome(Handshake().set("Sec-WebSocket-Key", "short"), policy), "400 bad_request");
  EXPECT_EQ(outcome(Handshake().add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), policy), "400 bad_request");
  EXPECT_EQ(outcome(Handshake().add("Content-Length", "5"), policy), "400 bad_request");
  EXPECT_EQ(outcome(Handshake().add("Authorization", "Bearer a").add("Authorization", "Bearer b"), policy),
            "400 bad_request");
  Handshake old;
  old.version = "HTTP/1.0";
  EXPECT_EQ(outcome(old, policy), "426 upgrade_required") << "HTTP/1.0 knows no Upgrade (RFC 9110 7.8)";
}

TEST(UpgradeRequest, AsksForAWebSocketHandshake) {
  const UpgradePolicy policy = for_development();
  EXPECT_EQ(outcome(Handshake().without("Upgrade").without("Connection").without("Sec-WebSocket-Key"), policy),
            "426 upgrade_required")
      << "a plain GET";
  EXPECT_EQ(outcome(Handshake().set("Upgrade", "h2c"), policy), "426 upgrade_required");
  EXPECT_EQ(outcome(Handshake().set("Connection", "keep-alive"), policy), "426 upgrade_required");
  EXPECT_EQ(outcome(Handshake().set("Upgrade", "WebSocket"), policy), "101");
  for (const std::string version : {"12", "14", "013", "13, 12", ""}) {
    EXPECT_EQ(outcome(Handshake().set("Sec-WebSocket-Version", version), policy), "426 upgrade_required") << version;
  }
  EXPECT_EQ(outcome(Handshake().without("Sec-WebSocket-Version"), policy), "426 upgrade_required");
  EXPECT_EQ(outcome(Handshake().add("Sec-WebSocket-Version", "13"), policy), "426 upgrade_required");
}

TEST(UpgradeRequest, RefusesAtAClosedDoor) {
  EXPECT_EQ(outcome({}, for_development(), Door::kDraining), "503 draining");
  EXPECT_EQ(outcome({}, for_development(), Door::kFull), "503 full");
  EXPECT_EQ(outcome({}, for_development(), Door::kOverloaded), "503 overloaded");
}

TEST(UpgradeRequest, RefusesStrangeOrigins) {
  UpgradePolicy policy = for_development();
  policy.origins = OriginList::parse({"https://app.example.com"}).value();
  EXPECT_EQ(outcome({}, policy), "101") << "apps send none";
  EXPECT_EQ(outcome(Handshake().add("Origin", "HTTPS://APP.example.com"), policy), "101");
  for (const std::string origin : {"https://evil.example.com", "http://app.example.com", "null", "",
                                   "https://example.com", "http://example.com"}) {  // the last two: its own Host
    EXPECT_EQ(outcome(Handshake().add("Origin", origin), policy), "403 origin_forbidden") << origin;
  }
  EXPECT_EQ(
      outcome(Handshake().add("Origin", "https://app.example.com").add("Origin", "https://app.example.com"), policy),
      "403 origin_forbidden");
}

// --- the token ---------------------------------------------------------------------------------------------------

TEST(UpgradeRequest, RefusesWithoutAGoodToken) {
  const UpgradePolicy policy = with_tokens();
  EXPECT_EQ(outcome(asking("/ws?user=alice"), policy), "401 token_missing") << "?user= is dev auth's";
  EXPECT_EQ(outcome(asking("/ws?token=x"), policy), "401 token_invalid");
  EXPECT_EQ(outcome(asking("/ws?token=" + token("alice", kNow - 31)), policy), "401 token_expired");
  EXPECT_EQ(outcome(asking("/ws?token=" + token("alice", kNow - 29)), policy), "101") << "leeway";
  EXPECT_EQ(outcome(asking("/ws?token=" + token("")), policy), "401 token_invalid");
  EXPECT_EQ(outcome(asking("/ws"), for_development()), "401 user_missing");
  EXPECT_EQ(outcome(asking("/ws?user="), for_development()), "401 user_missing");
  EXPECT_EQ(outcome(asking("/ws?user=a%1fb"), for_development()), "401 user_invalid");
  EXPECT_EQ(outcome(asking("/ws?user=" + std::string(129, 'a')), for_development()), "401 user_invalid");
}

TEST(UpgradeRequest, TakesTheFirstTokenThatIsPresent) {
  const UpgradePolicy policy = with_tokens();
  const auto user = [&](const Handshake& handshake) {
    const auto upgrade = check(handshake, policy);
    return upgrade ? upgrade->user : std::string("refused");
  };
  const std::string in_query = "/ws?token=" + token("query");
  const std::string in_protocol = "pushwire.v1, bearer." + token("protocol");
  EXPECT_EQ(user(asking(in_query)), "query");
  EXPECT_EQ(user(asking(in_query).add("Sec-WebSocket-Protocol", in_protocol)), "protocol");
  EXPECT_EQ(user(asking(in_query)
                     .add("Sec-WebSocket-Protocol", in_protocol)
                     .add("Authorization", "Bearer " + token("header"))),
            "header");
  EXPECT_EQ(user(asking(in_query).add("Authorization", "Bearer rubbish")), "refused")
      << "present counts, also when bad";
  EXPECT_EQ(user(asking(in_query).add("Sec-WebSocket-Protocol", "pushwire.v1, bearer.rubbish")), "refused");
}

TEST(UpgradeRequest, NamesItsSubprotocolAndNeverTheToken) {
  const std::string secret = token("alice");
  const auto upgrade = check(
      asking("/ws").add("Sec-WebSocket-Protocol", "bearer." + secret).add("Sec-WebSocket-Protocol", "pushwire.v1"),
      with_tokens());
  ASSERT_TRUE(upgrade);
  EXPECT_NE(upgrade->response.find("Sec-WebSocket-Protocol: pushwire.v1\r\n"), std::string::npos);
  EXPECT_EQ(upgrade->response.find(secret), std::string::npos);
}

TEST(UpgradeRequest, JudgesSubprotocols) {
  const UpgradePolicy policy = for_development();
  const auto with = [&](const std::string& value) {
    return outcome(Handshake().add("Sec-WebSocket-Protocol", value), policy);
  };
  EXPECT_EQ(with("bearer.x"), "400 bad_request") << "a browser could not take the answer";
  EXPECT_EQ(with("pushwire.v1, bearer.x, bearer.y"), "400 bad_request");
  EXPECT_EQ(with("pushwire.v1,, chat"), "400 bad_request");
  EXPECT_EQ(with("pushwire.v1, pushwire.v1"), "400 bad_request");
  const auto unknown = check(Handshake().add("Sec-WebSocket-Protocol", "chat, graphql-ws"), policy);
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->response.find("Sec-WebSocket-Protocol"), std::string::npos);
}

TEST(UpgradeRequest, TellsNobodyTheTokenInARefusal) {
  const UpgradePolicy policy = with_tokens();
  for (const Handshake& handshake : {asking("/ws?token=SECRET"), asking("/ws?token=SECRET&token=SECRET"),
                                     asking("/ws").add("Sec-WebSocket-Protocol", "bearer.SECRET"),
                                     asking("/ws").add("Sec-WebSocket-Protocol", "pushwire.v1, bearer.SECRET"),
                                     asking("/ws").add("Authorization", "Bearer SECRET")}) {
    const auto result = check(handshake, policy);
    ASSERT_FALSE(result);
    EXPECT_EQ(answer_of(result.error()).find("SECRET"), std::string::npos);
  }
}

// --- the query ---------------------------------------------------------------------------------------------------

TEST(UpgradeRequest, ReadsTheQuery) {
  const auto upgrade =
      check(asking("/ws?user=al+ice%20%C3%A9&device=my+phone&format=raw&topics=a,b,a,c"), for_development());
  ASSERT_TRUE(upgrade);
  EXPECT_EQ(upgrade->user, "al ice \xc3\xa9");
  EXPECT_EQ(upgrade->device, "my phone");
  EXPECT_EQ(upgrade->format, MessageFormat::kRaw);
  EXPECT_EQ(upgrade->topics, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(UpgradeRequest, RefusesABadQuery) {
  const UpgradePolicy policy = for_development();
  for (const std::string query :
       {"user=%", "user=%4", "user=%zz", "user=a%00b", "user=%ff", "user=a&user=b", "user=a&%75ser=b",
        "user=a&device=x&device=x", "user=a&topics=a&topics=b", "user=a&format=raw&format=raw",
        "user=a&token=&token=", "user=a&format=xml", "user=a&device=%01", "user=a&other=%ff"}) {
    EXPECT_EQ(outcome(asking("/ws?" + query), policy), "400 bad_request") << query;
  }
  EXPECT_EQ(outcome(asking("/ws?user=a&device=" + std::string(64, 'd')), policy), "101");
  EXPECT_EQ(outcome(asking("/ws?user=a&device=" + std::string(65, 'd')), policy), "400 bad_request");
  EXPECT_EQ(outcome(asking("/ws?user=a&other=1&other=2"), policy), "101") << "only the keys that are known";
}

TEST(UpgradeRequest, ChecksTopicsBySyntaxThenPermissionThenNumber) {
  const UpgradePolicy policy = with_tokens();
  const auto with = [&](const std::string& topics) {
    return outcome(asking("/ws?topics=" + topics + "&token=" + token("alice")), policy);
  };
  EXPECT_EQ(with(""), "101");
  EXPECT_EQ(with("own,own.1,public.x"), "101");
  EXPECT_EQ(with("own,own,own,own.1,own.1"), "101") << "each once";
  EXPECT_EQ(with("other"), "403 topic_forbidden");
  EXPECT_EQ(with("other,a%20b"), "400 topic_invalid");
  EXPECT_EQ(with("own,"), "400 topic_invalid");
  EXPECT_EQ(with(",own"), "400 topic_invalid");
  EXPECT_EQ(with("own,,public.x"), "400 topic_invalid");
  EXPECT_EQ(with("own.1,own.2,own.3,own.4"), "400 topic_limit");
  EXPECT_EQ(with("own.1,own.2,own.3,own.4,other"), "403 topic_forbidden");
}

// --- order and answers -------------------------------------------------------------------------------------------

// A handshake with every fault; one after the other is mended, and the next in order is named.
TEST(UpgradeRequest, NamesTheFirstFaultInTheOrderOfTheDocumentation) {
  UpgradePolicy policy = with_tokens();
  policy.max_topics = 1;
  Handshake handshake = asking("/ws?format=xml&topics=a%20b");
  handshake.method = "POST";
  handshake.set("Sec-WebSocket-Version", "8").add("Origin", "https://evil.example.com");
  EXPECT_EQ(outcome(handshake, policy, Door::kDraining), "405 method_not_allowed");
  handshake.method = "GET";
  EXPECT_EQ(outcome(handshake, policy, Door::kDraining), "400 bad_request");
  handshake.target = "/ws?topics=a%20b";
  EXPECT_EQ(outcome(handshake, policy, Door::kDraining), "426 upgrade_required");
  handshake.set("Sec-WebSocket-Version", "13");
  EXPECT_EQ(outcome(handshake, policy, Door::kDraining), "503 draining");
  EXPECT_EQ(outcome(handshake, policy), "403 origin_forbidden");
  handshake.without("Origin");
  EXPECT_EQ(outcome(handshake, policy), "401 token_missing");
  handshake.add("Authorization", "Bearer " + token("alice"));
  EXPECT_EQ(outcome(handshake, policy), "400 topic_invalid");
  handshake.target = "/ws?topics=other,own";
  EXPECT_EQ(outcome(handshake, policy), "403 topic_forbidden");
  handshake.target = "/ws?topics=own,own.1";
  EXPECT_EQ(outcome(handshake, policy), "400 topic_limit");
  handshake.target = "/ws?topics=own";
  EXPECT_EQ(outcome(handshake, policy), "101");
}

TEST(UpgradeRequest, GivesEachRefusalItsHeaders) {
  const UpgradePolicy policy = for_development();
  struct Case {
    Refusal refusal;
    std::string header;
  };
  Handshake post;
  post.method = "POST";
  const std::vector<Case> cases = {
      {check(post, policy).error(), "Allow: GET\r\n"},
      {check(Handshake().without("Upgrade"), policy).error(), "Sec-WebSocket-Version: 13\r\n"},
      {check(Handshake().without("Upgrade"), policy).error(), "Upgrade: websocket\r\n"},
      {check({}, policy, Door::kFull).error(), "Retry-After: "},
      {check(asking("/ws"), policy).error(), "WWW-Authenticate: Bearer\r\n"},
      {too_many_connections(), "Retry-After: "},
  };
  for (const auto& [refusal, header] : cases) {
    const std::string answer = answer_of(refusal);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(refusal.status) + " ")) << answer;
    EXPECT_NE(answer.find("\r\n" + header), std::string::npos) << header << answer;
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find(R"({"error":{"code":")"), std::string::npos) << answer;
  }
  EXPECT_NE(answer_of(too_many_connections()).find("429"), std::string::npos);
  EXPECT_NE(answer_of(too_many_connections()).find(R"("code":"too_many_connections")"), std::string::npos);
}

}  // namespace
}  // namespace pushwire::session
