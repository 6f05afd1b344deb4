// What a Redis server answers, in portions of a size that the first byte gives: whoever reads it must neither run out
// of bounds nor hand on a string that was not in it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "bus/redis/reply_reader.h"
#include "bus/redis/stream_id.h"

namespace {

using pushwire::bus::redis::ReplyItem;

struct Reader final : pushwire::bus::redis::ReplyEvents {
  std::size_t bytes = 0;
  unsigned char sum = 0;  // touches each letter
  void on_item(const ReplyItem& item) override {
    bytes += item.text.size();
    for (const char letter : item.text) {
      sum = static_cast<unsigned char>(sum ^ static_cast<unsigned char>(letter));
    }
    if (item.depth < 0 || item.depth > 8 || item.index < 0) {
      std::abort();
    }
    if (const auto id = pushwire::bus::redis::parse_stream_id(item.text)) {
      if (pushwire::bus::redis::parse_stream_id(id->to_string()) != id) {
        std::abort();
      }
    }
  }
  void on_reply_end() override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::size_t portion = std::max<std::size_t>(data[0], 1);
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t all = bytes.size();
  Reader reader;
  pushwire::bus::redis::ReplyReader replies(reader);
  while (!bytes.empty() && replies.feed(bytes.substr(0, portion))) {
    bytes.remove_prefix(std::min(portion, bytes.size()));
  }
  if (reader.bytes > all) {
    std::abort();
  }
  return 0;
}
