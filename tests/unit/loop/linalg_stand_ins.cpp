#include "tests/unit/loop/linalg_stand_ins.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace lvm::test {

namespace {

using Matrix = std::vector<double>;

void cholesky(double* out, const double* a, int64_t n) {
  std::fill(out, out + n * n, 0.0);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      double s = a[i * n + j];
      for (int64_t k = 0; k < j; ++k) s -= out[i * n + k] * out[j * n + k];
      if (i == j && !(s > 0)) return std::fill(out, out + n * n, std::numeric_limits<double>::quiet_NaN());
      out[i * n + j] = i == j ? std::sqrt(s) : s / out[j * n + j];
    }
  }
}

void triangular_solve(double* out, const double* l, const double* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    double s = x[i];
    for (int64_t j = 0; j < i; ++j) s -= l[i * n + j] * out[j];
    out[i] = s / l[i * n + i];
  }
}

void triangular_inverse(double* out, const double* l, int64_t n) {
  for (int64_t c = 0; c < n; ++c) {
    Matrix unit(static_cast<size_t>(n), 0.0), column(static_cast<size_t>(n));
    unit[static_cast<size_t>(c)] = 1;
    triangular_solve(column.data(), l, unit.data(), n);
    for (int64_t i = 0; i < n; ++i) out[i * n + c] = column[static_cast<size_t>(i)];
  }
}

void solve(double* out, const double* a, const double* b, int64_t n) {
  Matrix l(static_cast<size_t>(n * n)), half(static_cast<size_t>(n));
  cholesky(l.data(), a, n);
  triangular_solve(half.data(), l.data(), b, n);
  for (int64_t i = n; i-- > 0;) {
    double s = half[static_cast<size_t>(i)];
    for (int64_t j = i + 1; j < n; ++j) s -= l[static_cast<size_t>(j * n + i)] * out[j];
    out[i] = s / l[static_cast<size_t>(i * n + i)];
  }
}

void inverse(double* out, const double* a, int64_t n) {
  for (int64_t c = 0; c < n; ++c) {
    Matrix unit(static_cast<size_t>(n), 0.0), column(static_cast<size_t>(n));
    unit[static_cast<size_t>(c)] = 1;
    solve(column.data(), a, unit.data(), n);
    for (int64_t i = 0; i < n; ++i) out[i * n + c] = column[static_cast<size_t>(i)];
  }
}

double log_determinant(const double* a, int64_t n) {
  Matrix l(static_cast<size_t>(n * n));
  cholesky(l.data(), a, n);
  double s = 0;
  for (int64_t i = 0; i < n; ++i) s += 2 * std::log(l[static_cast<size_t>(i * n + i)]);
  return s;
}

/// Jacobi rotations.
void eigenvalues(double* out, const double* a, int64_t n) {
  Matrix m(a, a + n * n);
  auto at = [&](int64_t i, int64_t j) -> double& { return m[static_cast<size_t>(i * n + j)]; };
  for (int sweep = 0; sweep < 60; ++sweep) {
    for (int64_t p = 0; p < n; ++p) {
      for (int64_t q = p + 1; q < n; ++q) {
        if (at(p, q) == 0) continue;
        double angle = 0.5 * std::atan2(2 * at(p, q), at(q, q) - at(p, p)), c = std::cos(angle),
               s = std::sin(angle);
        for (int64_t k = 0; k < n; ++k) {
          double x = at(k, p), y = at(k, q);
          at(k, p) = c * x - s * y;
          at(k, q) = s * x + c * y;
        }
        for (int64_t k = 0; k < n; ++k) {
          double x = at(p, k), y = at(q, k);
          at(p, k) = c * x - s * y;
          at(q, k) = s * x + c * y;
        }
      }
    }
  }
  for (int64_t i = 0; i < n; ++i) out[i] = at(i, i);
  std::sort(out, out + n);
}

}  // namespace

std::map<std::string, void*> linalg_symbols() {
  auto pointer = [](auto* f) { return reinterpret_cast<void*>(f); };
  return {{"lvm_cholesky", pointer(&cholesky)},
          {"lvm_triangular_inverse", pointer(&triangular_inverse)},
          {"lvm_triangular_solve", pointer(&triangular_solve)},
          {"lvm_solve", pointer(&solve)},
          {"lvm_inverse", pointer(&inverse)},
          {"lvm_log_determinant", pointer(&log_determinant)},
          {"lvm_eigenvalues", pointer(&eigenvalues)}};
}

}  // namespace lvm::test
