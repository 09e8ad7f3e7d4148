#include "runtime/same_bits.h"

#include <cstring>

#include "runtime/bfloat16.h"
#include "runtime/numbers.h"
#include "runtime/random.h"

namespace lvm::runtime {
namespace {

template <class Operand>
Numbers<Operand> made(int64_t count, uint32_t step) {
  const Random random(1, Site::user, step);
  Numbers<float> numbers(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; i += 4) {
    const std::array<uint32_t, 4> words = random.block(i);
    for (int64_t j = i; j < i + 4 && j < count; ++j)
      numbers[static_cast<size_t>(j)] = static_cast<float>(words[static_cast<size_t>(j - i)]) * 0x1p-31F - 1;
  }
  if constexpr (std::is_same_v<Operand, float>) {
    return numbers;
  } else {
    Numbers<Operand> narrowed(numbers.size());
    narrow(numbers.data(), count, narrowed.data());
    return narrowed;
  }
}

template <class Operand>
bool agree(const MatrixProduct& whole) {
  MatrixProduct half = whole;
  half.n = whole.n / 2;
  const auto left = made<Operand>(whole.m * whole.k, 0),
             right = made<Operand>(whole.k * whole.right_stride, 1);
  Numbers<float> once(static_cast<size_t>(whole.m * whole.result_stride)), twice(once.size());
  multiply(whole, left.data(), right.data(), once.data());
  multiply(half, left.data(), right.data(), twice.data());
  multiply(half, left.data(), right.data() + half.n, twice.data() + half.n);
  return std::memcmp(once.data(), twice.data(), once.size() * sizeof(float)) == 0;
}

}  // namespace

bool halves_agree(const MatrixProduct& shape, bool narrow) {
  return narrow ? agree<Bfloat16>(shape) : agree<float>(shape);
}

}  // namespace lvm::runtime
