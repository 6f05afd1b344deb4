#include "client_frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

namespace pushwire::wire {
namespace {

constexpr std::string_view kMask = "37fa213d";  // of the examples in RFC 6455 5.7

struct Words {
  bool fin = true;
  std::size_t opcode = 1;
  std::size_t reserved = 0;
  std::string mask;      // 4 bytes, or none
  std::size_t form = 0;  // bits of the length field; 0: the shortest
  std::optional<std::size_t> length;
};

Result<std::size_t> opcode_of(std::string_view name) {
  const auto* found = std::find(kOpcodes.begin(), kOpcodes.end(), name);
  if (found == kOpcodes.end()) {
    return fail(fmt::format("'{}' is no opcode", name));
  }
  return static_cast<std::size_t>(found - kOpcodes.begin());
}

Result<> set(Words& words, std::string_view key, std::string_view value) {
  if (key == "mask") {
    const auto mask = value == "none" ? std::string{} : parse_hex(value);
    if (!mask || (!mask->empty() && mask->size() != 4)) {
      return fail("mask=none or four bytes are expected");
    }
    words.mask = *mask;
    return {};
  }
  const auto number = key == "op" ? opcode_of(value) : parse_number(value);
  if (!number) {
    return fail(number.error().message);
  }
  if (key == "op") {
    words.opcode = *number;
  } else if (key == "fin") {
    words.fin = *number != 0;
  } else if (key == "rsv") {
    words.reserved = *number;
  } else if (key == "form") {
    words.form = *number;
  } else if (key == "length") {
    words.length = *number;
  } else {
    return fail(fmt::format("'{}' is no word of a frame", key));
  }
  return {};
}

void append_big_endian(std::string& out, std::size_t value, std::size_t bytes) {
  while (bytes-- > 0) {
    out += static_cast<char>(value >> (8 * bytes) & 0xff);
  }
}

Literal encode(const Words& words, Literal payload) {
  const std::size_t length = words.length.value_or(payload.bytes.size());
  const std::size_t shortest = length <= 125 ? 7 : length <= 0xffff ? 16 : 64;
  const std::size_t form = words.form == 0 ? shortest : words.form;
  const std::size_t mask_bit = words.mask.empty() ? 0 : 0x80;
  std::string head;
  head += static_cast<char>((words.fin ? 0x80 : 0) | words.reserved << 4 | words.opcode);
  head += static_cast<char>(mask_bit | (form == 7 ? length : form == 16 ? 126 : 127));
  append_big_endian(head, length, form == 7 ? 0 : form / 8);
  head += words.mask;
  for (std::size_t i = 0; i < payload.bytes.size() && !words.mask.empty(); ++i) {
    payload.bytes[i] = static_cast<char>(payload.bytes[i] ^ words.mask[i % 4]);
  }
  for (Bulk& bulk : payload.bulks) {
    bulk = {bulk.begin + head.size(), bulk.end + head.size()};
  }
  payload.bytes.insert(0, head);
  return payload;
}

}  // namespace

Result<Literal> client_frame(std::string_view word, std::string_view arguments) {
  Words words;
  words.mask = *parse_hex(kMask);
  std::string prefix;
  if (word == "close" && !arguments.empty()) {
    const auto code = parse_number(take_word(arguments));
    if (!code) {
      return fail(code.error().message);
    }
    append_big_endian(prefix, *code, 2);
  }
  if (word != "frame") {
    words.opcode = *opcode_of(word);
  }
  while (word == "frame" && arguments.substr(0, arguments.find_first_of(" '\"")).find('=') != arguments.npos) {
    const std::string_view pair = take_word(arguments);
    const std::size_t equals = pair.find('=');
    if (const auto done = set(words, pair.substr(0, equals), pair.substr(equals + 1)); !done) {
      return fail(done.error().message);
    }
  }
  auto payload = parse_literal(arguments);
  if (!payload) {
    return fail(payload.error().message);
  }
  payload->bytes.insert(0, prefix);
  return encode(words, std::move(*payload));
}

}  // namespace pushwire::wire
