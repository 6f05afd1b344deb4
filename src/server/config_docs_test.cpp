#include "server/config_docs.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace pushwire::server {
namespace {

const std::string kDocument = std::string(PUSHWIRE_SOURCE_DIR) + "/docs/configuration.md";
constexpr std::string_view kBegin = "<!-- keys: written by ConfigDocs test with UPDATE_DOCS=1 -->\n";
constexpr std::string_view kEnd = "<!-- end of keys -->\n";

std::string read_document() {
  std::ifstream file(kDocument);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(ConfigDocs, DocumentHasTheTableOfKeysAsTheCodeHasIt) {
  std::string document = read_document();
  const std::size_t begin = document.find(kBegin);
  const std::size_t end = document.find(kEnd);
  ASSERT_NE(begin, std::string::npos) << kDocument;
  ASSERT_NE(end, std::string::npos) << kDocument;
  const std::size_t first = begin + kBegin.size();
  if (std::getenv("UPDATE_DOCS") != nullptr) {
    document.replace(first, end - first, "\n" + configuration_reference() + "\n");
    std::ofstream(kDocument) << document;
  }
  EXPECT_EQ(document.substr(first, end - first), "\n" + configuration_reference() + "\n")
      << "run this test once with UPDATE_DOCS=1";
}

TEST(ConfigDocs, NamesEveryTable) {
  const std::string reference = configuration_reference();
  for (const char* table : {"node", "client", "api", "auth", "session", "topics", "heartbeat", "outbox", "dedup", "bus",
                            "bus.rocketmq", "bus.redis", "bus.nats", "bus.kafka", "bus.zookeeper", "drain", "log"}) {
    EXPECT_NE(reference.find(std::string("### `[") + table + "]`"), std::string::npos) << table;
  }
  EXPECT_NE(reference.find("| `servers` | `[\"127.0.0.1:4222\"]` |"), std::string::npos);
  EXPECT_NE(reference.find("| `keys` (secret) | `[]` |"), std::string::npos);
}

}  // namespace
}  // namespace pushwire::server
