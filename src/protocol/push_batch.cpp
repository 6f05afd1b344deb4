#include "protocol/push_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "protocol/members.h"

namespace pushwire::protocol {
namespace {

constexpr std::array<std::string_view, 1> kNames = {"pushes"};

tl::unexpected<PushError> wrong_count(std::string_view field) {
  return invalid(field, fmt::format("a batch holds 1 to {} pushes", kMaxBatchPushes));
}

bool is_blank(std::string_view line) noexcept {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

Result<PushBatch, PushError> parse_batch(std::string_view body) {
  JsonReader reader(body);
  const bool is_object = reader.peek() == JsonKind::kObject;
  Members<kNames.size()> members;
  if (is_object) {
    members = read_members(reader, kNames);
  } else {
    reader.skip_value();
  }
  if (!reader.finish()) {
    return tl::unexpected(bad_json(reader));
  }
  if (!is_object) {
    return invalid("", "a batch must be a JSON object");
  }
  if (std::optional<PushError> error = repeated_error(members, "", body)) {
    return tl::unexpected(std::move(*error));
  }
  if (std::optional<PushError> error = unknown_error(members, "")) {
    return tl::unexpected(std::move(*error));
  }
  if (members[0].kind != JsonKind::kArray) {
    return invalid("pushes", "\"pushes\" must be there and be a list");
  }

  JsonReader items(members[0].raw);
  items.peek();
  items.enter_array();
  PushBatch batch;
  while (items.next_element()) {
    if (batch.size() == kMaxBatchPushes) {
      return wrong_count("pushes");
    }
    auto& item = batch.emplace_back(read_push(items, body));
    if (!item) {
      std::string& field = item.error().field;
      field = fmt::format("pushes[{}]{}{}", batch.size() - 1, field.empty() ? "" : ".", field);
    }
  }
  if (batch.empty()) {
    return wrong_count("pushes");
  }
  return batch;
}

Result<PushBatch, PushError> parse_ndjson_batch(std::string_view body) {
  PushBatch batch;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (is_blank(line)) {
      continue;
    }
    if (batch.size() == kMaxBatchPushes) {
      return wrong_count("");
    }
    batch.push_back(parse_push(line));
  }
  if (batch.empty()) {
    return wrong_count("");
  }
  return batch;
}

}  // namespace pushwire::protocol
