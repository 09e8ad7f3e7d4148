#pragma once
// Products of matrices for batched Programs: oneDNN's in single precision where it was found, else plain
// loops.

#include <cstdint>

namespace lvm::runtime {

/// result[m, n] = left[m, k] right[k, n], or added to it. All row-major; of a transposed operand the memory
/// has [k, m] or [n, k].
struct MatrixProduct {
  bool left_transposed = false, right_transposed = false, add = false;
  int64_t m = 0, n = 0, k = 0;
  int64_t left_stride = 0, right_stride = 0, result_stride = 0;  // numbers from one row in memory to the next
};

void multiply(const MatrixProduct& shape, const double* left, const double* right, double* result);
void multiply(const MatrixProduct& shape, const float* left, const float* right, float* result);

/// "oneDNN", or "plain loops".
const char* single_products();

}  // namespace lvm::runtime
