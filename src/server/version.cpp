#include "server/version.h"

#ifndef PUSHWIRE_VERSION
#define PUSHWIRE_VERSION "unknown"
#endif
#ifndef PUSHWIRE_COMMIT
#define PUSHWIRE_COMMIT ""
#endif

namespace pushwire::server {

std::string_view version() {
  return PUSHWIRE_VERSION;
}

std::string_view commit() {
  constexpr std::string_view kCommit = PUSHWIRE_COMMIT;
  return kCommit.empty() ? "unknown" : kCommit;
}

}  // namespace pushwire::server
