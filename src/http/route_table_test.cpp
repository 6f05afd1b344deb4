#include "http/route_table.h"

#include <gtest/gtest.h>

namespace pushwire::http {
namespace {

constexpr Route kRoutes[] = {
    {Method::kPost, "/v1/push"},
    {Method::kGet, "/v1/users/{id}"},
    {Method::kDelete, "/v1/users/{id}/sessions"},
    {Method::kDelete, "/v1/users/{id}/sessions/{session}"},
    {Method::kGet, "/"},
    {Method::kGet, "/both"},
    {Method::kPost, "/both"},
};
constexpr RouteTable kTable{kRoutes};

TEST(RouteTable, FindsLiteralAndParameterRoutes) {
  EXPECT_EQ(kTable.match(Method::kPost, "/v1/push").route, 0U);
  EXPECT_EQ(kTable.match(Method::kGet, "/").route, 4U);
  const RouteMatch match = kTable.match(Method::kDelete, "/v1/users/al%2Fice/sessions/s-1");
  EXPECT_EQ(match.outcome, RouteOutcome::kFound);
  EXPECT_EQ(match.route, 3U);
  EXPECT_EQ(match.pattern, "/v1/users/{id}/sessions/{session}");
  EXPECT_EQ(match.parameter("id"), "al/ice");
  EXPECT_EQ(match.parameter("session"), "s-1");
  EXPECT_EQ(match.parameter("other"), "");
}

TEST(RouteTable, PlusIsLiteralInPaths) {
  EXPECT_EQ(kTable.match(Method::kGet, "/v1/users/a+b").parameter("id"), "a+b");
}

TEST(RouteTable, OtherPathsAreNotFound) {
  for (const char* path : {"/v1", "/v1/push/", "/v1/push/x", "/v1/users", "/v1/users/", "/v1/users//sessions", "//",
                           "/v1/users/a/sessions/", "/V1/push", "/v1//push", "", "*", "x"}) {
    const RouteMatch match = kTable.match(Method::kGet, path);
    EXPECT_EQ(match.outcome, RouteOutcome::kNotFound) << path;
    EXPECT_EQ(match.pattern, "") << path;
  }
}

TEST(RouteTable, OtherMethodsAreNotAllowedAndSayWhich) {
  const RouteMatch push = kTable.match(Method::kGet, "/v1/push");
  EXPECT_EQ(push.outcome, RouteOutcome::kMethodNotAllowed);
  EXPECT_EQ(push.allow, "POST");
  EXPECT_EQ(push.pattern, "/v1/push");
  EXPECT_EQ(kTable.match(Method::kOptions, "/both").allow, "GET, HEAD, POST");
  EXPECT_EQ(kTable.match(Method::kOther, "/v1/users/a").allow, "GET, HEAD");
}

TEST(RouteTable, HeadIsAnsweredWhereGetIs) {
  EXPECT_EQ(kTable.match(Method::kHead, "/v1/users/a").outcome, RouteOutcome::kFound);
  EXPECT_EQ(kTable.match(Method::kHead, "/v1/push").outcome, RouteOutcome::kMethodNotAllowed);
}

TEST(RouteTable, SecondRouteOfAPathIsFound) {
  const RouteMatch match = kTable.match(Method::kPost, "/both");
  EXPECT_EQ(match.outcome, RouteOutcome::kFound);
  EXPECT_EQ(match.route, 6U);
  EXPECT_EQ(match.allow, "");
}

TEST(RouteTable, BadEncodingIsSaidAfterMethodAndPath) {
  for (const char* path : {"/v1/users/%zz", "/v1/users/%00", "/v1/users/%ff", "/v1/users/%"}) {
    const RouteMatch match = kTable.match(Method::kGet, path);
    EXPECT_EQ(match.outcome, RouteOutcome::kBadEncoding) << path;
    EXPECT_EQ(match.pattern, "/v1/users/{id}");
  }
  EXPECT_EQ(kTable.match(Method::kPost, "/v1/users/%zz").outcome, RouteOutcome::kMethodNotAllowed);
}

}  // namespace
}  // namespace pushwire::http
