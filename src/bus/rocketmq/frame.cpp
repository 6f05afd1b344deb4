#include "bus/rocketmq/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "bus/rocketmq/byte_order.h"

namespace pushwire::bus::rocketmq {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kHeadBytes = 8;  // both length fields
constexpr unsigned char kJsonHeader = 0;
constexpr unsigned char kBinaryHeader = 1;
// The client version that is sent along: that of 5.3.3. From 401 on routes come as standard JSON.
constexpr std::string_view kVersion = "479";
constexpr int kNotSupported = 3;
// What a reader keeps between two frames.
constexpr std::size_t kKeptBytes = 64 * 1024;

Error bad(std::string_view what) {
  return Error{fmt::format("the server sent a frame that is none: {}", what)};
}

// Nothing here is longer than what a frame may hold, so a number that does not fit is a fault.
template <class Integer>
bool read_integer(JsonReader& json, Integer& value) {
  const std::optional<std::int64_t> number = json_integer(json.skip_value());
  if (!number || *number < std::numeric_limits<std::int32_t>::min() ||
      *number > std::numeric_limits<std::int32_t>::max()) {
    return false;
  }
  value = static_cast<Integer>(*number);
  return true;
}

// A string, or the text of a number or literal; null is an empty one.
std::optional<std::string> read_text(JsonReader& json) {
  const JsonKind kind = json.peek();
  if (kind != JsonKind::kString) {
    const std::string_view raw = json.skip_value();
    return kind == JsonKind::kNull ? std::string() : std::string(raw);
  }
  const std::optional<JsonString> text = json.read_string();
  if (!text) {
    return std::nullopt;
  }
  return text->has_escapes ? json_unescape(text->raw) : std::string(text->raw);
}

bool read_fields(JsonReader& json, Header& header) {
  if (json.peek() != JsonKind::kObject) {
    json.skip_value();
    return true;
  }
  json.enter_object();
  while (const std::optional<JsonString> key = json.next_member()) {
    std::optional<std::string> value = read_text(json);
    if (!value || header.fields.size() == kMaxFields) {
      return false;
    }
    header.fields.emplace_back(key->raw, std::move(*value));
  }
  return true;
}

Result<Header> decode_json(std::string_view text) {
  Header header;
  JsonReader json(text);
  if (json.peek() != JsonKind::kObject) {
    return tl::unexpected(bad("its header is no JSON object"));
  }
  json.enter_object();
  bool has_code = false;
  bool has_opaque = false;
  while (const std::optional<JsonString> key = json.next_member()) {
    bool is_good = true;
    if (key->raw == "code") {
      is_good = has_code = read_integer(json, header.code);
    } else if (key->raw == "opaque") {
      is_good = has_opaque = read_integer(json, header.opaque);
    } else if (key->raw == "flag") {
      is_good = read_integer(json, header.flag);
    } else if (key->raw == "remark") {
      std::optional<std::string> remark = read_text(json);
      is_good = remark.has_value();
      header.remark = std::move(remark).value_or(std::string());
    } else if (key->raw == "extFields") {
      is_good = read_fields(json, header);
    } else {
      json.skip_value();
    }
    if (!is_good) {
      return tl::unexpected(bad("its JSON header is damaged"));
    }
  }
  if (!json.finish() || !has_code || !has_opaque) {
    return tl::unexpected(bad("its JSON header is damaged"));
  }
  return header;
}

// i16 code, u8 language, i16 version, i32 opaque, i32 flag, i32 length + remark, i32 length + fields;
// a field is i16 length + name, i32 length + value.
Result<Header> decode_binary(std::string_view bytes) {
  Header header;
  ByteReader reader(bytes);
  header.code = static_cast<std::int16_t>(reader.u16());
  reader.skip(3);
  header.opaque = reader.u32();
  header.flag = reader.u32();
  header.remark = reader.bytes(reader.u32());
  ByteReader fields(reader.bytes(reader.u32()));
  while (!reader.failed() && fields.left() > 0) {
    const std::string_view name = fields.bytes(fields.u16());
    const std::string_view value = fields.bytes(fields.u32());
    if (fields.failed() || header.fields.size() == kMaxFields) {
      return tl::unexpected(bad("the fields of its binary header are damaged"));
    }
    header.fields.emplace_back(name, value);
  }
  if (reader.failed()) {
    return tl::unexpected(bad("its binary header is damaged"));
  }
  return header;
}

std::string_view check_lengths(std::string_view head) {
  const std::size_t length = load_u32(head.data());
  if (length > kMaxFrameBytes) {
    return "it is longer than 16 MiB";
  }
  if (length < kLengthBytes) {
    return "it is too short for a header";
  }
  if (head.size() < kHeadBytes) {
    return {};
  }
  const auto kind = static_cast<unsigned char>(head[kLengthBytes]);
  if (kind != kJsonHeader && kind != kBinaryHeader) {
    return "its header is of an unknown kind";
  }
  if ((load_u32(head.data() + kLengthBytes) & 0xFF'FFFFU) > length - kLengthBytes) {
    return "its header is longer than the frame";
  }
  return {};
}

RawFrame cut(std::string_view whole) {
  const std::size_t header = load_u32(whole.data() + kLengthBytes) & 0xFF'FFFFU;
  return {static_cast<unsigned char>(whole[kLengthBytes]) == kBinaryHeader, whole.substr(kHeadBytes, header),
          whole.substr(kHeadBytes + header)};
}

void append_number(std::string& out, std::string_view key, std::int64_t value) {
  out += key;
  json_append_integer(out, value);
}

}  // namespace

std::optional<std::string_view> Header::field(std::string_view name) const noexcept {
  for (const auto& [key, value] : fields) {
    if (key == name) {
      return value;
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> Header::integer(std::string_view name) const noexcept {
  const std::optional<std::string_view> text = field(name);
  if (!text) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), value);
  return fault == std::errc() && end == text->data() + text->size() ? std::optional(value) : std::nullopt;
}

void append_request(std::string& out, const RequestHead& head, std::span<const Field> fields, std::string_view body) {
  const std::size_t start = out.size();
  out.append(kHeadBytes, '\0');
  append_number(out, R"({"code":)", head.code);
  out += R"(,"language":"CPP","version":)";
  out += kVersion;
  append_number(out, R"(,"opaque":)", head.opaque);
  append_number(out, R"(,"flag":)", head.flag);
  // Always there: without it the server fails.
  out += R"(,"extFields":{)";
  bool first = true;
  for (const auto& [name, value] : fields) {
    out += first ? "" : ",";
    first = false;
    json_append_string(out, name);
    out += ':';
    json_append_string(out, value);
  }
  out += "}}";
  const std::size_t header = out.size() - start - kHeadBytes;
  store_u32(out.data() + start, static_cast<std::uint32_t>(kLengthBytes + header + body.size()));
  store_u32(out.data() + start + kLengthBytes, static_cast<std::uint32_t>(header));
  out += body;
}

void append_not_supported(std::string& out, std::uint32_t opaque) {
  append_request(out, {.code = kNotSupported, .opaque = opaque, .flag = Header::kAnswer}, {}, {});
}

Result<Header> decode_header(const RawFrame& frame) {
  return frame.is_binary ? decode_binary(frame.header) : decode_json(frame.header);
}

Result<std::optional<RawFrame>> FrameReader::next(std::string_view& bytes) {
  if (is_given_) {
    is_given_ = false;
    kept_.clear();
    if (kept_.capacity() > kKeptBytes) {
      kept_.shrink_to_fit();  // one large answer is no reason to keep its memory
    }
  }
  if (kept_.empty() && bytes.size() >= kHeadBytes) {
    if (const std::string_view fault = check_lengths(bytes); !fault.empty()) {
      return tl::unexpected(bad(fault));
    }
    const std::size_t size = kLengthBytes + load_u32(bytes.data());
    if (bytes.size() >= size && size >= kHeadBytes) {
      const RawFrame frame = cut(bytes.substr(0, size));
      bytes.remove_prefix(size);
      return frame;
    }
  }
  // First the two lengths, so that they are known to be right before the rest is kept.
  for (const bool has_head : {false, true}) {
    const std::size_t wanted = has_head ? kLengthBytes + load_u32(kept_.data()) : kHeadBytes;
    const std::size_t taken = std::min(wanted - std::min(wanted, kept_.size()), bytes.size());
    kept_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (kept_.size() >= kLengthBytes) {
      if (const std::string_view fault = check_lengths(kept_); !fault.empty()) {
        return tl::unexpected(bad(fault));
      }
    }
    if (kept_.size() < wanted) {
      return std::nullopt;
    }
  }
  is_given_ = true;
  return cut(kept_);
}

}  // namespace pushwire::bus::rocketmq
