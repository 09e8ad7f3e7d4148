// Draws of every family against its density, integrated on a grid: Kolmogorov & Smirnov's distance of 100,000
// draws.

#include "runtime/samplers.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "backends/interpreter/interpret.h"
#include "ir/families/family.h"

namespace lvm::runtime {
namespace {

constexpr int draws = 100'000;

/// exp of the family's log density at each of `values`.
std::vector<double> densities(std::string_view parameterisation, const std::vector<double>& slots,
                              const std::vector<double>& values) {
  ir::Module module{.name = "density"};
  const ir::AxisId row = module.add_axis({.name = "row", .kind = ir::AxisKind::rows});
  ir::Function function{.name = "f"};
  ir::Builder b(module, function);
  const ir::NodeId y = b.leaf(ir::Op::data, "y", {ir::Element::real, {row}, -1});
  std::vector<ir::NodeId> nodes;
  for (const double slot : slots)
    nodes.push_back(b.make(ir::Op::broadcast, {b.constant(slot)}, {.axes = {row}}));
  const ir::NodeId density = ir::find_family(parameterisation)->log_density(b, y, nodes);
  interpreter::Environment environment;
  environment["data.y"] = {{row}, {static_cast<int64_t>(values.size())}, values};
  std::vector<double> out =
      interpreter::evaluate(module, function, environment)[static_cast<size_t>(density)].data;
  for (double& x : out) x = std::exp(x);
  return out;
}

struct Example {
  std::string_view parameterisation;
  std::vector<double> slots;
  double low, high;  // all but 1e-6 of the mass lies between
  bool counts = false;
};

/// The values of a grid, or all counts; the mass of each.
std::pair<std::vector<double>, std::vector<double>> masses(const Example& example) {
  const int64_t cells = example.counts ? static_cast<int64_t>(example.high - example.low) + 1 : 200'000;
  const double width = example.counts ? 1 : (example.high - example.low) / static_cast<double>(cells);
  std::vector<double> values;
  for (int64_t i = 0; i < cells; ++i)
    values.push_back(example.low + (static_cast<double>(i) + (example.counts ? 0 : 0.5)) * width);
  std::vector<double> mass = densities(example.parameterisation, example.slots, values);
  for (double& x : mass) x *= width;
  return {std::move(values), std::move(mass)};
}

std::vector<double> drawn(const Example& example, const Sampler& sampler) {
  SlotValues slots;
  for (const double& slot : example.slots) slots.emplace_back(&slot, 1);
  Generator generator(2024);
  std::vector<double> out(draws);
  for (double& x : out) sampler.draw(slots, {&x, 1}, generator);
  std::ranges::sort(out);
  return out;
}

const std::vector<Example> examples = {
    {"Normal.mean.sd", {1, 2}, -14, 16},
    {"Normal.mean.var", {1, 4}, -14, 16},
    {"Normal.mean.precision", {1, 0.25}, -14, 16},
    {"LogNormal.log_mean.log_sd", {0.3, 0.5}, 1e-9, 40},
    {"Laplace.location.scale", {-1, 0.7}, -16, 14},
    {"Logistic.location.scale", {-1, 0.7}, -16, 14},
    {"StudentT.df.location.scale", {6, 1, 0.5}, -14, 16},
    {"Uniform.low.high", {-1, 3}, -1, 3},
    {"Exponential.rate", {2}, 0, 10},
    {"Exponential.scale", {2}, 0, 40},
    {"Gamma.shape.rate", {2.5, 3}, 0, 12},
    {"Gamma.shape.scale", {1.5, 2}, 0, 60},
    {"Gamma.shape.mean", {4, 3}, 0, 40},
    {"InverseGamma.shape.scale", {6, 3}, 1e-6, 30},
    {"Beta.a.b", {1.5, 3}, 0, 1},
    {"Weibull.shape.scale", {1.7, 2}, 0, 20},
    {"VonMises.mean.concentration", {0.5, 2}, -M_PI, M_PI},
    {"VonMises.mean.concentration", {0, 1e-3}, -M_PI, M_PI},
    {"ContinuousBernoulli.p", {0.8}, 0, 1},
    {"ContinuousBernoulli.logits", {-3}, 0, 1},
    {"ContinuousBernoulli.logits", {1e-9}, 0, 1},
    {"Bernoulli.p", {0.3}, 0, 1, true},
    {"Bernoulli.logits", {0.4}, 0, 1, true},
    {"Binomial.n.p", {9, 0.3}, 0, 9, true},
    {"Binomial.n.logits", {9, 0.4}, 0, 9, true},
    {"Poisson.rate", {3.5}, 0, 60, true},
    {"Poisson.log_rate", {2}, 0, 60, true},
    {"NegativeBinomial.mean.shape", {4, 1.5}, 0, 200, true},
    {"Geometric.p", {0.2}, 0, 200, true},
};

}  // namespace

TEST_CASE("draws have the distribution of the density, and means are its integral") {
  for (const Example& example : examples) {
    CAPTURE(std::string(example.parameterisation), example.slots);
    const Sampler* sampler = find_sampler(example.parameterisation);
    REQUIRE(sampler);
    const auto [values, mass] = masses(example);
    const double all = std::accumulate(mass.begin(), mass.end(), 0.0);
    REQUIRE(all == Approx(1).margin(2e-5));
    const double expected = std::inner_product(values.begin(), values.end(), mass.begin(), 0.0);
    double mean = 0;
    SlotValues slots;
    for (const double& slot : example.slots) slots.emplace_back(&slot, 1);
    sampler->mean(slots, {&mean, 1});
    const bool circular = example.parameterisation.starts_with("VonMises");  // its mean is a direction
    if (!circular) CHECK(mean == Approx(expected).epsilon(2e-4).margin(2e-4));
    const std::vector<double> sample = drawn(example, *sampler);
    double distance = 0, below = 0;
    const double half = example.counts ? 0.5 : 0.5 * (values[1] - values[0]);
    for (size_t i = 0; i < values.size(); ++i) {
      below += mass[i];
      const auto count = std::ranges::upper_bound(sample, values[i] + half) - sample.begin();
      distance = std::max(distance, std::abs(static_cast<double>(count) / draws - below));
    }
    CHECK(std::sqrt(draws) * distance < 1.95);  // P = 0.001
  }
}

namespace {

/// Means and covariances of drawn vectors.
struct Moments {
  std::vector<double> mean, covariance;
};
Moments moments_of(std::string_view parameterisation, const std::vector<std::vector<double>>& slots,
                   size_t size) {
  const Sampler* sampler = find_sampler(parameterisation);
  REQUIRE(sampler);
  SlotValues spans(slots.begin(), slots.end());
  Generator generator(7);
  Moments to{std::vector<double>(size), std::vector<double>(size * size)};
  std::vector<double> event(size);
  for (int i = 0; i < draws; ++i) {
    sampler->draw(spans, event, generator);
    for (size_t a = 0; a < size; ++a) {
      to.mean[a] += event[a] / draws;
      for (size_t b = 0; b < size; ++b) to.covariance[a * size + b] += event[a] * event[b] / draws;
    }
  }
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = 0; b < size; ++b) to.covariance[a * size + b] -= to.mean[a] * to.mean[b];
  }
  return to;
}

