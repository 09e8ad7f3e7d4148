#include "certify/design.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "ir/passes/slot_rules.h"
#include "ir/tensor/scalar.h"
#include "runtime/linalg.h"

namespace lvm::certificate {
namespace {

using ir::digamma;

/// The statistics of a family, and what follows from the coefficients that ln P has in them.
struct Member {
  std::array<double, 2> expected;  // of the statistics
  double log_integral, mean, variance;
};

std::array<double, 2> statistics(Design::Kind kind, double z) {
  switch (kind) {
    case Design::Kind::gaussian: return {z, z * z};
    case Design::Kind::gamma: return {std::log(z), z};
    case Design::Kind::inverse_gamma: return {std::log(z), 1 / z};
    case Design::Kind::beta: return {std::log(z), std::log1p(-z)};
    case Design::Kind::dirichlet: break;
  }
  return {};
}

Member member(Design::Kind kind, double first, double second) {
  switch (kind) {
    case Design::Kind::gaussian:
    case Design::Kind::dirichlet: break;
    case Design::Kind::gamma: {
      const double a = first + 1, rate = -second;
      return {{digamma(a) - std::log(rate), a / rate},
              std::lgamma(a) - a * std::log(rate),
              a / rate,
              a / (rate * rate)};
    }
    case Design::Kind::inverse_gamma: {
      const double a = -first - 1, scale = -second, mean = a > 1 ? scale / (a - 1) : HUGE_VAL;
      return {{std::log(scale) - digamma(a), a / scale},
              std::lgamma(a) - a * std::log(scale),
              mean,
              a > 2 ? mean * mean / (a - 2) : HUGE_VAL};
    }
    case Design::Kind::beta: {
      const double a = first + 1, b = second + 1, n = a + b;
      return {{digamma(a) - digamma(n), digamma(b) - digamma(n)},
              std::lgamma(a) + std::lgamma(b) - std::lgamma(n),
              a / n,
              a * b / (n * n * (n + 1))};
    }
  }
  return {};
}

/// z moved by u steps, inside its support.
double moved(Design::Kind kind, double z, double sd, double u) {
  switch (kind) {
    case Design::Kind::gaussian: return z + u * sd;
    case Design::Kind::gamma:
    case Design::Kind::inverse_gamma: return z * std::exp(u * std::clamp(sd / z, 0.1, 1.0));
    case Design::Kind::beta: {
      const double step = std::clamp(sd / (z * (1 - z)), 0.1, 1.0);
      return 1 / (1 + std::exp(-(std::log(z / (1 - z)) + u * step)));
    }
    case Design::Kind::dirichlet: break;
  }
  return z;
}

/// The shares of each row.
void add_up_to_one(std::vector<double>& shares, int64_t elements) {
  for (auto row = shares.begin(); row != shares.end(); row += elements) {
    double sum = 0;
    for (auto share = row; share != row + elements; ++share) sum += *share;
    for (auto share = row; share != row + elements; ++share) *share /= sum;
  }
}

constexpr double share_step = 2;  // of the logarithm of a share, before all are divided by their sum

}  // namespace

Design::Design(Kind kind, int64_t elements, const std::vector<double>& mean, const std::vector<double>& sd)
    : kind_(kind), elements_(elements), mean_(mean), sd_(sd) {
  for (double& m : mean_) {
    const bool below_one = kind == Kind::beta || kind == Kind::dirichlet;
    const bool inside = std::isfinite(m) && (kind == Kind::gaussian || (m > 0 && (!below_one || m < 1)));
    if (!inside) m = kind == Kind::gaussian ? 0 : 0.5;
  }
  for (double& s : sd_)
    if (!(s > 0) || !std::isfinite(s)) s = 1;
  points_.reserve(static_cast<size_t>((elements + 1) * (elements + 8)));
  if (kind == Kind::dirichlet) add_up_to_one(mean_, elements_);
  new_point();
  switch (kind) {
    case Kind::gaussian: add_gaussian_points(); break;
    case Kind::gamma:
    case Kind::inverse_gamma:
    case Kind::beta: add_conjugate_points(); break;
    case Kind::dirichlet: add_dirichlet_points(); break;
  }
}

/// m; m ± s_i; m + s_i + s_j; and m + 2 s_i to check.
void Design::add_gaussian_points() {
  const auto move = [&](std::vector<double>& point, int64_t i, double u) {
    for (size_t at = static_cast<size_t>(i); at < point.size(); at += static_cast<size_t>(elements_))
      point[at] += u * sd_[at];
  };
  for (int64_t i = 0; i < elements_; ++i)
    for (const double u : {1.0, -1.0}) move(new_point(), i, u);
  for (int64_t i = 0; i < elements_; ++i) {
    for (int64_t j = 0; j < i; ++j) {
      std::vector<double>& both = new_point();
      move(both, i, 1);
      move(both, j, 1);
    }
  }
  for (int64_t i = 0; i < elements_; ++i) move(new_point(), i, 2);
}

/// One step up and one down of each element, and two up to check.
void Design::add_conjugate_points() {
  for (int64_t i = 0; i < elements_; ++i) {
    for (const double u : {1.0, -1.0, 2.0}) {
      std::vector<double>& point = new_point();
      for (size_t at = static_cast<size_t>(i); at < point.size(); at += static_cast<size_t>(elements_))
        point[at] = moved(kind_, mean_[at], sd_[at], u);
    }
  }
}

/// Of each share one step up, and one step down to check; the others make room.
void Design::add_dirichlet_points() {
  for (const double u : {share_step, -share_step}) {
    for (int64_t i = 0; i < elements_; ++i) {
      std::vector<double>& point = new_point();
      for (size_t at = static_cast<size_t>(i); at < point.size(); at += static_cast<size_t>(elements_))
        point[at] *= std::exp(u);
      add_up_to_one(point, elements_);
    }
  }
}

Design::Law Design::law(int64_t row, const double* values) const {
  switch (kind_) {
    case Kind::gaussian: return gaussian(row, values);
    case Kind::gamma:
    case Kind::inverse_gamma:
    case Kind::beta: return conjugate(row, values);
    case Kind::dirichlet: return dirichlet(row, values);
  }
  return {};
}

size_t Design::pair(int64_t i, int64_t j) const {
  return static_cast<size_t>(1 + 2 * elements_ + i * (i - 1) / 2 + j);
}

/// In units of s about m:  f = f0 + g'x - x'Λx / 2, so that x has the mean Λ^-1 g and the covariance Λ^-1.
Design::Law Design::gaussian(int64_t row, const double* f) const {
  const int64_t n = elements_;
  const auto up = [&](int64_t i) { return f[1 + 2 * i]; };
  const auto down = [&](int64_t i) { return f[2 + 2 * i]; };
  const auto at = [&](int64_t i, int64_t j) { return static_cast<size_t>(i * n + j); };
  std::vector<double> g(static_cast<size_t>(n)), precision(static_cast<size_t>(n * n)), m(precision.size()),
      x(g.size());
  for (int64_t i = 0; i < n; ++i) {
    g[static_cast<size_t>(i)] = (up(i) - down(i)) / 2;
    precision[at(i, i)] = 2 * f[0] - up(i) - down(i);
    for (int64_t j = 0; j < i; ++j)
      precision[at(i, j)] = precision[at(j, i)] = up(i) + up(j) - f[pair(i, j)] - f[0];
  }
  lvm_inverse(m.data(), precision.data(), n);
  Law law;
  const double* sd = sd_.data() + row * n;
  law.evidence = f[0] + static_cast<double>(n) * std::log(2 * std::numbers::pi) / 2 -
                 lvm_log_determinant(precision.data(), n) / 2;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) x[static_cast<size_t>(i)] += m[at(i, j)] * g[static_cast<size_t>(j)];
    law.mean.push_back(mean_[static_cast<size_t>(row * n + i)] + sd[i] * x[static_cast<size_t>(i)]);
    law.variance.push_back(sd[i] * sd[i] * m[at(i, i)]);
    law.evidence += g[static_cast<size_t>(i)] * x[static_cast<size_t>(i)] / 2 + std::log(sd[i]);
    // f(m + 2 s_i) = f0 + 2 g_i - 2 Λ_ii
    const double predicted = f[0] + 2 * g[static_cast<size_t>(i)] - 2 * precision[at(i, i)];
    law.misfit = std::max(law.misfit, std::abs(f[pair(n, 0) + static_cast<size_t>(i)] - predicted));
  }
  // E[f] = f0 + g'x + sum of H_ij M_ij / 2,  M = E[x x'], in the values that g and H are made of.
  law.weights.assign(static_cast<size_t>(points()), 0);
  law.weights[0] = 1;
  for (int64_t i = 0; i < n; ++i) {
    const double own = m[at(i, i)] + x[static_cast<size_t>(i)] * x[static_cast<size_t>(i)];
    law.weights[0] -= own;
    law.weights[static_cast<size_t>(1 + 2 * i)] += (own + x[static_cast<size_t>(i)]) / 2;
    law.weights[static_cast<size_t>(2 + 2 * i)] += (own - x[static_cast<size_t>(i)]) / 2;
    for (int64_t j = 0; j < i; ++j) {
      const double both = m[at(i, j)] + x[static_cast<size_t>(i)] * x[static_cast<size_t>(j)];
      law.weights[pair(i, j)] += both;
      law.weights[0] += both;
      law.weights[static_cast<size_t>(1 + 2 * i)] -= both;
      law.weights[static_cast<size_t>(1 + 2 * j)] -= both;
    }
  }
  return law;
}

