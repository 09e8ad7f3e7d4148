#include "backends/interpreter/linear.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lvm::interpreter {

namespace {
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
}

Matrix cholesky(const Matrix& a, int64_t n) {
  Matrix l(static_cast<size_t>(n * n), 0.0);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      double s = a[i * n + j];
      for (int64_t k = 0; k < j; ++k) s -= l[i * n + k] * l[j * n + k];
      if (i == j && !(s > 0)) return Matrix(static_cast<size_t>(n * n), nan);
      l[i * n + j] = i == j ? std::sqrt(s) : s / l[j * n + j];
    }
  return l;
}

std::vector<double> triangular_solve(const Matrix& lower, const std::vector<double>& x, int64_t n) {
  std::vector<double> u(x);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < i; ++j) u[i] -= lower[i * n + j] * u[j];
    u[i] /= lower[i * n + i];
  }
  return u;
}

Matrix triangular_inverse(const Matrix& lower, int64_t n) {
  Matrix inverse(static_cast<size_t>(n * n), 0.0);
  for (int64_t column = 0; column < n; ++column) {
    std::vector<double> unit(static_cast<size_t>(n), 0.0);
    unit[column] = 1;
    const auto u = triangular_solve(lower, unit, n);
    for (int64_t i = column; i < n; ++i) inverse[i * n + column] = u[i];
  }
  if (n > 0 && std::isnan(lower[0])) return Matrix(static_cast<size_t>(n * n), nan);
  return inverse;
}

std::vector<double> solve(const Matrix& a, const std::vector<double>& x, int64_t n) {
  const Matrix l = cholesky(a, n);
  std::vector<double> u = triangular_solve(l, x, n);
  for (int64_t i = n - 1; i >= 0; --i) {
    for (int64_t j = i + 1; j < n; ++j) u[i] -= l[j * n + i] * u[j];
    u[i] /= l[i * n + i];
  }
  return u;
}

Matrix inverse(const Matrix& a, int64_t n) {
  const Matrix w = triangular_inverse(cholesky(a, n), n);
  Matrix result(static_cast<size_t>(n * n), 0.0);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t k = std::max(i, j); k < n; ++k) result[i * n + j] += w[k * n + i] * w[k * n + j];
  if (n > 0 && std::isnan(w[0])) return w;
  return result;
}

double log_determinant(const Matrix& a, int64_t n) {
  const Matrix l = cholesky(a, n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::log(l[i * n + i]);
  return 2 * sum;
}

std::vector<double> eigenvalues(Matrix a, int64_t n) {
  for (double v : a)
    if (!std::isfinite(v)) return std::vector<double>(static_cast<size_t>(n), nan);
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0, all = 0;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) {
        all += a[i * n + j] * a[i * n + j];
        if (i != j) off += a[i * n + j] * a[i * n + j];
      }
    if (off <= 1e-36 * all) break;
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) {
        const double apq = a[p * n + q];
        if (apq == 0) continue;
        const double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
        const double t = (theta >= 0 ? 1.0 : -1.0) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        for (int64_t k = 0; k < n; ++k) {
          const double kp = a[k * n + p], kq = a[k * n + q];
          a[k * n + p] = c * kp - s * kq;
          a[k * n + q] = s * kp + c * kq;
        }
        for (int64_t k = 0; k < n; ++k) {
          const double pk = a[p * n + k], qk = a[q * n + k];
          a[p * n + k] = c * pk - s * qk;
          a[q * n + k] = s * pk + c * qk;
        }
      }
  }
  std::vector<double> values(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) values[i] = a[i * n + i];
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace lvm::interpreter