void check_moments(const Moments& found, const Moments& expected) {
  const size_t size = expected.mean.size();
  for (size_t a = 0; a < size; ++a) {
    CHECK(found.mean[a] ==
          Approx(expected.mean[a]).margin(5 * std::sqrt(expected.covariance[a * size + a] / draws)));
    for (size_t b = 0; b < size; ++b) {
      const double scale = std::sqrt(expected.covariance[a * size + a] * expected.covariance[b * size + b]);
      CHECK(found.covariance[a * size + b] ==
            Approx(expected.covariance[a * size + b]).margin(10 * scale / std::sqrt(draws)));
    }
  }
}

}  // namespace

TEST_CASE("drawn vectors have the means and covariances of their families") {
  const std::vector<double> mean = {1, -2}, covariance = {2, 0.6, 0.6, 0.5};
  const Moments normal{mean, covariance};
  const double l = std::sqrt(2.0);
  check_moments(moments_of("Normal.mean.cov", {mean, covariance}, 2), normal);
  check_moments(moments_of("Normal.mean.cholesky", {mean, {l, 0, 0.6 / l, std::sqrt(0.5 - 0.18)}}, 2),
                normal);
  check_moments(moments_of("Normal.mean.factor.sd", {mean, {1, 0.6}, {1, std::sqrt(0.14)}}, 2), normal);
  const double determinant = 2 * 0.5 - 0.36;
  check_moments(
      moments_of("Normal.mean.precision_matrix",
                 {mean, {0.5 / determinant, -0.6 / determinant, -0.6 / determinant, 2 / determinant}}, 2),
      normal);
  // Dirichlet(2, 3, 0.5) and Multinomial(7; p): the textbook's.
  const std::vector<double> alpha = {2, 3, 0.5}, p = {0.2, 0.5, 0.3};
  Moments dirichlet{{}, std::vector<double>(9)}, multinomial = dirichlet;
  for (size_t a = 0; a < 3; ++a) {
    dirichlet.mean.push_back(alpha[a] / 5.5);
    multinomial.mean.push_back(7 * p[a]);
  }
  for (size_t a = 0; a < 3; ++a) {
    for (size_t b = 0; b < 3; ++b) {
      const double same = a == b ? 1 : 0;
      dirichlet.covariance[a * 3 + b] =
          (same * dirichlet.mean[a] - dirichlet.mean[a] * dirichlet.mean[b]) / 6.5;
      multinomial.covariance[a * 3 + b] = 7 * (same * p[a] - p[a] * p[b]);
    }
  }
  check_moments(moments_of("Dirichlet.alpha", {alpha}, 3), dirichlet);
  check_moments(moments_of("Multinomial.n.p", {{7}, p}, 3), multinomial);
}

