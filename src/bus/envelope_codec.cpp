#include "bus/envelope_codec.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "base/check.h"
#include "base/crc32c.h"

namespace pushwire::bus {
namespace {

static_assert(std::endian::native == std::endian::little, "records are written as they lie in memory");

// Where things stand in the head.
constexpr std::size_t kAtVersion = 2;
constexpr std::size_t kAtReads = 3;
constexpr std::size_t kAtCheck = 4;
constexpr std::size_t kAtNumber = 8;
constexpr std::size_t kAtRun = 16;
constexpr std::size_t kAtKind = 24;
constexpr std::size_t kAtPayloadKind = 25;
constexpr std::size_t kAtTtl = 28;
constexpr std::size_t kAtBorn = 32;
constexpr std::string_view kMagic = "PW";
constexpr std::size_t kFieldHeadBytes = 5;

// Never change one, never use one again.
enum Tag : std::uint8_t {
  kKey = 1,
  kId = 2,
  kPayload = 3,
  kOrigin = 4,
  kEvent = 5,
  kExcludeSession = 6,
  kExcludeUser = 7,
  kUser = 8,
  kBody = 9,
  kReceived = 10,
  kRefused = 11,
};

template <class T>
void store(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}
template <class T>
T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::uint32_t head_checksum(std::string_view record) {
  return crc32c(record.substr(kAtNumber, kRecordHeadBytes - kAtNumber));
}

class Writer {
 public:
  explicit Writer(std::size_t bytes) { out_.reserve(bytes); }

