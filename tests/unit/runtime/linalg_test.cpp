#include "runtime/linalg.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "runtime/random.h"

namespace lvm::runtime {
namespace {

using Matrix = std::vector<double>;

/// B B' + n I with normal B.
Matrix random_spd(int64_t n, uint32_t seed) {
  const Random random(seed, Site::user, 0);
  Matrix a(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double s = i == j ? static_cast<double>(n) : 0;
      for (int64_t k = 0; k < n; ++k) s += random.normal(i * n + k) * random.normal(j * n + k);
      a[static_cast<size_t>(i * n + j)] = s;
    }
  }
  return a;
}

Matrix product(const Matrix& a, const Matrix& b, int64_t n, bool b_transposed = false) {
  Matrix c(a.size(), 0);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t k = 0; k < n; ++k)
        c[i * n + j] += a[i * n + k] * (b_transposed ? b[j * n + k] : b[k * n + j]);
    }
  }
  return c;
}

double largest_difference(const Matrix& a, const Matrix& b) {
  double d = 0;
  for (size_t i = 0; i < a.size(); ++i) d = std::max(d, std::abs(a[i] - b[i]));
  return d;
}

Matrix unit(int64_t n) {
  Matrix m(static_cast<size_t>(n * n), 0);
  for (int64_t i = 0; i < n; ++i) m[i * n + i] = 1;
  return m;
}

bool all_nan(const Matrix& m) {
  for (const double x : m) {
    if (!std::isnan(x)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("factors, inverses and solutions give the matrix back") {
  for (const int64_t n : {1, 2, 3, 8, 16, 17, 40}) {
    INFO("n = " << n);
    const Matrix a = random_spd(n, static_cast<uint32_t>(n));
    const double tolerance = 1e-13 * static_cast<double>(n * n);
    Matrix l(a.size()), inverse(a.size()), triangular(a.size());
    lvm_cholesky(l.data(), a.data(), n);
    CHECK(largest_difference(product(l, l, n, true), a) < tolerance * a[0]);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = i + 1; j < n; ++j) CHECK(l[i * n + j] == 0);
    }
    lvm_triangular_inverse(triangular.data(), l.data(), n);
    CHECK(largest_difference(product(triangular, l, n), unit(n)) < tolerance);
    lvm_inverse(inverse.data(), a.data(), n);
    CHECK(largest_difference(product(inverse, a, n), unit(n)) < tolerance);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < i; ++j) CHECK(inverse[i * n + j] == inverse[j * n + i]);
    }
    std::vector<double> b(static_cast<size_t>(n)), x(b), u(b), eigenvalues(b);
    for (int64_t i = 0; i < n; ++i) b[i] = static_cast<double>(i + 1);
    lvm_solve(x.data(), a.data(), b.data(), n);
    lvm_triangular_solve(u.data(), l.data(), b.data(), n);
    double log_determinant = 0, trace = 0, sum = 0;
    for (int64_t i = 0; i < n; ++i) {
      double ax = 0, lu = 0;
      for (int64_t j = 0; j < n; ++j) ax += a[i * n + j] * x[j], lu += l[i * n + j] * u[j];
      CHECK(ax == Approx(b[i]).epsilon(1e-11));
      CHECK(lu == Approx(b[i]).epsilon(1e-11));
      trace += a[i * n + i];
    }
    lvm_eigenvalues(eigenvalues.data(), a.data(), n);
    for (int64_t i = 0; i < n; ++i) {
      if (i > 0) CHECK(eigenvalues[i] >= eigenvalues[i - 1]);
      log_determinant += std::log(eigenvalues[i]);
      sum += eigenvalues[i];
    }
    CHECK(sum == Approx(trace).epsilon(1e-12));
    CHECK(lvm_log_determinant(a.data(), n) == Approx(log_determinant).epsilon(1e-11));
  }
}

TEST_CASE("what is not positive definite gives NaN, and so does NaN") {
  for (const int64_t n : {1, 2, 16, 17, 30}) {
    for (const double bad : {-1.0, 0.0, std::nan(""), HUGE_VAL}) {
      INFO("n = " << n << ", " << bad);
      Matrix a = unit(n);
      a[(n - 1) * n + n - 1] = bad;
      Matrix out(a.size()), vector(static_cast<size_t>(n)), b(static_cast<size_t>(n), 1.0);
      lvm_cholesky(out.data(), a.data(), n);
      CHECK(all_nan(out));
      lvm_inverse(out.data(), a.data(), n);
      CHECK(all_nan(out));
      lvm_solve(vector.data(), a.data(), b.data(), n);
      CHECK(all_nan(vector));
      CHECK(std::isnan(lvm_log_determinant(a.data(), n)));
      lvm_eigenvalues(vector.data(), a.data(), n);
      CHECK(all_nan(vector) == !std::isfinite(bad));
    }
  }
}

TEST_CASE("every function is offered to compiled code") {
  const auto symbols = runtime_symbols();
  CHECK(symbols.size() == 7);
  CHECK(symbols.at("lvm_cholesky") == reinterpret_cast<void*>(&lvm_cholesky));
  CHECK(symbols.at("lvm_eigenvalues") == reinterpret_cast<void*>(&lvm_eigenvalues));
}

}  // namespace lvm::runtime
