// ReplyReader: the server's answers, piece by piece, as RESP2 spells them
// (https://redis.io/docs/latest/develop/reference/protocol-spec/). hiredis' reader does the parsing; here its pieces
// are handed on as they come instead of being built into trees, so that a record costs no allocation and an answer of a
// thousand records never stands in memory as a whole.
// Not thread safe. Lifetime: the events outlive it.
#pragma once

#include <hiredis/read.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace pushwire::bus::redis {

struct ReplyItem {
  enum class Kind : std::uint8_t { kString, kStatus, kError, kInteger, kNil, kArray };
  Kind kind = Kind::kNil;
  int depth = 0;            // 0: the answer itself; 1: an element of it; …
  int index = 0;            // which element of its array
  std::string_view text{};  // of strings, status and error; valid during the call
  std::int64_t number = 0;  // of integers; of arrays: how many elements follow
};

class ReplyEvents {
 public:
  // In the order of the protocol: an array before its elements.
  virtual void on_item(const ReplyItem& item) = 0;
  // The answer whose items came is whole.
  virtual void on_reply_end() = 0;

 protected:
  ~ReplyEvents() = default;
};

class ReplyReader {
 public:
  // The largest string that is waited for. Nothing is allocated ahead for a size that was only announced.
  static constexpr std::size_t kLargestString = std::size_t{64} << 20;

  explicit ReplyReader(ReplyEvents& events);
  // An error is an answer that breaks the protocol or a limit: the connection is of no use any more.
  Result<> feed(std::string_view bytes);

 private:
  struct Free {
    void operator()(redisReader* reader) const noexcept { ::redisReaderFree(reader); }
  };
  static void* note(const redisReadTask* task, ReplyItem item);

  ReplyEvents& events_;
  redisReplyObjectFunctions functions_;
  std::unique_ptr<redisReader, Free> reader_;
};

}  // namespace pushwire::bus::redis
