#include "runtime/variance.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lvm::runtime {
namespace {

/// The sum of term(i): blocks of 256, halves added pairwise, so that the error grows with the logarithm of the count.
template <typename Term>
double pairwise_sum(int64_t begin, int64_t end, const Term& term) {
  constexpr int64_t block = 256;
  if (end - begin <= block) {
    double s = 0;
    for (int64_t i = begin; i < end; ++i) s += term(i);
    return s;
  }
  const int64_t middle = begin + (end - begin) / 2;
  return pairwise_sum(begin, middle, term) + pairwise_sum(middle, end, term);
}

}  // namespace

double population_variance(const double* values, int64_t count) {
  if (count <= 0) return 0;
  if (std::all_of(values, values + count, [&](double x) { return x == values[0]; })) return 0;  // not a rounding error's square
  const auto n = static_cast<double>(count);
  const double origin = values[0];  // keeps the sum from losing digits where the mean is far from zero
  const double mean = origin + pairwise_sum(0, count, [&](int64_t i) { return values[i] - origin; }) / n;
  const double squares = pairwise_sum(0, count, [&](int64_t i) { return (values[i] - mean) * (values[i] - mean); });
  const double left = pairwise_sum(0, count, [&](int64_t i) { return values[i] - mean; });
  return (squares - left * left / n) / n;
}

double weighted_variance(const double* values, const double* weights, int64_t count) {
  const double* first = std::find_if(weights, weights + count, [](double w) { return w > 0; });
  if (first == weights + count) return 0;
  const double origin = values[first - weights];
  // Not w (x - origin): a value that does not count may be anything.
  const auto sum = [&](auto term) {
    return pairwise_sum(0, count, [&](int64_t i) { return weights[i] > 0 ? weights[i] * term(values[i]) : 0.0; });
  };
  if (sum([&](double x) { return x == origin ? 0.0 : 1.0; }) == 0) return 0;
  const double n = sum([](double) { return 1.0; });
  const double mean = origin + sum([&](double x) { return x - origin; }) / n;
  const double squares = sum([&](double x) { return (x - mean) * (x - mean); });
  const double left = sum([&](double x) { return x - mean; });
  return (squares - left * left / n) / n;
}

double column_variance(const double* values, const double* weights, int64_t count) {
  const auto of = [](const double* x, const double* w, int64_t n) {
    return w ? weighted_variance(x, w, n) : population_variance(x, n);
  };
  if (std::none_of(values, values + count, [](double x) { return std::isnan(x); })) return of(values, weights, count);
  std::vector<double> observed, their_weights;
  for (int64_t i = 0; i < count; ++i) {
    if (std::isnan(values[i])) continue;
    observed.push_back(values[i]);
    if (weights) their_weights.push_back(weights[i]);
  }
  return of(observed.data(), weights ? their_weights.data() : nullptr, static_cast<int64_t>(observed.size()));
}

}  // namespace lvm::runtime
