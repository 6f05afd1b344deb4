#include "base/shared_buffer.h"

#include <cstring>
#include <limits>
#include <new>

#include "base/check.h"

namespace pushwire {

SharedBuffer::Block* SharedBuffer::allocate(std::size_t size) {
  PW_CHECK(size <= std::numeric_limits<std::uint32_t>::max());
  void* memory = ::operator new(sizeof(Block) + size);
  return new (memory) Block{.references = 1, .size = static_cast<std::uint32_t>(size)};
}

void SharedBuffer::free(Block* block) noexcept {
  block->~Block();
  ::operator delete(block);
}

SharedBuffer SharedBuffer::copy_of(std::string_view bytes) {
  return build(bytes.size(), [bytes](char* out) {
    if (!bytes.empty()) {
      std::memcpy(out, bytes.data(), bytes.size());
    }
  });
}

}  // namespace pushwire
