#pragma once
// Products of matrices of bfloat16 numbers with sums in single precision: oneDNN's, on processors that
// multiply such numbers themselves (AVX-512 BF16, AMX). Elsewhere there are none: nothing is emulated.

#include <cstdint>

#include "runtime/products.h"

namespace lvm::runtime {

/// The upper half of a float: its exponent, and 8 bits of precision.
enum class Bfloat16 : uint16_t {};

/// Whether `narrow` and `multiply` may be called.
bool has_bfloat16();

/// To the nearest, ties to even; what is no normal number of single precision becomes 0.
void narrow(const float* from, int64_t count, Bfloat16* to);

void multiply(const MatrixProduct& shape, const Bfloat16* left, const Bfloat16* right, float* result);

}  // namespace lvm::runtime
