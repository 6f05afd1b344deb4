#include "bench/shared.h"

#include <sys/mman.h>

#include <algorithm>
#include <type_traits>

#include "base/check.h"

namespace pushwire::bench {

// Zeroed pages are a valid state, and nobody needs to destroy it.
static_assert(std::is_trivially_destructible_v<SharedState>);

void Unmap::operator()(SharedState* state) const noexcept {
  ::munmap(state, sizeof(SharedState));
}

SharedStatePtr make_shared_state() {
  void* const memory =
      ::mmap(nullptr, sizeof(SharedState), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  PW_CHECK(memory != MAP_FAILED);
  return SharedStatePtr(static_cast<SharedState*>(memory));
}

void note_trouble(LoaderStats& stats, std::string_view what) noexcept {
  if (stats.trouble.front() == '\0') {
    std::copy_n(what.data(), std::min(what.size(), stats.trouble.size() - 1), stats.trouble.data());
  }
}

}  // namespace pushwire::bench
