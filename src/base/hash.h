// A keyed hash for names that come from outside (users, topics, ids): SipHash-1-3 with a random key per process, so
// that nobody can choose names that fall into one bucket or onto one worker.
// Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace pushwire {

std::uint64_t hash_name(std::string_view bytes) noexcept;

// With the key given, for tests against the published vectors. `c_rounds` and `d_rounds` as in SipHash-c-d.
std::uint64_t siphash(std::string_view bytes, std::uint64_t key0, std::uint64_t key1, int c_rounds,
                      int d_rounds) noexcept;

}  // namespace pushwire
