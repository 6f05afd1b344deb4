// Result<T>: a value or an Error, for every failure that is expected (input, environment, peer).
// Value types; any thread. Exceptions are used only while starting up.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace pushwire {

// What went wrong, in words for the person who can mend it: what, where, what to do.
struct Error {
  std::string message;
};

template <class T = void, class E = Error>
using Result = tl::expected<T, E>;

inline tl::unexpected<Error> fail(std::string message) {
  return tl::unexpected<Error>(Error{std::move(message)});
}

}  // namespace pushwire
