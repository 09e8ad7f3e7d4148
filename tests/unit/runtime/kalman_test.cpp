// Gaussian chains against the dense Gaussian law of all states of a series, and against the textbook
// recursions in long double.

#include "runtime/kalman.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>

namespace lvm::runtime {
namespace {

using Real = long double;
using Matrix = std::vector<std::vector<Real>>;

Matrix zeros(size_t rows, size_t columns) {
  return Matrix(rows, std::vector<Real>(columns, 0));
}
Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix c = zeros(a.size(), b.front().size());
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t k = 0; k < b.size(); ++k)
      for (size_t j = 0; j < b.front().size(); ++j) c[i][j] += a[i][k] * b[k][j];
  return c;
}
Matrix transposed(const Matrix& a) {
  Matrix t = zeros(a.front().size(), a.size());
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < a.front().size(); ++j) t[j][i] = a[i][j];
  return t;
}

/// a^-1 b by elimination with pivots, and ln |det a|.
Matrix solved(Matrix a, Matrix b, Real& log_determinant) {
  const size_t n = a.size();
  log_determinant = 0;
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t i = k; i < n; ++i)
      if (std::abs(a[i][k]) > std::abs(a[pivot][k])) pivot = i;
    std::swap(a[k], a[pivot]);
    std::swap(b[k], b[pivot]);
    log_determinant += std::log(std::abs(a[k][k]));
    for (size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const Real factor = a[i][k] / a[k][k];
      for (size_t j = k; j < n; ++j) a[i][j] -= factor * a[k][j];
      for (size_t j = 0; j < b[i].size(); ++j) b[i][j] -= factor * b[k][j];
    }
  }
  for (size_t i = 0; i < n; ++i)
    for (Real& x : b[i]) x /= a[i][i];
  return b;
}

struct Owned {
  std::vector<double> precision, linear, transition, offset, noise;
  GaussianStep step() const {
    return {precision.data(), linear.data(), transition.empty() ? nullptr : transition.data(), offset.data(),
            noise.data()};
  }
};

/// The law of all states at once: z = G w + mean before, conditioned on the likelihoods of all steps.
struct Dense {
  size_t n;
  Matrix mean, covariance;
  Real evidence = 0;

  Dense(const std::vector<Owned>& steps, size_t states) : n(states) {
    const size_t all = n * steps.size();
    Matrix root = zeros(all, all), prior = zeros(all, 1), J = zeros(all, all), h = zeros(all, 1);
    for (size_t t = 0; t < steps.size(); ++t) {
      for (size_t i = 0; i < n; ++i) {
        const size_t row = t * n + i;
        prior[row][0] = static_cast<Real>(steps[t].offset[i]);
        h[row][0] = static_cast<Real>(steps[t].linear[i]);
        for (size_t j = 0; j < n; ++j) {
          root[row][t * n + j] = static_cast<Real>(steps[t].noise[i * n + j]);
          J[row][t * n + j] = static_cast<Real>(steps[t].precision[i * n + j]);
          if (t == 0) continue;
          const auto a = static_cast<Real>(steps[t].transition[i * n + j]);
          prior[row][0] += a * prior[row - n - i + j][0];
          for (size_t k = 0; k < t * n; ++k) root[row][k] += a * root[(t - 1) * n + j][k];
        }
      }
    }
    // V = root (I + root' J root)^-1 root'
    Matrix inner = transposed(root) * J * root;
    for (size_t i = 0; i < all; ++i) inner[i][i] += 1;
    Real log_determinant;
    covariance = root * solved(inner, transposed(root), log_determinant);
    const Matrix Jm = J * prior;
    Matrix r = h;
    for (size_t i = 0; i < all; ++i) r[i][0] -= Jm[i][0];
    const Matrix moved = covariance * r;
    mean = prior;
    for (size_t i = 0; i < all; ++i) {
      mean[i][0] += moved[i][0];
      evidence += r[i][0] * moved[i][0] / 2 + (h[i][0] - Jm[i][0] / 2) * prior[i][0];
    }
    evidence -= log_determinant / 2;
  }
};

