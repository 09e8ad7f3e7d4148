#include "runtime/memory.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace lvm::runtime {

void* allocate(size_t bytes) {
  constexpr size_t line = 64, page = size_t{2} << 20;
  const size_t boundary = bytes >= page ? page : line;
  void* memory = std::aligned_alloc(
      boundary, (std::max(bytes, line) + boundary - 1) / boundary * boundary);  // C11 7.22.3.1: a multiple
  if (!memory) throw std::bad_alloc();
#ifdef __linux__
  if (boundary == page)
    (void)madvise(memory, bytes / page * page, MADV_HUGEPAGE);  // a wish: nothing depends on it
#endif
  return memory;
}

void release(void* memory) {
  std::free(memory);
}

}  // namespace lvm::runtime
