// What one token costs a handshake: verify_token() with each family of algorithms (docs/adr/0009-jwt-library.md).
#include "session/jwt.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "session/jwt_test_support.h"

namespace {

namespace session = pushwire::session;
namespace test = pushwire::session::test;

void jwt_verify(benchmark::State& state, const std::string& alg) {
  std::vector<session::JwtKey> list;
  list.push_back(session::JwtKey::from_secret(test::kSecret).value());
  for (const test::TestKey* key : {&test::rsa_key(), &test::p256_key(), &test::ed25519_key()}) {
    list.push_back(session::JwtKey::from_pem(key->public_pem()).value());
  }
  const session::KeySet keys(std::move(list), {});
  const std::string token =
      test::token_for(alg, R"({"sub":"alice","exp":2000000000,"iss":"me","aud":"push","topics":["a.*","b"]})");
  for (auto _ : state) {
    const auto identity = session::verify_token(token, keys, {}, 1'700'000'000);
    if (!identity) {
      state.SkipWithError("the token is refused");
      break;
    }
  }
}

BENCHMARK_CAPTURE(jwt_verify, HS256, std::string("HS256"));
BENCHMARK_CAPTURE(jwt_verify, RS256, std::string("RS256"));
BENCHMARK_CAPTURE(jwt_verify, ES256, std::string("ES256"));
BENCHMARK_CAPTURE(jwt_verify, EdDSA, std::string("EdDSA"));

}  // namespace