/// The sum of ln P(y_t | before), from the filtered means.
double total(const GaussianChain& chain, const std::vector<Owned>& steps) {
  const auto n = static_cast<size_t>(chain.states());
  double sum = 0;
  for (size_t t = 0; t < steps.size(); ++t) {
    const double* m = chain.filtered_mean(static_cast<int64_t>(t));
    sum += chain.evidence(static_cast<int64_t>(t));
    for (size_t i = 0; i < n; ++i) {
      sum += steps[t].linear[i] * m[i];
      for (size_t j = 0; j < n; ++j) sum -= 0.5 * m[i] * steps[t].precision[i * n + j] * m[j];
    }
  }
  return sum;
}

void check_close(double found, Real expected, Real scale, double tolerance = 1e-11) {
  INFO(found << " for " << static_cast<double>(expected));
  CHECK(std::abs(static_cast<Real>(found) - expected) <= static_cast<Real>(tolerance) * scale);
}

/// Means, covariances and covariances of neighbours; `scale`: of the states.
void check_smoothed(GaussianChain& chain, const Dense& dense, double tolerance) {
  const size_t n = dense.n;
  chain.turn();
  for (size_t t = dense.mean.size() / n; t-- > 0;) {
    const SmoothedStep s = chain.smooth();
    REQUIRE((s.previous_mean == nullptr) == (t == 0));
    const auto at = [&](size_t step, size_t i) { return step * n + i; };
    const auto sd = [&](size_t row) { return std::sqrt(dense.covariance[row][row]); };
    for (size_t i = 0; i < n; ++i) {
      const Real size = sd(at(t, i)) + std::abs(dense.mean[at(t, i)][0]);
      check_close(s.mean[i], dense.mean[at(t, i)][0], size, tolerance);
      for (size_t j = 0; j < n; ++j) {
        double own = 0, pair = 0, before = 0;
        for (size_t k = 0; k < n; ++k) own += s.root[i * n + k] * s.root[j * n + k];
        check_close(own, dense.covariance[at(t, i)][at(t, j)], sd(at(t, i)) * sd(at(t, j)), tolerance);
        if (t == 0) continue;
        for (size_t k = 0; k < n; ++k) pair += s.root[i * n + k] * s.cross[j * 2 * n + k];
        for (size_t k = 0; k < 2 * n; ++k) before += s.cross[i * 2 * n + k] * s.cross[j * 2 * n + k];
        check_close(pair, dense.covariance[at(t, i)][at(t - 1, j)], sd(at(t, i)) * sd(at(t - 1, j)),
                    tolerance);
        check_close(before, dense.covariance[at(t - 1, i)][at(t - 1, j)], sd(at(t - 1, i)) * sd(at(t - 1, j)),
                    tolerance);
      }
      if (t > 0)
        check_close(s.previous_mean[i], dense.mean[at(t - 1, i)][0],
                    sd(at(t - 1, i)) + std::abs(dense.mean[at(t - 1, i)][0]), tolerance);
    }
  }
}

struct Draw {
  std::mt19937_64 engine;
  std::normal_distribution<double> normal;
  explicit Draw(uint64_t seed) : engine(seed) {}
  double operator()() { return normal(engine); }
  size_t below(size_t n) { return static_cast<size_t>(engine() % n); }
  std::vector<double> many(size_t n, double size = 1) {
    std::vector<double> values(n);
    for (double& v : values) v = size * (*this)();
    return values;
  }
};

/// J = Z' Z of `outputs` outputs: singular where they are fewer than the states.
void observe(Owned& step, size_t n, size_t outputs, Draw& draw) {
  step.precision.assign(n * n, 0);
  step.linear.assign(n, 0);
  const std::vector<double> Z = draw.many(outputs * n), y = draw.many(outputs, 3);
  for (size_t d = 0; d < outputs; ++d) {
    for (size_t i = 0; i < n; ++i) {
      step.linear[i] += Z[d * n + i] * y[d];
      for (size_t j = 0; j < n; ++j) step.precision[i * n + j] += Z[d * n + i] * Z[d * n + j];
    }
  }
}

