#include "api/exchange.h"

#include <gtest/gtest.h>

#include "api/routes.h"

namespace pushwire::api {
namespace {

std::uint64_t counted(const metrics::WorkerStats& stats, std::size_t route) {
  std::uint64_t sum = 0;
  for (const metrics::Counter& counter : stats.api_requests[route]) {
    sum += counter.value();
  }
  return sum;
}

TEST(Exchange, CountsAnAnswerByRouteAndStatus) {
  metrics::WorkerStats stats;
  count_answer(0, 422, stats);
  count_answer(0, 422, stats);
  count_answer(kUnknownRoute, 404, stats);
  EXPECT_EQ(counted(stats, 0), 2U);
  EXPECT_EQ(counted(stats, kUnknownRoute), 1U);
}

// A status that is missing in the table would go uncounted: every one that the code can answer has to be there.
TEST(Exchange, CountsEveryStatusOfTheApi) {
  for (const int status : {200, 400, 401, 403, 404, 405, 408, 409, 413, 415, 417, 422, 431, 501, 503, 505}) {
    metrics::WorkerStats stats;
    count_answer(1, status, stats);
    EXPECT_EQ(counted(stats, 1), 1U) << status;
  }
}

TEST(Exchange, UnavailableSaysWhenToTryAgain) {
  const http::Response response = unavailable("overloaded", "full");
  EXPECT_EQ(response.status, 503);
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0].name, "Retry-After");
  EXPECT_EQ(response.headers[0].value, "1");
  EXPECT_EQ(response.body, R"({"error":{"code":"overloaded","message":"full"}})");
}

}  // namespace
}  // namespace pushwire::api
