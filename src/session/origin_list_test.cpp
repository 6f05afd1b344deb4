#include "session/origin_list.h"

#include <gtest/gtest.h>

namespace pushwire::session {
namespace {

OriginList list_of(const std::vector<std::string>& entries) {
  const Result<OriginList> list = OriginList::parse(entries);
  EXPECT_TRUE(list) << list.error().message;
  return list.value_or(OriginList{});
}

TEST(OriginList, EmptyListPassesOnlyClientsWithoutOrigin) {
  const OriginList list;
  EXPECT_TRUE(list.allows(std::nullopt, 0));
  EXPECT_FALSE(list.allows("https://app.example.com", 1));
}

TEST(OriginList, ComparesSchemeHostAndPort) {
  const OriginList list = list_of({"https://app.example.com", "http://dev.example.com:8080"});
  EXPECT_TRUE(list.allows("https://app.example.com", 1));
  EXPECT_TRUE(list.allows("http://dev.example.com:8080", 1));
  for (const char* other : {"http://app.example.com",
                            "https://app.example.com:8443",
                            "https://example.com",
                            "https://evil.app.example.com",
                            "https://app.example.com.evil.com",
                            "http://dev.example.com",
                            "https://app.example.comx",
                            "https://app.example.com.",
                            "https://user@app.example.com",
                            "https://app.example.com/",
                            "https://app.example.com/x",
                            "https://app.example.com:",
                            "https://app.example.com:0",
                            "https://app.example.com:65979",
                            "https://app.example.com:443x",
                            "app.example.com",
                            "https:app.example.com",
                            "://app.example.com",
                            " https://app.example.com",
                            "https://app.example.com\t"}) {
    EXPECT_FALSE(list.allows(other, 1)) << other;
  }
}

TEST(OriginList, IgnoresCaseAndDefaultPorts) {
  const OriginList list = list_of({"HTTPS://App.Example.com", "http://b.example:80"});
  EXPECT_TRUE(list.allows("https://app.example.com", 1));
  EXPECT_TRUE(list.allows("httpS://APP.example.com:443", 1));
  EXPECT_TRUE(list.allows("http://b.example", 1));
  EXPECT_FALSE(list.allows("http://b.example:443", 1));
}

TEST(OriginList, TakesAddressesAndAppSchemes) {
  const OriginList list = list_of({"http://[::1]:8000", "http://[::1]", "capacitor://localhost"});
  EXPECT_TRUE(list.allows("http://[::1]:8000", 1));
  EXPECT_TRUE(list.allows("http://[::1]:80", 1));
  EXPECT_TRUE(list.allows("capacitor://localhost", 1));
  EXPECT_FALSE(list.allows("http://[::1]:8001", 1));
  EXPECT_FALSE(list.allows("http://[::1", 1));
}

TEST(OriginList, RefusesNullEmptyAndSeveral) {
  const OriginList list = list_of({"https://app.example.com"});
  EXPECT_FALSE(list.allows("null", 1));
  EXPECT_FALSE(list.allows("", 1));
  EXPECT_FALSE(list.allows("https://app.example.com", 2));
  EXPECT_FALSE(list.allows("https://app.example.com https://evil.example", 1));
  EXPECT_FALSE(list.allows(std::string(10000, 'a'), 1));
}

TEST(OriginList, StarAllowsEveryOrigin) {
  const OriginList list = list_of({"*"});
  for (const char* origin : {"null", "", "https://any.example"}) {
    EXPECT_TRUE(list.allows(origin, 1)) << origin;
  }
  EXPECT_TRUE(list.allows("https://any.example", 2));
}

TEST(OriginList, SaysWhatIsWrongWithAnEntry) {
  const auto message = [](const std::vector<std::string>& entries) {
    return OriginList::parse(entries).error().message;
  };
  EXPECT_NE(message({"https://a.example/"}).find("final /"), std::string::npos);
  EXPECT_NE(message({"https://*.a.example"}).find("list each host"), std::string::npos);
  EXPECT_NE(message({"a.example"}).find("\"a.example\": expected scheme://host"), std::string::npos);
  EXPECT_NE(message({"https://a.example", "*"}).find("alone"), std::string::npos);
  EXPECT_NE(message({"null"}).find("sandboxed"), std::string::npos);
  EXPECT_FALSE(OriginList::parse({""}));
  EXPECT_FALSE(
      OriginList::parse({"https://b\xc3\xbc"
                         "cher.example"}))
      << "browsers send punycode";
}

TEST(OriginList, DevOriginsAreAdded) {
  const OriginList list = list_of({"https://app.example.com"}).with_dev_origins(8000);
  EXPECT_TRUE(list.allows("http://127.0.0.1:8000", 1));
  EXPECT_TRUE(list.allows("http://LOCALHOST:8000", 1));
  EXPECT_TRUE(list.allows("https://app.example.com", 1));
  EXPECT_FALSE(list.allows("http://localhost:8001", 1));
  EXPECT_FALSE(list.allows("https://localhost:8000", 1));
  EXPECT_TRUE(OriginList{}.with_dev_origins(80).allows("http://localhost", 1));
  const OriginList secure = OriginList{}.with_dev_origins(8443, "https");
  EXPECT_TRUE(secure.allows("https://localhost:8443", 1));
  EXPECT_FALSE(secure.allows("http://localhost:8443", 1));
}

}  // namespace
}  // namespace pushwire::session