std::vector<Owned> random_series(size_t n, size_t length, Draw& draw) {
  std::vector<Owned> steps(length);
  for (size_t t = 0; t < length; ++t) {
    Owned& s = steps[t];
    s.offset = draw.many(n);
    s.noise = draw.many(n * n);
    if (draw.below(3) == 0)
      std::fill_n(s.noise.begin() + static_cast<std::ptrdiff_t>(draw.below(n) * n), n,
                  0.0);  // a state without noise
    if (t > 0) s.transition = draw.below(4) == 0 ? steps[t].noise : draw.many(n * n, 0.7);
    observe(s, n, draw.below(n + 2), draw);
  }
  return steps;
}

}  // namespace

TEST_CASE("a Gaussian chain has the law that conditioning all states at once gives") {
  for (size_t n = 1; n <= 10; ++n) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      Draw draw(seed * 100 + n);
      const std::vector<Owned> steps = random_series(n, 1 + draw.below(6), draw);
      GaussianChain chain(static_cast<int>(n));
      chain.clear(static_cast<int64_t>(steps.size()));
      for (const Owned& s : steps) chain.filter(s.step());
      const Dense dense(steps, n);
      INFO(n << " states, seed " << seed << ", " << steps.size() << " steps");
      check_close(total(chain, steps), dense.evidence, 10 + std::abs(dense.evidence));
      check_smoothed(chain, dense, 1e-10);
    }
  }
}

TEST_CASE("series one behind the other do not touch each other") {
  constexpr size_t n = 3;
  Draw draw(5);
  std::vector<std::vector<Owned>> series;
  for (const size_t length : {4UL, 1UL, 40UL, 2UL}) series.push_back(random_series(n, length, draw));
  for (size_t t = 2; t < 40; ++t) {  // that comes to rest
    series[2][t].precision = series[2][1].precision;
    series[2][t].transition = series[2][1].transition;
    series[2][t].noise = series[2][1].noise;
  }
  GaussianChain all(n), one(n);
  all.clear(0);
  for (const std::vector<Owned>& steps : series)
    for (const Owned& s : steps) all.filter(s.step());
  all.turn();
  for (size_t i = series.size(); i-- > 0;) {
    one.clear(0);
    for (const Owned& s : series[i]) one.filter(s.step());
    one.turn();
    for (size_t t = series[i].size(); t-- > 0;) {
      const SmoothedStep a = all.smooth(), b = one.smooth();
      CHECK(std::equal(a.mean, a.mean + n, b.mean));
      CHECK(std::equal(a.root, a.root + n * n, b.root));
      REQUIRE((a.cross == nullptr) == (t == 0));
      if (t > 0) CHECK(std::equal(a.cross, a.cross + 2 * n * n, b.cross));
      CHECK(all.evidence(all.at()) == one.evidence(one.at()));
    }
  }
}

TEST_CASE("a Gaussian chain stands scales that are far apart") {
  // A start of variance 1e14, a level at 1e6, noise of sd 0.01, and steps of sd 1e-7, of which some are
  // missing.
  for (size_t n = 1; n <= 3; ++n) {
    Draw draw(n);
    std::vector<Owned> steps(12);
    for (size_t t = 0; t < steps.size(); ++t) {
      Owned& s = steps[t];
      s.offset.assign(n, 0);
      s.noise.assign(n * n, 0);
      for (size_t i = 0; i < n; ++i) s.noise[i * n + i] = t == 0 ? 1e7 : 1e-7;
      if (t > 0) {
        s.transition.assign(n * n, 0);
        for (size_t i = 0; i < n; ++i) s.transition[i * n + i] = 1;
      }
      observe(s, n, t % 4 == 1 ? 0 : n, draw);
      for (double& j : s.precision) j *= 1e4;
      std::vector<double> level(n, 1e6);
      for (size_t i = 0; i < n; ++i) {
        s.linear[i] *= 100;
        for (size_t j = 0; j < n; ++j) s.linear[i] += s.precision[i * n + j] * level[j];
      }
    }
    GaussianChain chain(static_cast<int>(n));
    chain.clear(static_cast<int64_t>(steps.size()));
    for (const Owned& s : steps) chain.filter(s.step());
    const Dense dense(steps, n);
    chain.turn();
    for (size_t t = steps.size(); t-- > 0;) {
      const SmoothedStep s = chain.smooth();
      for (size_t i = 0; i < n; ++i) {
        const size_t row = t * n + i;
        const Real sd = std::sqrt(dense.covariance[row][row]);
        double variance = 0;
        for (size_t k = 0; k < n; ++k) variance += s.root[i * n + k] * s.root[i * n + k];
        check_close(std::sqrt(variance), sd, sd, 1e-7);
        check_close(s.mean[i], dense.mean[row][0], sd, 1e-6);
      }
    }
  }
}