/// f = c + a T1(z) + b T2(z) for each element: a and b from one step up and one down.
Design::Law Design::conjugate(int64_t row, const double* f) const {
  Law law;
  law.evidence = f[0];
  law.weights.assign(static_cast<size_t>(points()), 0);
  law.weights[0] = 1;
  for (int64_t i = 0; i < elements_; ++i) {
    const auto at = static_cast<size_t>(row * elements_ + i), first = static_cast<size_t>(1 + 3 * i);
    const auto t = [&](size_t point) { return statistics(kind_, points_[point][at]); };
    const auto base = t(0), up = t(first), down = t(first + 1), far = t(first + 2);
    const double u1 = up[0] - base[0], u2 = up[1] - base[1], d1 = down[0] - base[0], d2 = down[1] - base[1];
    const double determinant = u1 * d2 - u2 * d1, rise = f[first] - f[0], fall = f[first + 1] - f[0];
    const double a = (rise * d2 - fall * u2) / determinant, b = (fall * u1 - rise * d1) / determinant;
    const Member q = member(kind_, a, b);
    law.mean.push_back(q.mean);
    law.variance.push_back(q.variance);
    law.evidence += q.log_integral - a * base[0] - b * base[1];
    law.misfit = std::max(law.misfit,
                          std::abs(f[first + 2] - (f[0] + a * (far[0] - base[0]) + b * (far[1] - base[1]))));
    const double e1 = q.expected[0] - base[0], e2 = q.expected[1] - base[1];
    const double of_up = (e1 * d2 - e2 * d1) / determinant, of_down = (e2 * u1 - e1 * u2) / determinant;
    law.weights[first] += of_up;
    law.weights[first + 1] += of_down;
    law.weights[0] -= of_up + of_down;
  }
  return law;
}

