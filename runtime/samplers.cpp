#include "runtime/samplers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "runtime/linalg.h"

namespace lvm::runtime {
namespace {

using Event = std::span<double>;
using Slots = SlotValues;

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double uniform(Generator& g) {
  return std::uniform_real_distribution<double>(0, 1)(g);
}
double normal(Generator& g) {
  return std::normal_distribution<double>()(g);
}
double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

/// Of a small shape in logarithms: Gamma(a) = Gamma(a + 1) U^(1/a).
double log_gamma_draw(double shape, Generator& g) {
  if (shape >= 1) return std::log(std::gamma_distribution<double>(shape, 1)(g));
  return std::log(std::gamma_distribution<double>(shape + 1, 1)(g)) + std::log1p(-uniform(g)) / shape;
}
double gamma_draw(double shape, Generator& g) {
  return std::exp(log_gamma_draw(shape, g));
}

double poisson(double rate, Generator& g) {
  return rate > 0 ? static_cast<double>(std::poisson_distribution<int64_t>(rate)(g)) : 0;
}

double count_of(double n, double p, Generator& g) {
  return static_cast<double>(
      std::binomial_distribution<int64_t>(static_cast<int64_t>(n), std::clamp(p, 0.0, 1.0))(g));
}

std::vector<double> softmax(std::span<const double> logits) {
  const double top = *std::ranges::max_element(logits);
  std::vector<double> p;
  double sum = 0;
  for (const double x : logits) sum += p.emplace_back(std::exp(x - top));
  for (double& x : p) x /= sum;
  return p;
}

double category(std::span<const double> p, Generator& g) {
  double left = uniform(g);
  size_t last = 0;  // of those that can occur: rounding may leave a rest
  for (size_t k = 0; k < p.size(); ++k) {
    if (p[k] <= 0) continue;
    last = k;
    left -= p[k];
    if (left < 0) break;
  }
  return static_cast<double>(last);
}
double most_probable(std::span<const double> p) {
  return static_cast<double>(std::ranges::max_element(p) - p.begin());
}

/// mean + L noise, L a lower triangle.
void correlated(std::span<const double> mean, const std::vector<double>& lower, Event to, Generator& g) {
  const size_t d = to.size();
  std::vector<double> noise(d);
  for (double& x : noise) x = normal(g);
  for (size_t i = 0; i < d; ++i) {
    to[i] = mean[i];
    for (size_t j = 0; j <= i; ++j) to[i] += lower[i * d + j] * noise[j];
  }
}

std::vector<double> cholesky(std::span<const double> matrix, size_t d) {
  std::vector<double> lower(d * d);
  lvm_cholesky(lower.data(), matrix.data(), static_cast<int64_t>(d));
  return lower;
}

/// mean + W e + sd e', W [D, R].
void by_low_rank(const Slots& s, Event to, Generator& g) {
  const size_t rank = s[1].size() / to.size();
  std::vector<double> shared(rank);
  for (double& x : shared) x = normal(g);
  for (size_t d = 0; d < to.size(); ++d) {
    to[d] = s[0][d] + s[2][d] * normal(g);
    for (size_t r = 0; r < rank; ++r) to[d] += s[1][d * rank + r] * shared[r];
  }
}

void by_precision_matrix(const Slots& s, Event to, Generator& g) {
  std::vector<double> inverse(to.size() * to.size());
  lvm_inverse(inverse.data(), s[1].data(), static_cast<int64_t>(to.size()));
  correlated(s[0], cholesky(inverse, to.size()), to, g);
}

/// ln(1 + (2p - 1) u/(1 - p)) / logit p, the inverse of the distribution function; near p = 1/2 its series.
double continuous_bernoulli(double logit, double u) {
  if (std::abs(logit) < 1e-6) return u + logit * u * (u - 1) / -2;
  return logit > 0 ? 1 + std::log(u + (1 - u) * std::exp(-logit)) / logit
                   : std::log1p(u * std::expm1(logit)) / logit;
}
double continuous_bernoulli_mean(double logit) {
  return std::abs(logit) < 1e-3 ? 0.5 + logit / 12 : 1 / -std::expm1(-logit) - 1 / logit;
}

/// Best & Fisher 1979: a wrapped Cauchy envelope.
double von_mises(double concentration, Generator& g) {
  constexpr double pi = 3.14159265358979323846;
  if (concentration < 1e-100) return pi * (2 * uniform(g) - 1);
  // rho = (tau - sqrt(2 tau)) / (2 concentration), without the difference.
  const double root = std::sqrt(1 + 4 * concentration * concentration), tau = 1 + root;
  const double rho = 2 * concentration * tau / ((root + 1) * (tau + std::sqrt(2 * tau))),
               r = (1 + rho * rho) / (2 * rho);
  for (;;) {
    const double z = std::cos(pi * uniform(g)), f = (1 + r * z) / (r + z), c = concentration * (r - f),
                 u = 1 - uniform(g);
    if (c * (2 - c) > u || std::log(c / u) + 1 - c >= 0)
      return (uniform(g) < 0.5 ? -1 : 1) * std::acos(std::clamp(f, -1.0, 1.0));
  }
}

void dirichlet(const Slots& s, Event to, Generator& g) {
  for (size_t i = 0; i < to.size(); ++i) to[i] = log_gamma_draw(s[0][i], g);
  const std::vector<double> shares = softmax(to);
  std::ranges::copy(shares, to.begin());
}

void multinomial(const Slots& s, Event to, Generator& g) {
  double left = s[0][0], mass = 1;
  for (size_t i = 0; i < to.size(); ++i) {
    to[i] = i + 1 == to.size() ? left : count_of(left, mass > 0 ? s[1][i] / mass : 0, g);
    left -= to[i];
    mass -= s[1][i];
  }
}

/// L A A' L', L L' = S, A with the roots of chi^2(df - i) on its diagonal and normal numbers below (Bartlett
/// 1933); of the inverse L (A A')^-1 L'.
void wishart(const Slots& s, Event to, Generator& g, bool inverse) {
  const auto d = static_cast<size_t>(std::llround(std::sqrt(static_cast<double>(to.size()))));
  const std::vector<double> lower = cholesky(s[1], d);
  std::vector<double> a(d * d), factor(d * d, 0);
  for (size_t i = 0; i < d; ++i) {
    for (size_t j = 0; j < i; ++j) a[i * d + j] = normal(g);
    a[i * d + i] = std::sqrt(2 * gamma_draw((s[0][0] - static_cast<double>(i)) / 2, g));
  }
  if (inverse) {
    std::vector<double> inverted(d * d);
    lvm_triangular_inverse(inverted.data(), a.data(), static_cast<int64_t>(d));
    for (size_t i = 0; i < d; ++i)
      for (size_t j = 0; j < d; ++j) a[i * d + j] = inverted[j * d + i];
  }
  for (size_t i = 0; i < d; ++i) {
    for (size_t j = 0; j < d; ++j)
      for (size_t k = 0; k <= i; ++k) factor[i * d + j] += lower[i * d + k] * a[k * d + j];
  }
  for (size_t i = 0; i < d; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (size_t k = 0; k < d; ++k) sum += factor[i * d + k] * factor[j * d + k];
      to[i * d + j] = to[j * d + i] = sum;
    }
  }
}

void scaled_mean(const Slots& s, Event to, double by) {
  for (size_t i = 0; i < to.size(); ++i) to[i] = by * s[1][i];
}

void copy_mean(const Slots& s, Event to) {
  std::ranges::copy(s[0], to.begin());
}

#define LVM_DRAW [](const Slots& s, Event to, Generator& g)
#define LVM_MEAN [](const Slots& s, Event to)

const Sampler samplers[] = {{"Normal.mean.sd", LVM_DRAW{to[0] = s[0][0] + s[1][0] * normal(g);
}  // namespace
, copy_mean
}  // namespace lvm::runtime
, {"Normal.mean.var", LVM_DRAW{to[0] = s[0][0] + std::sqrt(s[1][0]) * normal(g);
}
, copy_mean
}
, {"Normal.mean.precision", LVM_DRAW{to[0] = s[0][0] + normal(g) / std::sqrt(s[1][0]);
}
, copy_mean
}
, {"Normal.mean.cov", LVM_DRAW{correlated(s[0], cholesky(s[1], to.size()), to, g);
}
, copy_mean
}
, {"Normal.mean.cholesky", LVM_DRAW{correlated(s[0], {s[1].begin(), s[1].end()}, to, g);
}
, copy_mean
}
, {"Normal.mean.precision_matrix", by_precision_matrix, copy_mean},
    {"Normal.mean.factor.sd", by_low_rank, copy_mean},
    {"LogNormal.log_mean.log_sd", LVM_DRAW{to[0] = std::exp(s[0][0] + s[1][0] * normal(g));
}
, LVM_MEAN {
  to[0] = std::exp(s[0][0] + s[1][0] * s[1][0] / 2);
}
}
, {"Laplace.location.scale", LVM_DRAW{const double u = uniform(g) - 0.5;
to[0] = s[0][0] - s[1][0] * std::copysign(std::log1p(-2 * std::abs(u)), u);
}
, copy_mean
}
, {"Logistic.location.scale", LVM_DRAW{const double u = std::max(uniform(g), 0x1p-54);
to[0] = s[0][0] + s[1][0] * (std::log(u) - std::log1p(-u));
}
, copy_mean
}
, {"StudentT.df.location.scale",
   LVM_DRAW{to[0] = s[1][0] + s[2][0] * normal(g) / std::sqrt(2 * gamma_draw(s[0][0] / 2, g) / s[0][0]);
}
, LVM_MEAN {
  to[0] = s[0][0] > 1 ? s[1][0] : none;
}
}
, {"Uniform.low.high", LVM_DRAW{to[0] = s[0][0] + (s[1][0] - s[0][0]) * uniform(g);
}
, LVM_MEAN {
  to[0] = (s[0][0] + s[1][0]) / 2;
}
}
, {"Exponential.rate", LVM_DRAW{to[0] = -std::log1p(-uniform(g)) / s[0][0];
}
, LVM_MEAN {
  to[0] = 1 / s[0][0];
}
}
, {"Exponential.scale", LVM_DRAW{to[0] = -std::log1p(-uniform(g)) * s[0][0];
}
, LVM_MEAN {
  to[0] = s[0][0];
}
}
, {"Gamma.shape.rate", LVM_DRAW{to[0] = gamma_draw(s[0][0], g) / s[1][0];
}
, LVM_MEAN {
  to[0] = s[0][0] / s[1][0];
}
}
, {"Gamma.shape.scale", LVM_DRAW{to[0] = gamma_draw(s[0][0], g) * s[1][0];
}
, LVM_MEAN {
  to[0] = s[0][0] * s[1][0];
}
}
, {"Gamma.shape.mean", LVM_DRAW{to[0] = gamma_draw(s[0][0], g) * s[1][0] / s[0][0];
}
, LVM_MEAN {
  to[0] = s[1][0];
}
}
, {"InverseGamma.shape.scale", LVM_DRAW{to[0] = s[1][0] / gamma_draw(s[0][0], g);
}
, LVM_MEAN {
  to[0] = s[0][0] > 1 ? s[1][0] / (s[0][0] - 1) : none;
}
}
, {"Beta.a.b", LVM_DRAW{to[0] = logistic(log_gamma_draw(s[0][0], g) - log_gamma_draw(s[1][0], g));
}
, LVM_MEAN {
  to[0] = s[0][0] / (s[0][0] + s[1][0]);
}
}
, {"Weibull.shape.scale", LVM_DRAW{to[0] = s[1][0] * std::pow(-std::log1p(-uniform(g)), 1 / s[0][0]);
}
, LVM_MEAN {
  to[0] = s[1][0] * std::tgamma(1 + 1 / s[0][0]);
}
}
, {"VonMises.mean.concentration",
   LVM_DRAW{to[0] = std::remainder(s[0][0] + von_mises(s[1][0], g), 2 * 3.14159265358979323846);
}
, copy_mean
}
, {"ContinuousBernoulli.p",
   LVM_DRAW{to[0] = continuous_bernoulli(std::log(s[0][0]) - std::log1p(-s[0][0]), uniform(g));
}
, LVM_MEAN {
  to[0] = continuous_bernoulli_mean(std::log(s[0][0]) - std::log1p(-s[0][0]));
}
}
, {"ContinuousBernoulli.logits", LVM_DRAW{to[0] = continuous_bernoulli(s[0][0], uniform(g));
}
, LVM_MEAN {
  to[0] = continuous_bernoulli_mean(s[0][0]);
}
}
, {"Bernoulli.p", LVM_DRAW{to[0] = uniform(g) < s[0][0] ? 1 : 0;
}
, copy_mean
}
, {"Bernoulli.logits", LVM_DRAW{to[0] = uniform(g) < logistic(s[0][0]) ? 1 : 0;
}
, LVM_MEAN {
  to[0] = logistic(s[0][0]);
}
}
, {"Categorical.p", LVM_DRAW{to[0] = category(s[0], g);
}
, LVM_MEAN {
  to[0] = most_probable(s[0]);
}
}
, {"Categorical.logits", LVM_DRAW{to[0] = category(softmax(s[0]), g);
}
, LVM_MEAN {
  to[0] = most_probable(s[0]);
}
}
, {"Binomial.n.p", LVM_DRAW{to[0] = count_of(s[0][0], s[1][0], g);
}
, LVM_MEAN {
  to[0] = s[0][0] * s[1][0];
}
}
, {"Binomial.n.logits", LVM_DRAW{to[0] = count_of(s[0][0], logistic(s[1][0]), g);
}
, LVM_MEAN {
  to[0] = s[0][0] * logistic(s[1][0]);
}
}
, {"Poisson.rate", LVM_DRAW{to[0] = poisson(s[0][0], g);
}
, copy_mean
}
, {"Poisson.log_rate", LVM_DRAW{to[0] = poisson(std::exp(s[0][0]), g);
}
, LVM_MEAN {
  to[0] = std::exp(s[0][0]);
}
}
, {"NegativeBinomial.mean.shape", LVM_DRAW{to[0] = poisson(gamma_draw(s[1][0], g) * s[0][0] / s[1][0], g);
}
, copy_mean
}
, {"Geometric.p",
   LVM_DRAW{to[0] = s[0][0] < 1 ? std::floor(std::log1p(-uniform(g)) / std::log1p(-s[0][0])) : 0;
}
, LVM_MEAN {
  to[0] = (1 - s[0][0]) / s[0][0];
}
}
, {"Dirichlet.alpha", dirichlet, LVM_MEAN{double sum = 0;
for (const double a : s[0]) sum += a;
for (size_t i = 0; i < to.size(); ++i) to[i] = s[0][i] / sum;
}
}
, {"GumbelSoftmax.logits.temperature", LVM_DRAW{std::vector<double> scores;
for (const double logit : s[0])
  scores.push_back((logit - std::log(-std::log(std::max(uniform(g), 0x1p-54)))) / s[1][0]);
std::ranges::copy(softmax(scores), to.begin());
}
, [](const Slots&, Event to) { std::ranges::fill(to, none); }
}
, {"Wishart.df.scale", LVM_DRAW{wishart(s, to, g, false);
}
, LVM_MEAN {
  scaled_mean(s, to, s[0][0]);
}
}
, {"InverseWishart.df.scale", LVM_DRAW{wishart(s, to, g, true);
}
, LVM_MEAN {
  const double spare = s[0][0] - std::sqrt(static_cast<double>(to.size())) - 1;
  scaled_mean(s, to, spare > 0 ? 1 / spare : none);
}
}
, {"Multinomial.n.p", multinomial, LVM_MEAN{for (size_t i = 0; i < to.size(); ++i) to[i] = s[0][0] * s[1][i];
}
}
,
}
;

#undef LVM_DRAW
#undef LVM_MEAN

}  // namespace

const Sampler* find_sampler(std::string_view parameterisation) {
  const auto* found = std::ranges::find(samplers, parameterisation, &Sampler::parameterisation);
  return found == std::end(samplers) ? nullptr : found;
}

}  // namespace lvm::runtime
