#include "api/api_port.h"

#include <gtest/gtest.h>

#include "api/api_test_support.h"
#include "api/routes.h"

namespace pushwire::api {
namespace {

using test::ApiRig;

constexpr std::string_view kPush = R"({"to":{"user":"a"},"data":1,"id":"1"})";

class ApiPortTest : public ::testing::Test {
 protected:
  static std::string request(std::string_view method, std::string_view path, std::string_view headers,
                             std::string_view body = "", std::string_view host = "localhost") {
    const std::string length = body.empty() ? "" : fmt::format("Content-Length: {}\r\n", body.size());
    return fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n{}{}\r\n{}", method, path, host, headers, length, body);
  }
  int status(const std::string& bytes) {
    last_ = rig_.raw(bytes);
    return last_.starts_with("HTTP/1.1 ") ? std::stoi(last_.substr(9, 3)) : 0;
  }
  bool last_has(std::string_view text) const { return last_.find(text) != std::string::npos; }
  int typed(std::string_view type, std::string_view path = "/v1/push") {
    return status(request("POST", path, fmt::format("Content-Type: {}\r\n", type), kPush));
  }

  bus::EmbeddedBus bus_;
  ApiRig rig_{bus_};
  std::string last_;
};

TEST_F(ApiPortTest, ChecksComeInTheOrderOfTheDocumentation) {
  rig_.port.set_keys(ApiKeys({"k"}));
  const std::string big(5000, ' ');
  // Everything is wrong; one fault after the other is mended.
  EXPECT_EQ(status(request("PUT", "/nothing", "", big)), 401);
  EXPECT_TRUE(last_has("WWW-Authenticate: Bearer\r\n"));
  EXPECT_EQ(status(request("PUT", "/nothing", "Authorization: Bearer k\r\n", big)), 404);
  EXPECT_EQ(status(request("PUT", "/v1/push", "Authorization: Bearer k\r\n", big)), 405);
  EXPECT_TRUE(last_has("Allow: POST\r\n"));
  EXPECT_EQ(status(request("POST", "/v1/push", "Authorization: Bearer k\r\n", big)), 415);
  const std::string_view good = "Authorization: Bearer k\r\nContent-Type: application/json\r\n";
  EXPECT_EQ(status(request("POST", "/v1/push", good, big)), 413);
  EXPECT_EQ(status(request("POST", "/v1/push", good, "{")), 400);
  EXPECT_EQ(status(request("POST", "/v1/push", good, "{}")), 422);
  EXPECT_EQ(status(request("POST", "/v1/push", good, kPush)), 200);
  EXPECT_EQ(rig_.requests(0, 405), 1U);
  EXPECT_EQ(rig_.requests(0, 415), 1U);
  EXPECT_EQ(rig_.requests(0, 200), 1U);
  EXPECT_EQ(rig_.requests(kUnknownRoute, 401), 1U);
  EXPECT_EQ(rig_.requests(kUnknownRoute, 404), 1U);
}

TEST_F(ApiPortTest, AWrongKeyIsRefusedWithoutABodyToo) {
  rig_.port.set_keys(ApiKeys({"k"}));
  EXPECT_EQ(status(request("GET", "/v1/stats", "")), 401);
  EXPECT_EQ(status(request("GET", "/v1/stats", "Authorization: Bearer x\r\n")), 401);
  EXPECT_EQ(status(request("GET", "/v1/stats", "Authorization: Bearer k\r\nAuthorization: Bearer k\r\n")), 401);
  EXPECT_EQ(status(request("GET", "/v1/stats", "Authorization: Bearer k\r\n")), 200);
  rig_.port.set_keys(ApiKeys({"new"}));
  EXPECT_EQ(status(request("GET", "/v1/stats", "Authorization: Bearer k\r\n")), 401);
}

TEST_F(ApiPortTest, HealthAndMetricsNeedNoKeyAndNoLoopbackHost) {
  rig_.port.set_keys(ApiKeys({"k"}));
  for (const std::string_view path : {"/healthz", "/readyz", "/metrics", "/openapi.yaml"}) {
    EXPECT_EQ(status(request("GET", path, "", "", "gateway.example")), 200) << path;
    EXPECT_EQ(status(request("HEAD", path, "")), 200) << path;
    EXPECT_TRUE(last_.ends_with("\r\n\r\n")) << path;
    EXPECT_EQ(status(request("POST", path, "")), 405) << path;
    EXPECT_TRUE(last_has("Allow: GET, HEAD\r\n"));
  }
}

TEST_F(ApiPortTest, WithoutKeysOnlyALoopbackHostIsServed) {
  EXPECT_EQ(status(request("GET", "/v1/stats", "Authorization: Bearer whatever\r\n")), 200);
  EXPECT_EQ(status(request("GET", "/v1/stats", "", "", "evil.example")), 403);
  EXPECT_EQ(status(request("POST", "/v1/push", "Content-Type: application/json\r\n", kPush, "evil.example:8001")), 403);
  EXPECT_EQ(status("GET /healthz HTTP/1.0\r\n\r\n"), 200) << "no browser leaves Host out";
  EXPECT_TRUE(rig_.seats[0]->mail.empty());
}

TEST_F(ApiPortTest, PushesAreJsonAndNothingElse) {
  for (const std::string_view good : {"application/json", "Application/JSON", "application/json; charset=utf-8",
                                      "application/json;charset=\"UTF-8\"", "application/json ;"}) {
    EXPECT_EQ(typed(good), 200) << good;
  }
  for (const std::string_view bad :
       {"", "text/plain", "application/json2", "application/x-ndjson", "application",
        "application/json; charset=latin1", "text/plain; x=application/json", "application/json, text/plain"}) {
    EXPECT_EQ(typed(bad), 415) << bad;
  }
  EXPECT_EQ(status(request("POST", "/v1/push", "", kPush)), 415);
  EXPECT_EQ(status(request("POST", "/v1/push", "")), 415);
  const std::string_view twice = "Content-Type: application/json\r\nContent-Type: text/plain\r\n";
  EXPECT_EQ(status(request("POST", "/v1/push", twice, kPush)), 415);
  for (const std::string_view coding : {"gzip", "identity", ""}) {
    const auto headers = fmt::format("Content-Type: application/json\r\nContent-Encoding: {}\r\n", coding);
    EXPECT_EQ(status(request("POST", "/v1/push", headers, kPush)), 415) << coding;
  }
}

TEST_F(ApiPortTest, BatchesMayBeLinesToo) {
  EXPECT_EQ(typed("application/x-ndjson", "/v1/push/batch"), 200);
  EXPECT_EQ(typed("application/x-ndjson; charset=utf-8", "/v1/push/batch"), 200);
  EXPECT_EQ(typed("text/csv", "/v1/push/batch"), 415);
  EXPECT_TRUE(last_has("application/x-ndjson"));
}

TEST_F(ApiPortTest, PathsThatCannotBeReadAreBadRequests) {
  EXPECT_EQ(status(request("GET", "/v1/users/%zz", "")), 400);
  EXPECT_EQ(status(request("GET", "/v1/users/%ff", "")), 400);
  EXPECT_EQ(status(request("GET", "/v1/users/a%00b", "")), 400);
  EXPECT_EQ(status(request("GET", "/v1/users/", "")), 404);
  EXPECT_EQ(status(request("GET", "/v1/push/", "")), 404);
  EXPECT_EQ(status(request("GET", "/v1/users/a/sessions", "")), 405);
  EXPECT_TRUE(last_has("Allow: DELETE\r\n"));
}

TEST_F(ApiPortTest, PipelinedCallsAreAnsweredInOrder) {
  const net::Fd client = rig_.connect();
  rig_.send(client, ApiRig::get("/healthz") + ApiRig::post("/v1/push", kPush) + ApiRig::get("/nothing") +
                        ApiRig::post("/v1/push", kPush));
  EXPECT_EQ(ApiRig::short_form(ApiRig::receive(client)),
            "200 {\"status\":\"ok\"}\n200 {\"id\":\"1\",\"accepted\":true}\n"
            "404 {\"error\":{\"code\":\"not_found\",\"message\":\"there is no such path\"}}\n"
            "200 {\"id\":\"1\",\"accepted\":true,\"duplicate\":true}\n");
}

TEST_F(ApiPortTest, WhatIsNoHttpIsCountedToo) {
  EXPECT_EQ(status("NONSENSE\r\n\r\n"), 400);
  EXPECT_EQ(rig_.requests(kUnknownRoute, 400), 1U);
}

TEST_F(ApiPortTest, NeverSendsCorsHeaders) {
  const std::string_view preflight = "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n";
  EXPECT_EQ(status(request("OPTIONS", "/v1/push", preflight)), 405);
  EXPECT_FALSE(last_has("Access-Control"));
  EXPECT_EQ(status(request("GET", "/v1/stats", "Origin: http://localhost:8000\r\n")), 200);
  EXPECT_FALSE(last_has("Access-Control"));
}

}  // namespace
}  // namespace pushwire::api
