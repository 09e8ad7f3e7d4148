#pragma once
// Memory for numbers: on the boundary of a cache line, and large blocks in large pages where the system has
// them (a product of matrices walks through thousands of small ones).

#include <cstddef>

namespace lvm::runtime {

/// Not zeroed. Throws std::bad_alloc.
void* allocate(size_t bytes);
void release(void* memory);

}  // namespace lvm::runtime
