#include "api/node_api.h"

#include <gtest/gtest.h>

#include "api/api_test_support.h"

namespace pushwire::api {
namespace {

using test::ApiRig;

TEST(NodeApi, ReadyOnlyWhileItCanDeliverAndIsNotDraining) {
  test::ScriptedBus bus;
  ApiRig rig(bus);
  EXPECT_EQ(rig.ask(ApiRig::get("/readyz")), "200 {\"status\":\"ok\"}\n");
  bus.state = {.up = false, .reason = "no \"broker\""};
  EXPECT_EQ(rig.ask(ApiRig::get("/readyz")),
            "503 {\"error\":{\"code\":\"bus_down\",\"message\":\"no \\\"broker\\\"\"}}\n");
  rig.view.draining = true;
  const std::string all = rig.raw(ApiRig::get("/readyz"));
  EXPECT_NE(all.find("Retry-After: "), std::string::npos);
  EXPECT_NE(all.find(R"({"error":{"code":"draining")"), std::string::npos);
  EXPECT_EQ(rig.ask(ApiRig::get("/healthz")), "200 {\"status\":\"ok\"}\n");
}

TEST(NodeApi, NumbersAreSumsOverTheWorkers) {
  bus::EmbeddedBus bus;
  ApiRig rig(bus, 2);
  rig.seats[0]->stats.connections.add(2);
  rig.seats[1]->stats.connections.add(3);
  rig.seats[1]->stats.users.add(4);
  rig.seats[0]->stats.subscriptions.add(6);
  rig.counts.topics.add("t");
  ASSERT_TRUE(rig.seats[1]->mailbox.reserve(77));
  EXPECT_EQ(rig.ask(ApiRig::get("/v1/nodes")),
            R"(200 {"nodes":[{"name":"n\"1","version":"0.1.0","connections":5,"users":4,"uptime_s":5,"self":true,)"
            R"("draining":false,"age_ms":0}]})"
            "\n");
  EXPECT_EQ(rig.ask(ApiRig::get("/v1/stats")),
            R"(200 {"node":"n\"1","version":"0.1.0","uptime_s":5,"connections":5,"users":4,"topics":1,)"
            R"("subscriptions":6,)"
            R"("draining":false,"workers":[)"
            R"({"worker":0,"connections":2,"users":0,"mailbox_bytes":0,"outbox_bytes":0,"loop_busy_ratio":0.000},)"
            R"({"worker":1,"connections":3,"users":4,"mailbox_bytes":77,"outbox_bytes":0,"loop_busy_ratio":0.000}]})"
            "\n");
  rig.seats[1]->mailbox.release(77);
}

TEST(NodeApi, OpenApiFileIsYaml) {
  bus::EmbeddedBus bus;
  ApiRig rig(bus);
  const std::string all = rig.raw(ApiRig::get("/openapi.yaml"));
  EXPECT_NE(all.find("Content-Type: application/yaml\r\n"), std::string::npos);
  EXPECT_NE(all.find("\r\n\r\nopenapi: 3."), std::string::npos) << all.substr(0, 400);
}

}  // namespace
}  // namespace pushwire::api
