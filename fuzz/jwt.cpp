// Fuzzes everything that reads bytes of tokens and key files. The first byte says what the rest is:
//   t  a token            c  claims, signed here so that they are read
//   h  a header, likewise j  a JWKS file                              o  an Origin header
#include "session/jwt.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base64.h"
#include "base/check.h"
#include "protocol/names.h"
#include "session/jwks.h"
#include "session/origin_list.h"

namespace {

namespace session = pushwire::session;

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::int64_t kNow = 1'700'000'000;

const session::KeySet& keys() {
  static const session::KeySet set = [] {
    std::vector<session::JwtKey> list;
    list.push_back(session::JwtKey::from_secret(kSecret).value());
    return session::KeySet(std::move(list), {});
  }();
  return set;
}

std::string sign(std::string_view header, std::string_view claims) {
  std::string token = pushwire::base64url_encode(header) + "." + pushwire::base64url_encode(claims);
  std::array<unsigned char, 32> mac{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), kSecret.data(), static_cast<int>(kSecret.size()),
       reinterpret_cast<const unsigned char*>(token.data()), token.size(), mac.data(), &size);
  return token + "." + pushwire::base64url_encode({reinterpret_cast<const char*>(mac.data()), size});
}

void check_token(std::string_view token) {
  const session::TokenPolicy policy;
  const auto identity = session::verify_token(token, keys(), policy, kNow);
  if (!identity) {
    PW_CHECK(!identity.error().text.empty());
    return;
  }
  PW_CHECK(pushwire::protocol::is_valid_user_id(identity->user));
  PW_CHECK(identity->expires_at > kNow);
  PW_CHECK(identity->topics.size() <= session::kMaxTokenTopics);
  for (const std::string& topic : identity->topics) {
    PW_CHECK(pushwire::protocol::is_valid_topic_pattern(topic));
  }
}

void check_origin(std::string_view text) {
  const auto list = session::OriginList::parse({std::string(text)});
  // What is a valid entry equals itself; what is none is refused as a header too.
  PW_CHECK(list ? list->allows(text, 1) : !session::OriginList{}.with_dev_origins(80).allows(text, 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 't':
      check_token(rest);
      break;
    case 'c':
      check_token(sign(R"({"alg":"HS256"})", rest));
      break;
    case 'h':
      check_token(sign(rest, R"({"sub":"alice","exp":1800000000})"));
      break;
    case 'j': {
      const auto jwks = session::parse_jwks(rest);
      PW_CHECK(!jwks || jwks->keys.size() + jwks->notes.size() <= session::kMaxJwksKeys);
      break;
    }
    case 'o':
      check_origin(rest);
      break;
    default:
      break;
  }
  return 0;
}
