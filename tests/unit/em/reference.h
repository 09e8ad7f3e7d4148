#pragma once
// EM for Gaussian, Bernoulli and categorical mixtures, written directly from the textbook (Bishop
// 2006, 9.2-9.3): the oracle of lowered programs. Two passes over the rows: the scatter is taken about the
// new mean.

#include <cmath>
#include <vector>

namespace lvm::test {

using Matrix = std::vector<double>;  // row-major

/// Solves by Gaussian elimination with pivoting; also gives ln |det|.
inline double log_determinant_and_solve(Matrix a, std::vector<double>& x) {
  const size_t n = x.size();
  double log_det = 0;
  for (size_t i = 0; i < n; ++i) {
    size_t pivot = i;
    for (size_t r = i + 1; r < n; ++r) {
      if (std::fabs(a[r * n + i]) > std::fabs(a[pivot * n + i])) pivot = r;
    }
    for (size_t j = 0; j < n; ++j) std::swap(a[i * n + j], a[pivot * n + j]);
    std::swap(x[i], x[pivot]);
    log_det += std::log(std::fabs(a[i * n + i]));
    for (size_t r = i + 1; r < n; ++r) {
      const double f = a[r * n + i] / a[i * n + i];
      for (size_t j = i; j < n; ++j) a[r * n + j] -= f * a[i * n + j];
      x[r] -= f * x[i];
    }
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t j = i + 1; j < n; ++j) x[i] -= a[i * n + j] * x[j];
    x[i] /= a[i * n + i];
  }
  return log_det;
}

enum class Shape { full, diagonal, spherical };

struct GaussianMixture {
  size_t states, dimensions;
  Shape shape;
  bool tied;
  std::vector<double> weight;  // [K]
  std::vector<double> mean;    // [K, D]
  std::vector<Matrix> cov;     // [K] of D x D

  double log_density(size_t k, const double* y) const {
    const size_t d = dimensions;
    std::vector<double> x(d), diff(d);
    for (size_t i = 0; i < d; ++i) x[i] = diff[i] = y[i] - mean[k * d + i];
    const double log_det = log_determinant_and_solve(cov[k], x);
    double square = 0;
    for (size_t i = 0; i < d; ++i) square += diff[i] * x[i];
    return -0.5 * (square + log_det + static_cast<double>(d) * std::log(2 * M_PI));
  }

  /// One EM step over rows of D values; returns the log likelihood before it.
  double step(const std::vector<double>& rows) {
    const size_t n = rows.size() / dimensions;
    std::vector<double> r(n * states);
    double total = 0;
    for (size_t i = 0; i < n; ++i) total += posterior(&rows[i * dimensions], &r[i * states]);
    maximise(rows, r);
    return total;
  }

  double posterior(const double* y, double* r) const {
    double greatest = -INFINITY, sum = 0;
    for (size_t k = 0; k < states; ++k) {
      r[k] = std::log(weight[k]) + log_density(k, y);
      greatest = std::max(greatest, r[k]);
    }
    for (size_t k = 0; k < states; ++k) sum += std::exp(r[k] - greatest);
    const double evidence = greatest + std::log(sum);
    for (size_t k = 0; k < states; ++k) r[k] = std::exp(r[k] - evidence);
    return evidence;
  }

  void maximise(const std::vector<double>& rows, const std::vector<double>& r) {
    const size_t d = dimensions, n = rows.size() / d;
    std::vector<double> count(states, 0.0);
    std::fill(mean.begin(), mean.end(), 0.0);
    for (size_t i = 0; i < n; ++i) {
      for (size_t k = 0; k < states; ++k) {
        count[k] += r[i * states + k];
        for (size_t j = 0; j < d; ++j) mean[k * d + j] += r[i * states + k] * rows[i * d + j];
      }
    }
    for (size_t k = 0; k < states; ++k) {
      weight[k] = count[k] / static_cast<double>(n);
      for (size_t j = 0; j < d; ++j) mean[k * d + j] /= count[k];
    }
    std::vector<Matrix> scatter(states, Matrix(d * d, 0.0));
    for (size_t i = 0; i < n; ++i) {
      for (size_t k = 0; k < states; ++k) {
        for (size_t a = 0; a < d; ++a) {
          for (size_t b = 0; b < d; ++b) {
            scatter[k][a * d + b] +=
                r[i * states + k] * (rows[i * d + a] - mean[k * d + a]) * (rows[i * d + b] - mean[k * d + b]);
          }
        }
      }
    }
    if (tied) pool(scatter, count);
    for (size_t k = 0; k < states; ++k) cov[k] = shaped(scatter[k], count[k]);
  }

  void pool(std::vector<Matrix>& scatter, std::vector<double>& count) const {
    Matrix sum(scatter[0].size(), 0.0);
    double all = 0;
    for (size_t k = 0; k < states; ++k) {
      all += count[k];
      for (size_t e = 0; e < sum.size(); ++e) sum[e] += scatter[k][e];
    }
    scatter.assign(states, sum);
    count.assign(states, all);
  }

  Matrix shaped(const Matrix& scatter, double count) const {
    const size_t d = dimensions;
    Matrix result(d * d, 0.0);
    double trace = 0;
    for (size_t a = 0; a < d; ++a) trace += scatter[a * d + a] / count / static_cast<double>(d);
    for (size_t a = 0; a < d; ++a) {
      for (size_t b = 0; b < d; ++b) {
        if (shape == Shape::full) result[a * d + b] = scatter[a * d + b] / count;
        if (a == b && shape == Shape::diagonal) result[a * d + b] = scatter[a * d + b] / count;
        if (a == b && shape == Shape::spherical) result[a * d + b] = trace;
      }
    }
    return result;
  }
};

}  // namespace lvm::test
