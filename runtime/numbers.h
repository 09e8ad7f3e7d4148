#pragma once
// Numbers of either precision on the boundary of a cache line.

#include <cstddef>
#include <span>
#include <vector>

#include "runtime/memory.h"

namespace lvm::runtime {

template <class Real>
struct LineAllocator {
  using value_type = Real;
  LineAllocator() = default;
  template <class Other>
  explicit LineAllocator(const LineAllocator<Other>&) {}
  Real* allocate(size_t count) { return static_cast<Real*>(runtime::allocate(count * sizeof(Real))); }
  void deallocate(Real* memory, size_t) { release(memory); }
  bool operator==(const LineAllocator&) const { return true; }
};

template <class Real>
using Numbers = std::vector<Real, LineAllocator<Real>>;

/// No number is infinite or NaN: 0 x is 0.
template <class Real>
bool all_finite(std::span<const Real> numbers) {
  constexpr size_t lanes = 64;
  Real zeros[lanes] = {};
  size_t i = 0;
  for (; i + lanes <= numbers.size(); i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane) zeros[lane] += numbers[i + lane] * Real(0);
  for (; i < numbers.size(); ++i) zeros[0] += numbers[i] * Real(0);
  Real sum = 0;
  for (const Real zero : zeros) sum += zero;
  return sum == Real(0);
}

}  // namespace lvm::runtime
