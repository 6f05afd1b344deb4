#include "bus/redis/reply_reader.h"

#include <algorithm>
#include <string>

#include "base/check.h"

namespace pushwire::bus::redis {
namespace {

// hiredis moves what is left of its buffer to the front again and again: with small portions that is little.
constexpr std::size_t kPortion = 4096;

ReplyItem::Kind kind_of(int type) {
  switch (type) {
    case REDIS_REPLY_STATUS:
      return ReplyItem::Kind::kStatus;
    case REDIS_REPLY_ERROR:
      return ReplyItem::Kind::kError;
    default:
      return ReplyItem::Kind::kString;
  }
}

}  // namespace

void* ReplyReader::note(const redisReadTask* task, ReplyItem item) {
  static char something;  // stands for every object; null would mean that memory has run out
  item.index = task->parent != nullptr ? task->idx : 0;
  for (const redisReadTask* each = task; each->parent != nullptr; each = each->parent) {
    ++item.depth;
  }
  static_cast<ReplyReader*>(task->privdata)->events_.on_item(item);
  return &something;
}

ReplyReader::ReplyReader(ReplyEvents& events) : events_(events), functions_{} {
  functions_.createString = [](const redisReadTask* task, char* text, std::size_t size) {
    return note(task, {.kind = kind_of(task->type), .text = {text, size}});
  };
  functions_.createArray = [](const redisReadTask* task, int elements) {
    return note(task, {.kind = ReplyItem::Kind::kArray, .number = elements});
  };
  functions_.createInteger = [](const redisReadTask* task, long long number) {
    return note(task, {.kind = ReplyItem::Kind::kInteger, .number = number});
  };
  functions_.createNil = [](const redisReadTask* task) { return note(task, {.kind = ReplyItem::Kind::kNil}); };
  functions_.freeObject = [](void*) {};
  reader_.reset(::redisReaderCreateWithFunctions(&functions_));
  PW_CHECK(reader_ != nullptr);
  reader_->privdata = this;
}

Result<> ReplyReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    // In the middle of something large all of it is taken: nothing will be moved before that is whole.
    const std::size_t portion = reader_->len >= kPortion ? bytes.size() : std::min(bytes.size(), kPortion);
    if (reader_->len - reader_->pos + portion > kLargestString) {
      return fail("an answer of more than " + std::to_string(kLargestString) + " bytes");
    }
    if (::redisReaderFeed(reader_.get(), bytes.data(), portion) != REDIS_OK) {
      return fail(reader_->errstr);
    }
    bytes.remove_prefix(portion);
    for (;;) {
      void* whole = nullptr;
      if (::redisReaderGetReply(reader_.get(), &whole) != REDIS_OK) {
        return fail(reader_->errstr);
      }
      if (whole == nullptr) {
        break;
      }
      events_.on_reply_end();
    }
  }
  return {};
}

}  // namespace pushwire::bus::redis