TEST_CASE(
    "a Gaussian chain over 100,000 steps comes to rest, and is what the recursions in long double say") {
  constexpr int64_t length = 100000;
  const double a = 0.97, q = 0.3, j = 2;
  const double start_sd = 50, zero = 0, noise = std::sqrt(q);
  std::vector<double> h(length), J(length, j);
  Draw draw(7);
  for (int64_t t = 0; t < length; ++t) {
    h[static_cast<size_t>(t)] = j * (5 + draw());
    if (t % 1000 < 30) J[static_cast<size_t>(t)] = h[static_cast<size_t>(t)] = 0;  // missing
  }
  GaussianChain chain(1);
  std::vector<double> mean(length), sd(length), lag(length);
  for (int round = 0; round < 2; ++round) {  // the second finds the buffers as the first left them
    chain.clear(length);
    for (int64_t t = 0; t < length; ++t) {
      const auto i = static_cast<size_t>(t);
      chain.filter({&J[i], &h[i], t == 0 ? nullptr : &a, &zero, t == 0 ? &start_sd : &noise});
    }
    chain.turn();
    for (int64_t t = length; t-- > 0;) {
      const SmoothedStep s = chain.smooth();
      mean[static_cast<size_t>(t)] = s.mean[0];
      sd[static_cast<size_t>(t)] = std::abs(s.root[0]);
      lag[static_cast<size_t>(t)] = t > 0 ? s.root[0] * s.cross[0] : 0;
    }
  }
  CHECK(chain.blocks() < length / 5);
  // Rauch, Tung and Striebel.
  std::vector<Real> m(length), P(length), predicted_m(length), predicted_P(length);
  for (size_t t = 0; t < length; ++t) {
    predicted_m[t] = t == 0 ? 0 : static_cast<Real>(a) * m[t - 1];
    predicted_P[t] =
        t == 0 ? Real(start_sd) * Real(start_sd) : Real(a) * Real(a) * P[t - 1] + Real(noise) * Real(noise);
    P[t] = 1 / (1 / predicted_P[t] + Real(J[t]));
    m[t] = P[t] * (predicted_m[t] / predicted_P[t] + Real(h[t]));
  }
  Real s_m = m.back(), s_P = P.back(), worst = 0;
  for (size_t t = length; t-- > 0;) {
    if (t + 1 < length) {
      const Real gain = P[t] * Real(a) / predicted_P[t + 1], later = s_P;
      s_m = m[t] + gain * (s_m - predicted_m[t + 1]);
      s_P = P[t] + gain * gain * (s_P - predicted_P[t + 1]);
      worst = std::max(worst, std::abs(Real(lag[t + 1]) - gain * later) / later);
    }
    worst = std::max(
        {worst, std::abs(Real(mean[t]) - s_m), std::abs(Real(sd[t]) - std::sqrt(s_P)) / std::sqrt(s_P)});
  }
  CHECK(static_cast<double>(worst) < 1e-13);
}

TEST_CASE("a Gaussian chain says NaN where a step has no Gaussian likelihood") {
  const double precision = -2, linear = 0, offset = 0, noise = 1;
  GaussianChain chain(1);
  chain.clear(1);
  chain.filter({&precision, &linear, nullptr, &offset, &noise});
  CHECK(std::isnan(chain.evidence(0)));
}

}  // namespace lvm::runtime
