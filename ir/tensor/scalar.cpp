#include "ir/tensor/scalar.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace lvm::ir {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

double sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}
double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}
/// Not std::lgamma, which writes a global.
double log_gamma(double x) {
  int sign = 0;
  return lgamma_r(x, &sign);
}
bool is_pole(double x) {
  return x <= 0 && std::floor(x) == x;
}

}  // namespace

double greater(double a, double b) {
  return std::isnan(a) || a > b ? a : b;
}

double digamma(double x) {
  if (std::isnan(x) || x == -infinity || is_pole(x)) return nan;
  if (x < 0) return digamma(1 - x) - std::numbers::pi / std::tan(std::numbers::pi * (x - std::floor(x)));
  if (x == infinity) return x;
  // In long double: the recurrence cancels against the logarithm.
  long double sum = 0, y = x;
  for (; y < 16; y += 1) sum -= 1 / y;
  const long double r = 1 / (y * y);
  const long double tail =
      r * (1.0L / 12 -
           r * (1.0L / 120 -
                r * (1.0L / 252 - r * (1.0L / 240 - r * (1.0L / 132 - r * (691.0L / 32760 - r / 12))))));
  return static_cast<double>(sum + (std::log(y) - 0.5L / y - tail));
}

double trigamma(double x) {
  if (std::isnan(x) || x == -infinity) return nan;
  if (is_pole(x)) return infinity;
  if (x < 0) {
    const double s = std::sin(std::numbers::pi * (x - std::floor(x)));
    return std::numbers::pi * std::numbers::pi / (s * s) - trigamma(1 - x);
  }
  long double sum = 0, y = x;
  for (; y < 16; y += 1) sum += 1 / (y * y);
  const long double r = 1 / (y * y);
  const long double tail =
      1.0L / 6 - r * (1.0L / 30 - r * (1.0L / 42 - r * (1.0L / 30 - r * (5.0L / 66 - r * 691.0L / 2730))));
  return static_cast<double>(sum + (1 + 0.5L / y + r * tail) / y);
}

namespace {

constexpr std::pair<Op, Scalar1> unary_values[] = {
    {Op::neg, [](double x) { return -x; }},
    {Op::abs, [](double x) { return std::abs(x); }},
    {Op::exp, [](double x) { return std::exp(x); }},
    {Op::log, [](double x) { return std::log(x); }},
    {Op::expm1, [](double x) { return std::expm1(x); }},
    {Op::log1p, [](double x) { return std::log1p(x); }},
    {Op::sqrt, [](double x) { return std::sqrt(x); }},
    {Op::square, [](double x) { return x * x; }},
    {Op::reciprocal, [](double x) { return 1 / x; }},
    {Op::sigmoid, sigmoid},
    {Op::softplus, softplus},
    {Op::tanh, [](double x) { return std::tanh(x); }},
    {Op::relu, [](double x) { return x > 0 ? x : (std::isnan(x) ? x : 0.0); }},
    {Op::erf, [](double x) { return std::erf(x); }},
    {Op::erfcx, erfcx},
    {Op::cos, [](double x) { return std::cos(x); }},
    {Op::sin, [](double x) { return std::sin(x); }},
    {Op::lgamma, log_gamma},
    {Op::digamma, digamma},
    {Op::trigamma, trigamma},
    {Op::binet, binet},
    {Op::binet_slope, binet_slope},
    {Op::binet_curve, binet_curve},
    {Op::log_bessel, log_bessel},
    {Op::bessel_ratio, bessel_ratio},
    {Op::bessel_slope, bessel_slope},
    {Op::floor, [](double x) { return std::floor(x); }},
    {Op::is_finite, [](double x) { return std::isfinite(x) ? 1.0 : 0.0; }},
    {Op::logical_not, [](double x) { return x == 0 ? 1.0 : 0.0; }},
};

constexpr std::pair<Op, Scalar2> binary_values[] = {
    {Op::add, [](double a, double b) { return a + b; }},
    {Op::sub, [](double a, double b) { return a - b; }},
    {Op::mul, [](double a, double b) { return a * b; }},
    {Op::div, [](double a, double b) { return a / b; }},
    {Op::pow, [](double a, double b) { return std::pow(a, b); }},
    {Op::log_gamma_draw, log_gamma_draw},
    {Op::log_gamma_draw_slope, log_gamma_draw_slope},
    {Op::maximum, greater},
    {Op::minimum, [](double a, double b) { return std::isnan(a) || a < b ? a : b; }},
    {Op::less, [](double a, double b) { return a < b ? 1.0 : 0.0; }},
    {Op::less_equal, [](double a, double b) { return a <= b ? 1.0 : 0.0; }},
    {Op::equal, [](double a, double b) { return a == b ? 1.0 : 0.0; }},
    {Op::logical_and, [](double a, double b) { return a != 0 && b != 0 ? 1.0 : 0.0; }},
    {Op::logical_or, [](double a, double b) { return a != 0 || b != 0 ? 1.0 : 0.0; }},
};

template <class Row, size_t n>
auto find(const Row (&rows)[n], Op op) -> decltype(rows[0].second) {
  for (const Row& row : rows)
    if (row.first == op) return row.second;
  return nullptr;
}

}  // namespace

Scalar1 scalar1(Op op) {
  return find(unary_values, op);
}
Scalar2 scalar2(Op op) {
  return find(binary_values, op);
}

}  // namespace lvm::ir