  void field(Tag tag, std::string_view bytes) {
    out_ += static_cast<char>(tag);
    append(static_cast<std::uint32_t>(bytes.size()));
    out_ += bytes;
  }
  void field_if(Tag tag, std::string_view bytes) {
    if (!bytes.empty()) {
      field(tag, bytes);
    }
  }
  template <class T>
  void append(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  std::string& out() { return out_; }

 private:
  std::string out_;
};

std::size_t encoded_size(const Envelope& envelope, std::size_t refused) {
  std::size_t users = 0;
  for (const std::string& user : envelope.users) {
    users += kFieldHeadBytes + user.size();
  }
  return kRecordHeadBytes + 10 * kFieldHeadBytes + users + envelope.bytes() + sizeof(Digest) +
         refused * sizeof(NumberRange);
}

void write_head(std::string& out, const Envelope& envelope, std::uint64_t run) {
  out.resize(kRecordHeadBytes);
  out.replace(0, kMagic.size(), kMagic);
  out[kAtVersion] = static_cast<char>(kRecordVersion);
  out[kAtReads] = 1;  // raised only by a change that a reader of an older version would get wrong
  store(&out[kAtRun], run);
  out[kAtKind] = static_cast<char>(envelope.kind);
  out[kAtPayloadKind] = static_cast<char>(envelope.payload_kind);
  PW_CHECK(envelope.ttl_ms >= 0 && envelope.ttl_ms <= std::numeric_limits<std::uint32_t>::max());
  store(&out[kAtTtl], static_cast<std::uint32_t>(envelope.ttl_ms));
  store(&out[kAtBorn], envelope.born_ms);
}

Digest digest_from(std::string_view bytes) {
  Digest digest;
  std::memcpy(digest.bytes.data(), bytes.data(), digest.bytes.size());
  return digest;
}

RecordFault damaged(std::string what) {
  return {RecordFault::Kind::kDamaged, std::move(what)};
}

std::optional<RecordFault> check_head(std::string_view bytes) {
  if (bytes.size() < kRecordHeadBytes || !bytes.starts_with(kMagic)) {
    return damaged("it does not begin like a record of Pushwire");
  }
  const auto reads = static_cast<std::uint8_t>(bytes[kAtReads]);
  if (reads > kRecordVersion) {
    return RecordFault{RecordFault::Kind::kNewerVersion,
                       fmt::format("it is of version {} and needs a node that reads {}; this one reads {}",
                                   static_cast<std::uint8_t>(bytes[kAtVersion]), reads, kRecordVersion)};
  }
  if (load<std::uint32_t>(&bytes[kAtCheck]) != (crc32c(bytes.substr(kRecordHeadBytes)) ^ head_checksum(bytes))) {
    return damaged("its checksum is wrong");
  }
  if (static_cast<std::uint8_t>(bytes[kAtKind]) > static_cast<std::uint8_t>(EnvelopeKind::kControl) ||
      static_cast<std::uint8_t>(bytes[kAtPayloadKind]) > static_cast<std::uint8_t>(protocol::PayloadKind::kBinary)) {
    return damaged("its kind is unknown");
  }
  return std::nullopt;
}

// False: the field has a length that it cannot have.
bool read_field(DecodedRecord& record, std::uint8_t tag, std::string_view bytes) {
  Envelope& envelope = record.envelope;
  switch (tag) {
    case kKey:
      envelope.key = bytes;
      return true;
    case kId:
      envelope.id = bytes;
      return true;
    case kPayload:
      envelope.payload = bytes;
      return true;
    case kOrigin:
      envelope.origin = bytes;
      return true;
    case kEvent:
      envelope.event = std::string(bytes);
      return true;
    case kExcludeSession:
      envelope.exclude_session = bytes;
      return true;
    case kExcludeUser:
      envelope.exclude_user = bytes;
      return true;
    case kUser:
      envelope.users.emplace_back(bytes);
      return envelope.users.size() <= kMaxRecordUsers;
    case kBody:
      if (bytes.size() != sizeof(Digest)) {
        return false;
      }
      envelope.body = digest_from(bytes);
      return true;
    case kReceived:
      if (bytes.size() != sizeof(std::int64_t)) {
        return false;
      }
      envelope.received_ns = load<std::int64_t>(bytes.data());
      return true;
    case kRefused:
      if (bytes.size() % sizeof(NumberRange) != 0 ||
          record.refused.size() + bytes.size() / sizeof(NumberRange) > kMaxRefusedRanges) {
        return false;
      }
      for (std::size_t at = 0; at < bytes.size(); at += sizeof(NumberRange)) {
        record.refused.push_back({load<std::uint64_t>(&bytes[at]), load<std::uint64_t>(&bytes[at + 8])});
      }
      return true;
    default:
      return true;  // of a newer version, and made so that it may be skipped
  }
}

}  // namespace

std::string encode_record(const Envelope& envelope, std::uint64_t run, const std::vector<NumberRange>& refused) {
  Writer writer(encoded_size(envelope, refused.size()));
  write_head(writer.out(), envelope, run);
  writer.field_if(kKey, envelope.key);
  writer.field_if(kId, envelope.id);
  writer.field_if(kPayload, envelope.payload);
  writer.field_if(kOrigin, envelope.origin);
  if (envelope.event) {
    writer.field(kEvent, *envelope.event);  // an empty one is not none
  }
  writer.field_if(kExcludeSession, envelope.exclude_session);
  writer.field_if(kExcludeUser, envelope.exclude_user);
  for (const std::string& user : envelope.users) {
    writer.field(kUser, user);
  }
  if (envelope.body) {
    writer.field(kBody, {reinterpret_cast<const char*>(envelope.body->bytes.data()), envelope.body->bytes.size()});
  }
  if (envelope.received_ns != 0) {
    writer.field(kReceived, {reinterpret_cast<const char*>(&envelope.received_ns), sizeof envelope.received_ns});
  }
  if (!refused.empty()) {
    static_assert(sizeof(NumberRange) == 16);
    writer.field(kRefused, {reinterpret_cast<const char*>(refused.data()), refused.size() * sizeof(NumberRange)});
  }
  std::string record = std::move(writer.out());
  store(&record[kAtCheck], crc32c(std::string_view(record).substr(kRecordHeadBytes)));
  return record;
}

void stamp_number(std::string& record, std::uint64_t number) {
  PW_CHECK(record.size() >= kRecordHeadBytes);
  store(&record[kAtNumber], number);
  store(&record[kAtCheck], load<std::uint32_t>(&record[kAtCheck]) ^ head_checksum(record));
}

Result<DecodedRecord, RecordFault> decode_record(std::string_view bytes) {
  if (auto fault = check_head(bytes)) {
    return tl::unexpected(std::move(*fault));
  }
  DecodedRecord record;
  record.stamp = {load<std::uint64_t>(&bytes[kAtRun]), load<std::uint64_t>(&bytes[kAtNumber])};
  Envelope& envelope = record.envelope;
  envelope.kind = static_cast<EnvelopeKind>(bytes[kAtKind]);
  envelope.payload_kind = static_cast<protocol::PayloadKind>(bytes[kAtPayloadKind]);
  envelope.ttl_ms = load<std::uint32_t>(&bytes[kAtTtl]);
  envelope.born_ms = load<std::int64_t>(&bytes[kAtBorn]);
  std::size_t at = kRecordHeadBytes;
  while (at < bytes.size()) {
    if (bytes.size() - at < kFieldHeadBytes) {
      return tl::unexpected(damaged("it ends inside a field"));
    }
    const auto tag = static_cast<std::uint8_t>(bytes[at]);
    const std::size_t length = load<std::uint32_t>(&bytes[at + 1]);
    at += kFieldHeadBytes;
    if (length > bytes.size() - at) {
      return tl::unexpected(damaged("a field is longer than the record"));
    }
    if (!read_field(record, tag, bytes.substr(at, length))) {
      return tl::unexpected(damaged(fmt::format("field {} is malformed", tag)));
    }
    at += length;
  }
  return record;
}

std::uint64_t lane_of(const Envelope& envelope) noexcept {
  // FNV-1a, and the final mixing step of SplitMix64, since links take the rest of a division by few queues.
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3U; };
  add(static_cast<unsigned char>(envelope.kind));
  for (const char c : envelope.key) {
    add(static_cast<unsigned char>(c));
  }
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9U;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebU;
  return hash ^ (hash >> 31);
}

}  // namespace pushwire::bus
