#include "bus/redis/reply_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace pushwire::bus::redis {
namespace {

// Writes answers down as "depth.index kind value" lines.
struct Notes final : ReplyEvents {
  std::string text;
  void on_item(const ReplyItem& item) override {
    static constexpr const char* kNames[] = {"string", "status", "error", "integer", "nil", "array"};
    text += std::to_string(item.depth) + "." + std::to_string(item.index) + " ";
    text += kNames[static_cast<std::size_t>(item.kind)];
    const bool counted = item.kind == ReplyItem::Kind::kInteger || item.kind == ReplyItem::Kind::kArray;
    text += " " + (counted ? std::to_string(item.number) : std::string(item.text)) + "\n";
  }
  void on_reply_end() override { text += "end\n"; }
};

std::string read(std::string_view bytes, std::size_t portion) {
  Notes notes;
  ReplyReader reader(notes);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(portion, bytes.size()))) {
    if (auto fed = reader.feed(bytes.substr(0, portion)); !fed) {
      return notes.text + "failed: " + fed.error().message;
    }
  }
  return notes.text;
}

TEST(RedisReplyReader, AnswersComePieceByPieceHoweverTheyAreCut) {
  const std::string bytes =
      "+OK\r\n:7\r\n$-1\r\n*-1\r\n-ERR no\r\n$0\r\n\r\n"
      "*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nr\r\n$2\r\na\r\r\n"
      "*2\r\n$3\r\n2-0\r\n*2\r\n$1\r\nr\r\n$1\r\nb\r\n";
  const std::string expected =
      "0.0 status OK\nend\n0.0 integer 7\nend\n0.0 nil \nend\n0.0 nil \nend\n0.0 error ERR no\nend\n0.0 string \nend\n"
      "0.0 array 1\n1.0 array 2\n2.0 string s\n2.1 array 2\n"
      "3.0 array 2\n4.0 string 1-0\n4.1 array 2\n5.0 string r\n5.1 string a\r\n"
      "3.1 array 2\n4.0 string 2-0\n4.1 array 2\n5.0 string r\n5.1 string b\nend\n";
  for (const std::size_t portion : {1U, 2U, 3U, 7U, 1'000U}) {
    EXPECT_EQ(read(bytes, portion), expected) << portion;
  }
}

TEST(RedisReplyReader, LongStringComesWhole) {
  const std::string text(1'000'000, 'x');
  const std::string bytes = "$1000000\r\n" + text + "\r\n:1\r\n";
  EXPECT_EQ(read(bytes, 65'536), "0.0 string " + text + "\nend\n0.0 integer 1\nend\n");
}

TEST(RedisReplyReader, WhatBreaksTheProtocolIsRefused) {
  for (const char* bytes : {"HTTP/1.1 400 Bad Request\r\n", "$x\r\n", "*x\r\n", ":x\r\n", "$-2\r\n", "*-2\r\n",
                            "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"}) {
    EXPECT_NE(read(bytes, 1'000).find("failed: "), std::string::npos) << bytes;
  }
}

TEST(RedisReplyReader, StringBeyondTheLimitIsRefusedWithoutRoomBeingMade) {
  Notes notes;
  ReplyReader reader(notes);
  ASSERT_TRUE(reader.feed("$536870912\r\n"));
  const std::string block(1 << 20, 'x');
  std::size_t fed = 0;
  while (reader.feed(block)) {
    fed += block.size();
    ASSERT_LE(fed, ReplyReader::kLargestString);
  }
  EXPECT_EQ(notes.text, "");
}

}  // namespace
}  // namespace pushwire::bus::redis
