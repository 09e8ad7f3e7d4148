// Draws that move in steps are quantiles of their distributions, and their terms the sums over all values.

#include <catch2/catch.hpp>
#include <cmath>

#include "backends/interpreter/interpret.h"
#include "ir/families/family.h"

namespace lvm::ir {
namespace {

/// What `term` makes of one value and one slot, for each pair of them.
std::vector<double> values_of(const Term& term, const std::vector<double>& values,
                              const std::vector<double>& slots) {
  Module module{.name = "steps"};
  const AxisId row = module.add_axis({.name = "row", .kind = AxisKind::rows});
  Function function{.name = "f"};
  Builder b(module, function);
  const Type type{Element::real, {row}, -1};
  const NodeId value = b.leaf(Op::data, "value", type), slot = b.leaf(Op::data, "slot", type);
  const NodeId result = b.mul(term(b, value, Slots(std::vector<NodeId>{slot})), b.constant(1));
  const auto tensor = [&](const std::vector<double>& data) {
    return interpreter::Value{type.axes, {static_cast<int64_t>(data.size())}, data};
  };
  interpreter::Environment environment;
  environment["data.value"] = tensor(values);
  environment["data.slot"] = tensor(slots);
  return interpreter::evaluate(module, function, environment)[static_cast<size_t>(result)].data;
}

double normal_cdf(double x) {
  return std::erfc(-x / std::sqrt(2.0)) / 2;
}

/// The masses below and above n of Poisson(rate), each summed from its own end.
std::pair<double, double> poisson_masses(double rate, double n) {
  const auto mass = [&](double k) { return std::exp(k * std::log(rate) - rate - std::lgamma(k + 1)); };
  double below = 0, above = 0;
  for (double k = std::max(0.0, std::floor(n - 1 - 60 * std::sqrt(rate + 1))); k < n; ++k) below += mass(k);
  for (double k = std::ceil(n + 1 + 60 * std::sqrt(rate + 1)); k > n; --k) above += mass(k);
  return {below, above};
}

}  // namespace

TEST_CASE("a draw of Poisson is the quantile of its noise", "[families]") {
  std::vector<double> noise, rates;
  for (const double rate : {1e-8, 1e-3, 0.1, 0.7, 1.0, 3.5, 10.0, 47.3, 300.0, 1e4, 1e6}) {
    for (double e = -8.2; e <= 8.2; e += 0.37) {
      noise.push_back(e);
      rates.push_back(rate);
    }
  }
  const std::vector<double> drawn = values_of(find_family("Poisson.rate")->draw->sample, noise, rates);
  std::vector<double> logs = rates;
  for (double& x : logs) x = std::log(x);
  CHECK(values_of(find_family("Poisson.log_rate")->draw->sample, noise, logs) == drawn);
  for (size_t i = 0; i < noise.size(); ++i) {
    INFO(rates[i] << " at " << noise[i] << " gives " << drawn[i]);
    const auto [below, above] = poisson_masses(rates[i], drawn[i]);
    // F(n - 1) <= u < F(n), but for the rounding of the sums here.
    constexpr double rounding = 1e-6;
    CHECK(below <= normal_cdf(noise[i]) * (1 + rounding));
    CHECK(above <= normal_cdf(-noise[i]) * (1 + rounding));
  }
}

TEST_CASE("draws of Geometric and Bernoulli are quantiles, and their moments and entropies those of sums",
          "[families]") {
  std::vector<double> noise, p;
  for (const double each : {0.02, 0.3, 0.5, 0.97}) {
    for (double u = 0.005; u < 1; u += 0.01) {
      noise.push_back(u);
      p.push_back(each);
    }
  }
  const Family &geometric = *find_family("Geometric.p"), &bernoulli = *find_family("Bernoulli.p");
  const std::vector<double> failures = values_of(geometric.draw->sample, noise, p),
                            flags = values_of(bernoulli.draw->sample, noise, p);
  for (size_t i = 0; i < noise.size(); ++i) {
    CHECK(std::pow(1 - p[i], failures[i]) >= noise[i] * (1 - 1e-12));  // P(n or more)
    CHECK(std::pow(1 - p[i], failures[i] + 1) < noise[i]);
    CHECK(flags[i] == (noise[i] < p[i] ? 1 : 0));
  }
  const std::vector<double> at = {0.02, 0.3, 0.5, 0.97}, none(4);
  const auto means = values_of(geometric.draw->mean, none, at),
             variances = values_of(geometric.draw->variance, none, at),
             entropies = values_of(geometric.draw->entropy, none, at);
  const auto flag_entropies = values_of(bernoulli.draw->entropy, none, at);
  for (size_t i = 0; i < at.size(); ++i) {
    double mean = 0, square = 0, entropy = 0;
    for (double n = 0; n < 4000; ++n) {
      const double log_q = std::log(at[i]) + n * std::log1p(-at[i]), q = std::exp(log_q);
      mean += q * n;
      square += q * n * n;
      entropy -= q * log_q;
    }
    CHECK(means[i] == Approx(mean).epsilon(1e-10));
    CHECK(variances[i] == Approx(square - mean * mean).epsilon(1e-9));
    CHECK(entropies[i] == Approx(entropy).epsilon(1e-10));
    CHECK(flag_entropies[i] ==
          Approx(-at[i] * std::log(at[i]) - (1 - at[i]) * std::log(1 - at[i])).epsilon(1e-12));
  }
}

}  // namespace lvm::ir
