#include "runtime/variance.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lvm::runtime {
namespace {

/// The sum of term(i): blocks of 256, halves added pairwise, so that the error grows with the logarithm of
/// the count.
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

template <typename Cells>
double population(const Cells& values, int64_t count) {
  if (count <= 0) return 0;
  const double origin = values[0];  // keeps the sum from losing digits where the mean is far from zero
  bool equal = true;
  for (int64_t i = 0; equal && i < count; ++i) equal = values[i] == origin;
  if (equal) return 0;  // not a rounding error's square
  const auto n = static_cast<double>(count);
  const double mean = origin + pairwise_sum(0, count, [&](int64_t i) { return values[i] - origin; }) / n;
  const double squares =
      pairwise_sum(0, count, [&](int64_t i) { return (values[i] - mean) * (values[i] - mean); });
  const double left = pairwise_sum(0, count, [&](int64_t i) { return values[i] - mean; });
  return (squares - left * left / n) / n;
}

template <typename Cells>
double weighted(const Cells& values, const double* weights, int64_t count) {
  const double* first = std::find_if(weights, weights + count, [](double w) { return w > 0; });
  if (first == weights + count) return 0;
  const double origin = values[first - weights];
  // Not w (x - origin): a value that does not count may be anything.
  const auto sum = [&](auto term) {
    return pairwise_sum(0, count,
                        [&](int64_t i) { return weights[i] > 0 ? weights[i] * term(values[i]) : 0.0; });
  };
  if (sum([&](double x) { return x == origin ? 0.0 : 1.0; }) == 0) return 0;
  const double n = sum([](double) { return 1.0; });
  const double mean = origin + sum([&](double x) { return x - origin; }) / n;
  const double squares = sum([&](double x) { return (x - mean) * (x - mean); });
  const double left = sum([&](double x) { return x - mean; });
  return (squares - left * left / n) / n;
}

template <typename Cells>
double variance(const Cells& values, const double* weights, int64_t count) {
  return weights ? weighted(values, weights, count) : population(values, count);
}

}  // namespace

double population_variance(const double* values, int64_t count) {
  return population(values, count);
}
double weighted_variance(const double* values, const double* weights, int64_t count) {
  return weighted(values, weights, count);
}

double column_variance(const CellColumn& values, const double* weights, int64_t count) {
  bool complete = true;
  for (int64_t i = 0; complete && i < count; ++i) complete = !std::isnan(values[i]);
  if (complete)
    return values.packed() ? variance(values.packed(), weights, count) : variance(values, weights, count);
  std::vector<double> observed, their_weights;
  for (int64_t i = 0; i < count; ++i) {
    if (std::isnan(values[i])) continue;
    observed.push_back(values[i]);
    if (weights) their_weights.push_back(weights[i]);
  }
  return variance(observed.data(), weights ? their_weights.data() : nullptr,
                  static_cast<int64_t>(observed.size()));
}

}  // namespace lvm::runtime