/// f = c + sum of a_k ln z_k. A step u of share i, with L_i the logarithm of the sum that all are divided by,
/// changes f by D_i = a_i u - A L_i, A = sum of a_k; hence A = sum of D_i / (u - sum of L_i).
Design::Law Design::dirichlet(int64_t row, const double* f) const {
  const auto n = static_cast<size_t>(elements_), base = static_cast<size_t>(row) * n;
  const auto log_sum_at = [&](size_t i, double u) { return std::log1p(mean_[base + i] * std::expm1(u)); };
  double rises = 0, all_sums = 0;
  for (size_t i = 0; i < n; ++i) {
    rises += f[1 + i] - f[0];
    all_sums += log_sum_at(i, share_step);
  }
  const double room = share_step - all_sums, total = rises / room;
  Law law;
  law.evidence = f[0];
  law.weights.assign(static_cast<size_t>(points()), 0);
  law.weights[0] = 1;
  const double alpha = total + static_cast<double>(n);
  double shared = 0;  // what each rise weighs by way of A
  std::vector<double> own(n);
  for (size_t i = 0; i < n; ++i) {
    const double a = (f[1 + i] - f[0] + total * log_sum_at(i, share_step)) / share_step, m = mean_[base + i];
    law.mean.push_back((a + 1) / alpha);
    law.variance.push_back(law.mean[i] * (1 - law.mean[i]) / (alpha + 1));
    law.evidence += std::lgamma(a + 1) - a * std::log(m);
    const double predicted = f[0] - share_step * a - total * log_sum_at(i, -share_step);
    law.misfit = std::max(law.misfit, std::abs(f[1 + n + i] - predicted));
    own[i] = (digamma(a + 1) - digamma(alpha) - std::log(m)) / share_step;
    shared += own[i] * log_sum_at(i, share_step) / room;
  }
  law.evidence -= std::lgamma(alpha);
  for (size_t i = 0; i < n; ++i) {
    law.weights[1 + i] = own[i] + shared;
    law.weights[0] -= law.weights[1 + i];
  }
  return law;
}

int continuous_latent(const ir::Model& model, const ir::Plan& plan) {
  for (const ir::Block& block : plan.blocks)
    if (block.solver == ir::Solver::conditioning || block.solver == ir::Solver::smoothing ||
        block.solver == ir::Solver::conjugate)
      return *model.find(block.name);
  return -1;
}

Design::Kind kind_of(const ir::Model& model, int variable) {
  for (size_t i = 0; i < model.factors.size(); ++i) {
    if (model.factors[i].variable.variable != variable) continue;
    const std::string family = ir::parts_of(model, static_cast<int>(i)).family;
    if (family == "Beta") return Design::Kind::beta;
    if (family == "Dirichlet") return Design::Kind::dirichlet;
    if (family == "InverseGamma") return Design::Kind::inverse_gamma;
    if (family == "Normal") return Design::Kind::gaussian;
  }
  return Design::Kind::gamma;
}

}  // namespace lvm::certificate
