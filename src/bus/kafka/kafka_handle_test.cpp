#include "bus/kafka/kafka_handle.h"

#include <gtest/gtest.h>

namespace pushwire::bus {
namespace {

TEST(KafkaHandle, PutsTheNamespaceBeforeTheTopicUnlessItIsTheDefault) {
  Settings settings;
  settings.kafka.topic = "push";
  EXPECT_EQ(kafka_topic_name(settings).value(), "push");
  settings.name_space = "blue";
  EXPECT_EQ(kafka_topic_name(settings).value(), "blue-push");
}

TEST(KafkaHandle, RefusesNamesThatKafkaDoesNotTakeAndSaysWhichSetting) {
  Settings settings;
  for (const std::string& topic : {std::string(), std::string("a b"), std::string("."), std::string(250, 'a')}) {
    settings.kafka.topic = topic;
    const Result<std::string> name = kafka_topic_name(settings);
    ASSERT_FALSE(name) << topic;
    EXPECT_EQ(name.error().message.find("bus.kafka.topic: "), 0U);
  }
  settings.kafka.topic = "push";
  settings.name_space = "blue/green";
  EXPECT_EQ(kafka_topic_name(settings).error().message.find("bus.namespace: "), 0U);
}

TEST(KafkaHandle, NamesTheSettingBehindAnError) {
  Settings settings;
  settings.kafka.username = "ann";
  EXPECT_EQ(explain_kafka(settings, RD_KAFKA_RESP_ERR__AUTHENTICATION, "no").find("bus.kafka.password: "), 0U);
  EXPECT_EQ(explain_kafka(settings, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "no").find("bus.kafka.username: "),
            0U);
  EXPECT_EQ(explain_kafka(settings, RD_KAFKA_RESP_ERR__SSL, "no").find("bus.kafka.tls_ca: "), 0U);
  EXPECT_EQ(explain_kafka(settings, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "no").find("bus.kafka.topic: "), 0U);
  EXPECT_EQ(explain_kafka(settings, RD_KAFKA_RESP_ERR__TRANSPORT, "refused (after 2ms in state CONNECT)"),
            "bus.kafka.brokers: 127.0.0.1:9092 (refused)");
  settings.kafka.username.clear();
  EXPECT_EQ(explain_kafka(settings, RD_KAFKA_RESP_ERR__AUTHENTICATION, "no").find("bus.kafka.username: "), 0U);
}

TEST(KafkaHandle, RefusesAFileOfAuthoritiesThatIsNotThere) {
  Settings settings;
  settings.kafka.tls = true;
  settings.kafka.tls_ca = "/nowhere/ca.pem";
  const Result<KafkaHandle> consumer = make_kafka_consumer(settings, {});
  ASSERT_FALSE(consumer);
  EXPECT_EQ(consumer.error().message.find("bus.kafka.tls_ca: "), 0U) << consumer.error().message;
}

TEST(KafkaHandle, LimitsBatchesOfAProducer) {
  const Result<KafkaHandle> producer = make_kafka_producer(Settings{}, {}, 16'384);
  ASSERT_TRUE(producer);
  std::string value(16, '\0');
  std::size_t size = value.size();
  ASSERT_EQ(rd_kafka_conf_get(rd_kafka_conf(producer->get()), "batch.size", value.data(), &size), RD_KAFKA_CONF_OK);
  EXPECT_STREQ(value.c_str(), "16384");
}

TEST(KafkaGraves, FreeWhatIsBuriedAndAreEmptyThen) {
  Result<KafkaHandle> consumer = make_kafka_consumer(Settings{}, {});
  ASSERT_TRUE(consumer);
  KafkaGraves graves;
  graves.bury(std::move(*consumer));
  graves.bury(nullptr);
  EXPECT_TRUE(graves.wait());
  EXPECT_TRUE(graves.empty());
}

}  // namespace
}  // namespace pushwire::bus