TEST_CASE("drawn matrices have the means and covariances of Wishart and InverseWishart") {
  const std::vector<double> scale = {2, 0.6, 0.6, 0.5};
  const auto at = [&](size_t i, size_t j) { return scale[i * 2 + j]; };
  const double df = 14.5, spare = df - 3;  // Anderson 2003, section 7.3.2; von Rosen 1988 for the inverse
  Moments wishart{{}, std::vector<double>(16)}, inverse = wishart;
  for (size_t a = 0; a < 4; ++a) {
    wishart.mean.push_back(df * scale[a]);
    inverse.mean.push_back(scale[a] / spare);
    for (size_t b = 0; b < 4; ++b) {
      const size_t i = a / 2, j = a % 2, k = b / 2, l = b % 2;
      const double cross = at(i, k) * at(j, l) + at(i, l) * at(j, k);
      wishart.covariance[a * 4 + b] = df * cross;
      inverse.covariance[a * 4 + b] =
          (2 * scale[a] * scale[b] + spare * cross) / ((spare + 1) * spare * spare * (spare - 2));
    }
  }
  check_moments(moments_of("Wishart.df.scale", {{df}, scale}, 4), wishart);
  check_moments(moments_of("InverseWishart.df.scale", {{df}, scale}, 4), inverse);
  std::vector<double> mean(4);
  const std::vector<double> slot = {df};
  find_sampler("Wishart.df.scale")->mean({slot, scale}, mean);
  CHECK(mean[1] == Approx(wishart.mean[1]));
  find_sampler("InverseWishart.df.scale")->mean({slot, scale}, mean);
  CHECK(mean[1] == Approx(inverse.mean[1]));
}

TEST_CASE("categories are drawn as often as they are probable, and never where they are not") {
  for (const std::string_view name : {"Categorical.p", "Categorical.logits"}) {
    const std::vector<double> p = {0.2, 0, 0.5, 0.3};
    std::vector<double> slot = p;
    if (name == "Categorical.logits") {
      for (double& x : slot) x = std::log(x) + 3;
    }
    Generator generator(3);
    std::vector<double> counts(4);
    for (int i = 0; i < draws; ++i) {
      double value = -1;
      find_sampler(name)->draw({slot}, {&value, 1}, generator);
      counts.at(static_cast<size_t>(value)) += 1;
    }
    for (size_t k = 0; k < 4; ++k)
      CHECK(counts[k] == Approx(draws * p[k]).margin(5 * std::sqrt(draws * p[k] * (1 - p[k])) + 1e-9));
    double best = -1;
    find_sampler(name)->mean({slot}, {&best, 1});
    CHECK(best == 2);
  }
}

}  // namespace lvm::runtime
