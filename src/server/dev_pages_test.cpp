#include "server/dev_pages.h"

#include <gtest/gtest.h>

#include "server/server_test_support.h"

namespace pushwire::server {
namespace {

using test::get;
using test::Node;

constexpr std::string_view kPush = R"({"to":{"user":"a"},"data":1,"id":"1"})";

std::string request(std::string_view method, std::string_view path, std::string_view headers,
                    std::string_view body = "", std::string_view host = "localhost:8000") {
  return fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n{}Content-Length: {}\r\n\r\n{}", method, path, host, headers,
                     body.size(), body);
}

TEST(DevPages, ServesThePageToALoopbackHostOnly) {
  Node node;
  EXPECT_EQ(node.status(get("/", "localhost:8000")), 200);
  EXPECT_TRUE(node.last_has("Content-Type: text/html; charset=utf-8\r\n"));
  EXPECT_TRUE(node.last_has("Content-Security-Policy: default-src 'none'; script-src 'self';"));
  EXPECT_TRUE(node.last_has(" ws://localhost:8000 wss://localhost:8000;"));
  EXPECT_TRUE(node.last_has("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_EQ(node.status(get("/try.js")), 200);
  EXPECT_TRUE(node.last_has("Content-Type: text/javascript; charset=utf-8\r\n"));
  EXPECT_EQ(node.status(get("/try.css")), 200);
  EXPECT_EQ(node.status(get("/", "evil.example:8000")), 403);
  EXPECT_EQ(node.status(get("/dev/api/info", "evil.example:8000")), 403);
}

TEST(DevPages, OtherPathsAndMethodsAreRefused) {
  Node node;
  for (const std::string_view path : {"/try.html", "/openapi.yaml", "/try.jsx", "/../try.js", "/%74ry.js", "/dev",
                                      "/dev/api", "/dev/apiv1/stats", "/dev/api/nothing", "/v1/stats", "/healthz"}) {
    EXPECT_EQ(node.status(get(path)), 404) << path;
  }
  EXPECT_EQ(node.status(request("POST", "/", "", "x")), 405);
  EXPECT_TRUE(node.last_has("Allow: GET, HEAD\r\n"));
  EXPECT_EQ(node.status("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n") / 100, 4);
}

TEST(DevPages, InfoSaysWhereTheApiIs) {
  Node node;
  EXPECT_EQ(node.status(get("/dev/api/info")), 200);
  EXPECT_TRUE(node.last_has(R"({"api":"http://127.0.0.1:8001","path":"/ws","node":"n1","version":")")) << node.last;
  EXPECT_TRUE(node.last_has(R"("max_connections_per_user":10,"api_key_required":false})")) << node.last;
  const std::string_view json = "Content-Type: application/json\r\n";
  EXPECT_EQ(node.status(request("POST", "/dev/api/info", json, "{}")), 405);
  EXPECT_EQ(node.status(request("DELETE", "/dev/api/info", json)), 405);
}

TEST(DevPages, ApiIsCalledWithJsonAndFromThePageOnly) {
  Node node;
  const std::string json = "Content-Type: application/json\r\n";
  EXPECT_EQ(node.status(request("POST", "/dev/api/v1/push", json + "Origin: http://localhost:8000\r\n", kPush)), 200);
  EXPECT_TRUE(node.last_has(R"({"id":"1","accepted":true})"));
  EXPECT_EQ(node.status(request("POST", "/dev/api/v1/push", json + "Origin: http://127.0.0.1:8000\r\n", kPush)), 200);
  for (const std::string_view origin : {"http://evil.example", "null", "", "https://localhost:8000",
                                        "http://localhost:8001", "http://localhost.evil.example:8000"}) {
    const std::string headers = fmt::format("{}Origin: {}\r\n", json, origin);
    EXPECT_EQ(node.status(request("POST", "/dev/api/v1/push", headers, kPush)), 403) << origin;
    EXPECT_EQ(node.status(request("GET", "/dev/api/v1/stats", headers)), 403) << origin;
    EXPECT_FALSE(node.last_has("Access-Control"));
  }
  for (const std::string_view type :
       {"text/plain", "application/x-www-form-urlencoded", "", "text/plain; application/json"}) {
    const std::string headers = fmt::format("Content-Type: {}\r\n", type);
    EXPECT_EQ(node.status(request("POST", "/dev/api/v1/push", headers, kPush)), 415) << type;
    EXPECT_EQ(node.status(request("DELETE", "/dev/api/v1/users/a/sessions", headers)), 415) << type;
  }
  EXPECT_EQ(node.status(request("POST", "/dev/api/v1/push", json, kPush, "evil.example:8000")), 403);
}

TEST(DevPages, QuestionsAreAnsweredOnTheSameConnection) {
  Node node(test::dev_config(), 2);
  const net::Fd client = node.connect();
  const std::string user = node.user_of(1);
  EXPECT_EQ(http::testing::answers_in(node.exchange(client, get(fmt::format("/dev/api/v1/users/{}", user)))),
            fmt::format("200 {{\"user\":\"{}\",\"online\":false,\"sessions\":[],\"complete\":true}}\n", user));
  EXPECT_EQ(http::testing::answers_in(node.exchange(client, get("/dev/api/v1/topics/t"))),
            "200 {\"topic\":\"t\",\"subscribers\":0,\"complete\":true}\n");
}

}  // namespace
}  // namespace pushwire::server
