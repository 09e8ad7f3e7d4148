#include "runtime/linalg.h"

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using In = Eigen::Map<const Matrix>;
using Out = Eigen::Map<Matrix>;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
/// Below this size plain loops are as fast as Eigen's blocked factorisation and need no allocation.
constexpr int64_t plain_limit = 16;

bool all_finite(const double* a, int64_t count) {
  return std::all_of(a, a + count, [](double x) { return std::isfinite(x); });
}

void fill_nan(double* out, int64_t count) {
  std::fill(out, out + count, not_a_number);
}

/// Row k of L' is finished, then taken out of the rows below it: stretches of independent operations, where
/// row by row each product would wait for the one before it. False if a pivot is not above zero (NaN
/// included).
bool plain_cholesky(double* l, const double* a, int64_t n) {
  std::array<double, plain_limit * plain_limit> upper;  // of what is left of A; then L'
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = i; j < n; ++j) upper[static_cast<size_t>(i * n + j)] = a[j * n + i];
  }
  for (int64_t k = 0; k < n; ++k) {
    double* own = upper.data() + k * n;
    if (!(own[k] > 0)) return false;
    own[k] = std::sqrt(own[k]);
    for (int64_t j = k + 1; j < n; ++j) own[j] /= own[k];
    for (int64_t i = k + 1; i < n; ++i) {
      if (own[i] == 0) continue;  // of cells that are absent all are
      double* below = upper.data() + i * n;
      for (int64_t j = i; j < n; ++j) below[j] -= own[i] * own[j];
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) l[i * n + j] = j <= i ? upper[static_cast<size_t>(j * n + i)] : 0;
  }
  return true;
}

bool factor(double* l, const double* a, int64_t n) {
  if (n <= plain_limit) return plain_cholesky(l, a, n) && all_finite(l, n * n);
  const Eigen::LLT<Matrix, Eigen::Lower> decomposed(In(a, n, n));
  if (decomposed.info() != Eigen::Success) return false;
  Out(l, n, n) = decomposed.matrixL();
  return all_finite(l, n * n);
}

void solve_lower(double* u, const double* l, const double* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    double s = x[i];
    for (int64_t k = 0; k < i; ++k) s -= l[i * n + k] * u[k];
    u[i] = s / l[i * n + i];
  }
}

void solve_lower_transposed(double* u, const double* l, int64_t n) {
  for (int64_t i = n - 1; i >= 0; --i) {
    double s = u[i];
    for (int64_t k = i + 1; k < n; ++k) s -= l[k * n + i] * u[k];
    u[i] = s / l[i * n + i];
  }
}

}  // namespace

extern "C" {

void lvm_cholesky(double* out, const double* a, int64_t n) {
  if (!factor(out, a, n)) fill_nan(out, n * n);
}

void lvm_triangular_inverse(double* out, const double* l, int64_t n) {
  // Column j of the inverse solves L u = e_j; all columns at once, row by row.
  for (int64_t i = 0; i < n; ++i) {
    double* own = out + i * n;
    std::fill(own, own + n, 0.0);
    own[i] = 1;
    for (int64_t k = 0; k < i; ++k) {
      if (l[i * n + k] == 0) continue;
      const double* above = out + k * n;
      for (int64_t j = 0; j <= k; ++j) own[j] -= l[i * n + k] * above[j];
    }
    for (int64_t j = 0; j <= i; ++j) own[j] /= l[i * n + i];
  }
}

void lvm_triangular_solve(double* out, const double* l, const double* x, int64_t n) {
  solve_lower(out, l, x, n);
}

void lvm_solve(double* out, const double* a, const double* b, int64_t n) {
  Matrix l(n, n);
  if (!factor(l.data(), a, n)) return fill_nan(out, n);
  solve_lower(out, l.data(), b, n);
  solve_lower_transposed(out, l.data(), n);
}

void lvm_inverse(double* out, const double* a, int64_t n) {
  Matrix l(n, n), u(n, n);
  if (!factor(l.data(), a, n)) return fill_nan(out, n * n);
  lvm_triangular_inverse(u.data(), l.data(), n);
  // A^-1 = U' U with U = L^-1 lower triangular: only rows k >= max(i, j) contribute.
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      double s = 0;
      for (int64_t k = i; k < n; ++k) s += u(k, i) * u(k, j);
      out[i * n + j] = out[j * n + i] = s;
    }
  }
}

double lvm_log_determinant(const double* a, int64_t n) {
  Matrix l(n, n);
  if (!factor(l.data(), a, n)) return not_a_number;
  double s = 0;
  for (int64_t i = 0; i < n; ++i) s += std::log(l(i, i));
  return 2 * s;
}

void lvm_eigenvalues(double* out, const double* a, int64_t n) {
  // Eigen's iteration is only bounded for finite input.
  if (!all_finite(a, n * n)) return fill_nan(out, n);
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(In(a, n, n), Eigen::EigenvaluesOnly);
  if (solver.info() != Eigen::Success) return fill_nan(out, n);
  Eigen::Map<Eigen::VectorXd>(out, n) = solver.eigenvalues();
}
}

namespace lvm::runtime {

std::map<std::string, void*> runtime_symbols() {
  return {
      {"lvm_cholesky", reinterpret_cast<void*>(&lvm_cholesky)},
      {"lvm_triangular_inverse", reinterpret_cast<void*>(&lvm_triangular_inverse)},
      {"lvm_triangular_solve", reinterpret_cast<void*>(&lvm_triangular_solve)},
      {"lvm_solve", reinterpret_cast<void*>(&lvm_solve)},
      {"lvm_inverse", reinterpret_cast<void*>(&lvm_inverse)},
      {"lvm_log_determinant", reinterpret_cast<void*>(&lvm_log_determinant)},
      {"lvm_eigenvalues", reinterpret_cast<void*>(&lvm_eigenvalues)},
  };
}

}  // namespace lvm::runtime
