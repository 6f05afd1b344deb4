#include "api/api.h"

#include <gtest/gtest.h>

#include <string>

#include "api/routes.h"
#include "http/request_parser.h"

namespace pushwire::api {
namespace {

struct Verdict {
  int status = 0;  // 0: nothing against it
  std::size_t route = 0;
  std::string allow;
};

// What the routes say to the head of a request.
Verdict judge(const std::string& line, const std::string& headers = "") {
  http::RequestParser parser;
  (void)parser.feed(line + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
  EXPECT_TRUE(parser.has_head()) << line;
  const http::Request& request = parser.request();
  const http::RouteMatch match = Api::match(request, request.path);
  Verdict verdict;
  verdict.route = Api::route_of(match);
  if (const auto response = Api::refuse(match, request)) {
    verdict.status = response->status;
    for (const auto& header : response->headers) {
      verdict.allow += header.name == "Allow" ? header.value : "";
    }
  }
  return verdict;
}

std::size_t route(RouteId id) {
  return static_cast<std::size_t>(id);
}

TEST(Api, FindsEveryRouteOfTheTable) {
  const std::pair<std::string, RouteId> calls[] = {
      {"GET /v1/users/alice", RouteId::kUser},
      {"DELETE /v1/users/a/sessions", RouteId::kUserSessions},
      {"DELETE /v1/users/a/sessions/s", RouteId::kUserSession},
      {"GET /v1/topics/news%2Fsport", RouteId::kTopic},
      {"GET /v1/nodes", RouteId::kNodes},
      {"GET /v1/stats", RouteId::kStats},
      {"HEAD /healthz", RouteId::kHealth},
      {"GET /readyz", RouteId::kReady},
      {"GET /metrics", RouteId::kMetrics},
      {"GET /openapi.yaml", RouteId::kOpenApi},
  };
  for (const auto& [call, id] : calls) {
    const Verdict verdict = judge(call);
    EXPECT_EQ(verdict.status, 0) << call;
    EXPECT_EQ(verdict.route, route(id)) << call;
  }
}

TEST(Api, CountsAnUnknownPathApartAndAWrongMethodByItsPath) {
  EXPECT_EQ(judge("GET /v1/nothing").status, 404);
  EXPECT_EQ(judge("GET /v1/nothing").route, kUnknownRoute);
  const Verdict verdict = judge("PUT /v1/push");
  EXPECT_EQ(verdict.status, 405);
  EXPECT_EQ(verdict.route, route(RouteId::kPush));
  EXPECT_EQ(verdict.allow, "POST");
}

TEST(Api, RefusesBadEncodingInThePath) {
  EXPECT_EQ(judge("GET /v1/users/%ff").status, 400);
}

TEST(Api, TakesJsonInUtf8Only) {
  const std::string body = "Content-Length: 2\r\n";
  const std::string good[] = {"application/json", "Application/JSON; charset=UTF-8",
                              "application/json;charset=\"utf-8\""};
  for (const std::string& type : good) {
    EXPECT_EQ(judge("POST /v1/push", body + "Content-Type: " + type + "\r\n").status, 0) << type;
  }
  const std::string bad[] = {"text/plain", "application/json; charset=latin1", "application/jsonx",
                             "application/x-ndjson"};
  for (const std::string& type : bad) {
    EXPECT_EQ(judge("POST /v1/push", body + "Content-Type: " + type + "\r\n").status, 415) << type;
  }
  EXPECT_EQ(judge("POST /v1/push", body).status, 415);
  EXPECT_EQ(judge("POST /v1/push", body + "Content-Type: application/json\r\nContent-Encoding: gzip\r\n").status, 415);
}

TEST(Api, TakesLinesForABatchOnly) {
  const std::string lines = "Content-Length: 2\r\nContent-Type: application/x-ndjson\r\n";
  EXPECT_EQ(judge("POST /v1/push/batch", lines).status, 0);
  EXPECT_EQ(judge("POST /v1/push", lines).status, 415);
}

}  // namespace
}  // namespace pushwire::api
