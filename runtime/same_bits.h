#pragma once
// Whether a product may be computed in parts without a change of its bits.

#include "runtime/products.h"

namespace lvm::runtime {

/// The product of all columns has the bits of that of the first and that of the second half of them: each
/// number is the same sum in the same order. That is so of oneDNN's kernels and nowhere promised; numbers
/// decide nothing in them, so that a shape is tried once. Of `narrow` products the operands are bfloat16.
bool halves_agree(const MatrixProduct& shape, bool narrow);

}  // namespace lvm::runtime
