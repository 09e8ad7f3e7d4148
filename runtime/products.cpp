#include "runtime/products.h"

#include <algorithm>

#ifdef LVM_ONEDNN
#include <oneapi/dnnl/dnnl.h>

#include "runtime/one_thread.h"
#endif

namespace lvm::runtime {
namespace {

/// Four rows of the result at a time, sixteen columns of each in registers.
template <class Real>
void plain(const MatrixProduct& p, const Real* left, const Real* right, Real* result) {
  constexpr int64_t rows = 4, columns = 16;
  const auto a = [&](int64_t i, int64_t l) {
    return p.left_transposed ? left[l * p.left_stride + i] : left[i * p.left_stride + l];
  };
  const auto b = [&](int64_t l, int64_t j) {
    return p.right_transposed ? right[j * p.right_stride + l] : right[l * p.right_stride + j];
  };
  for (int64_t i = 0; i < p.m; i += rows) {
    const int64_t tall = std::min(rows, p.m - i);
    for (int64_t j = 0; j < p.n; j += columns) {
      const int64_t wide = std::min(columns, p.n - j);
      Real sums[rows][columns] = {};
      for (int64_t l = 0; l < p.k; ++l) {
        Real row[columns] = {};
        for (int64_t c = 0; c < wide; ++c) row[c] = b(l, j + c);
        for (int64_t r = 0; r < tall; ++r) {
          const Real factor = a(i + r, l);
          for (int64_t c = 0; c < columns; ++c) sums[r][c] += factor * row[c];
        }
      }
      for (int64_t r = 0; r < tall; ++r) {
        Real* to = result + (i + r) * p.result_stride + j;
        for (int64_t c = 0; c < wide; ++c) to[c] = p.add ? to[c] + sums[r][c] : sums[r][c];
      }
    }
  }
}

}  // namespace

void multiply(const MatrixProduct& shape, const double* left, const double* right, double* result) {
  plain(shape, left, right, result);
}

void multiply(const MatrixProduct& shape, const float* left, const float* right, float* result) {
#ifdef LVM_ONEDNN
  const OneThread one;
  const dnnl_status_t status =
      dnnl_sgemm(shape.left_transposed ? 'T' : 'N', shape.right_transposed ? 'T' : 'N', shape.m, shape.n,
                 shape.k, 1.0F, left, shape.left_stride, right, shape.right_stride, shape.add ? 1.0F : 0.0F,
                 result, shape.result_stride);
  if (status == dnnl_success) return;
#endif
  plain(shape, left, right, result);
}

const char* single_products() {
#ifdef LVM_ONEDNN
  return "oneDNN";
#else
  return "plain loops";
#endif
}

}  // namespace lvm::runtime
