// Every inline function against the long double of the C library, over its whole range, at both widths.

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "ir/maths/maths.h"
#include "ir/tensor/scalar.h"
#include "tests/unit/loop/run_program.h"

using namespace lvm;
using namespace lvm::test;

namespace {

using Body = loop::Value (*)(loop::Builder&, loop::Value);
using Reference = long double (*)(long double);

/// output[i] = body(parameters[i]) for i < rows.
loop::Function over_array(const std::string& name, Body body, bool vector) {
  loop::Builder b(name);
  b.loop(b.index(0), b.rows(), vector ? loop::lane_count : 1, [&](loop::Value i) {
    auto type = vector ? loop::Type::reals : loop::Type::real;
    b.store({loop::Buffer::output, i, 0}, body(b, b.load(type, {loop::Buffer::parameters, i, 0})));
  });
  b.leave(b.index(0));
  return b.take();
}

/// |got - want| in units of the last place of `want`.
double ulps(double got, long double want) {
  auto rounded = static_cast<double>(want);
  if (got == rounded || (std::isnan(got) && std::isnan(rounded))) return 0;
  if (!std::isfinite(got) || !std::isfinite(rounded)) return 1e300;
  int exponent = 0;
  std::frexp(rounded, &exponent);
  double unit = std::ldexp(1.0, std::max(exponent - 53, -1074));
  return static_cast<double>(std::abs(static_cast<long double>(got) - want)) / unit;
}

struct Range {
  double low, high;
  bool by_bits;  // points spread over the bit patterns rather than the line
};

Block points(const std::vector<Range>& ranges, int64_t each) {
  std::mt19937_64 random(11);
  std::vector<double> all = {0.0,
                             -0.0,
                             1.0,
                             -1.0,
                             0.5,
                             2.0,
                             1e-300,
                             -1e-300,
                             5e-324,
                             -5e-324,
                             2.2250738585072014e-308,
                             std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::max(),
                             std::numeric_limits<double>::lowest(),
                             1 - 0x1p-53,
                             1 + 0x1p-52,
                             2 - 0x1p-52,
                             2 + 0x1p-51};
  for (const Range& range : ranges) {
    for (int64_t i = 0; i < each; ++i) {
      if (range.by_bits) {
        int64_t low = 0, high = 0;
        std::memcpy(&low, &range.low, 8);
        std::memcpy(&high, &range.high, 8);
        int64_t bits = std::uniform_int_distribution<int64_t>(low, high)(random);
        all.emplace_back();
        std::memcpy(&all.back(), &bits, 8);
      } else {
        all.push_back(std::uniform_real_distribution<>(range.low, range.high)(random));
      }
    }
  }
  while (all.size() % 8 != 0) all.push_back(1);
  Block block(static_cast<int64_t>(all.size()));
  std::copy(all.begin(), all.end(), block.data());
  return block;
}

struct Worst {
  double error = 0, at = 0, got = 0;
};

/// `absolute`: an error that is let pass whatever the size of the result.
Worst check(const std::string& name, Body body, Reference reference, const std::vector<Range>& ranges,
            double absolute = 0, double most = 2) {
  Block in = points(ranges, 1000000 / static_cast<int64_t>(ranges.size()) + 1);
  Block out(in.size()), narrow(in.size());
  loop::Unit unit{{over_array("wide", body, true), over_array("narrow", body, false)}};
  for (const auto& function : unit.functions) REQUIRE(loop::verify(function) == std::vector<std::string>{});
  jit::Jit jit({});
  auto executable = jit.compile(unit);
  lvm_frame frame{nullptr, in.data(), nullptr, nullptr, out.data(),
                  nullptr, 0,         0,       0,       static_cast<int32_t>(in.size())};
  executable.at("wide")(&frame);
  frame.output = narrow.data();
  executable.at("narrow")(&frame);
  Worst worst;
  for (int64_t i = 0; i < in.size(); ++i) {
    long double want = reference(static_cast<long double>(in[i]));
    double error = ulps(out[i], want);
    if (error > worst.error &&
        !(std::abs(static_cast<long double>(out[i]) - want) <= static_cast<long double>(absolute))) {
      worst = {error, in[i], out[i]};
    }
    // NaNs have no one pattern.
    bool alike = std::isnan(out[i]) ? std::isnan(narrow[i]) : std::memcmp(&out[i], &narrow[i], 8) == 0;
    if (!alike) FAIL(name << ": the widths differ at " << in[i] << ": " << out[i] << " and " << narrow[i]);
  }
  INFO(name << ": worst " << worst.error << " ULP at " << worst.at << ", got " << worst.got);
  CHECK(worst.error <= most);
  return worst;
}

// Sums of thirty terms need more than long double where the result is near 0.
__extension__ typedef __float128 Quad;

/// By steps to 30 and the asymptotic series.
long double digamma(long double x) {
  if (!(x > 0)) return std::numeric_limits<long double>::quiet_NaN();
  if (std::isinf(x)) return x;
  Quad sum = 0;
  while (x < 30) sum += Quad(1) / Quad(x++);
  Quad w = 1 / (Quad(x) * Quad(x));
  Quad series =
      w * (1.0L / 12 -
           w * (1.0L / 120 -
                w * (1.0L / 252 - w * (1.0L / 240 - w * (1.0L / 132 - w * (691.0L / 32760 - w / 12))))));
  return static_cast<long double>(Quad(std::log(x)) - Quad(0.5) / Quad(x) - series - sum);
}

long double trigamma(long double x) {
  if (!(x > 0)) return std::numeric_limits<long double>::quiet_NaN();
  long double sum = 0;
  while (x < 30) {
    sum += 1 / (x * x);
    x++;
  }
  long double w = 1 / (x * x);
  long double series =
      w / x *
      (1.0L / 6 -
       w * (1.0L / 30 -
            w * (1.0L / 42 - w * (1.0L / 30 - w * (5.0L / 66 - w * (691.0L / 2730 - w * 7 / 6))))));
  return sum + 1 / x + 0.5L * w + series;
}

loop::Value within(loop::Builder& b, loop::Value x) {
  return b.minimum(b.real_like(3e9, x), b.maximum(b.real_like(-3e9, x), x));
}

template <double f(double)>
long double scalar(long double x) {
  return static_cast<long double>(f(static_cast<double>(x)));
}
template <double f(double)>
long double scalar_above_one(long double x) {
  return scalar<f>(std::isnan(x) ? x : std::max(x, 1.0L));
}

constexpr double tiny = 5e-324, huge = std::numeric_limits<double>::max();

}  // namespace

TEST_CASE("exp and its relatives stay within 2 ULP") {
  check("exp", maths::exp, [](long double x) { return std::exp(x); },
        {{-760, 720, false}, {-1, 1, false}, {tiny, 800, true}, {-tiny, -800, true}, {-746, -708, false}});
  check("expm1", maths::expm1, [](long double x) { return std::expm1(x); },
        {{-60, 720, false}, {-1, 1, false}, {tiny, 800, true}, {-tiny, -80, true}});
  check("sigmoid", maths::sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); },
        {{-750, 50, false}, {-2, 2, false}, {tiny, 800, true}});
  check("tanh", maths::tanh, [](long double x) { return std::tanh(x); },
        {{-25, 25, false}, {-1, 1, false}, {tiny, 800, true}});
  check("softplus", maths::softplus,
        [](long double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); },
        {{-760, 60, false}, {-3, 3, false}, {tiny, 800, true}});
}

TEST_CASE("exp of nonpositive numbers gives 0 where the result is not normal") {
  check(
      "exp_of_nonpositive",
      [](loop::Builder& b, loop::Value x) { return maths::exp_of_nonpositive(b, b.neg(b.abs(x))); },
      [](long double x) { return std::abs(x) > 708 ? 0.0L : std::exp(-std::abs(x)); },
      {{0, 720, false}, {tiny, 1, true}});
}

TEST_CASE("log and log1p stay within 2 ULP") {
  check("log", maths::log, [](long double x) { return std::log(x); },
        {{tiny, huge, true}, {0.5, 2, false}, {0.99, 1.01, false}, {tiny, 1e-307, true}});
  check(
      "log_of_normal",
      [](loop::Builder& b, loop::Value x) {
        return maths::log_of_normal(b, b.maximum(b.real_like(1, x), b.abs(x)));
      },
      [](long double x) { return std::isnan(x) ? x : std::log(std::max(1.0L, std::abs(x))); },
      {{1, 20, false}, {1, huge, true}});
  check("log1p", maths::log1p, [](long double x) { return std::log1p(x); },
        {{-1, 2, false}, {tiny, huge, true}, {-tiny, -1, true}, {-0.01, 0.01, false}});
}

TEST_CASE("erf and the gamma functions stay within 2 ULP") {
  check("erf", maths::erf, [](long double x) { return std::erf(x); },
        {{-7, 7, false}, {tiny, 10, true}, {0.9, 1.1, false}});
  check("lgamma", maths::lgamma, [](long double x) { return std::lgamma(x); },
        {{0, 20, false}, {tiny, 1e305, true}, {0.9, 1.1, false}, {1.9, 2.1, false}, {0, 3, false}});
  // The reference itself cancels near the zero, where it is good to 5e-19.
  check("digamma", maths::digamma, digamma, {{0, 10, false}, {1e-300, 1e300, true}, {1, 2, false}}, 5e-19);
  check("trigamma", maths::trigamma, trigamma, {{0, 12, false}, {1e-150, 1e300, true}});
}

TEST_CASE("lgamma below 0: the absolute error stays small") {
  Block in(1000 * 8), out(1000 * 8);
  std::mt19937_64 random(3);
  for (int64_t i = 0; i < in.size(); ++i) in[i] = std::uniform_real_distribution<>(-30, 0)(random);
  jit::Jit jit({});
  auto executable = jit.compile({{over_array("lgamma", maths::lgamma, true)}});
  lvm_frame frame{nullptr, in.data(), nullptr, nullptr, out.data(),
                  nullptr, 0,         0,       0,       static_cast<int32_t>(in.size())};
  executable.at("lgamma")(&frame);
  double worst = 0;
  for (int64_t i = 0; i < in.size(); ++i) {
    auto x = static_cast<long double>(in[i]);
    long double scale = 1 + std::abs(std::lgamma(1 - x)) +
                        std::abs(std::log(std::abs(std::sin(3.14159265358979323846264L * x))));
    worst = std::max(
        worst, static_cast<double>(std::abs(static_cast<long double>(out[i]) - std::lgamma(x)) / scale));
  }
  CHECK(worst < 5e-16);
}

TEST_CASE("pow follows the C library, its edges included") {
  const std::vector<double> values = {0.0,
                                      1.0,
                                      -1.0,
                                      2.0,
                                      -2.0,
                                      0.5,
                                      3.0,
                                      -3.0,
                                      1e10,
                                      1e-310,
                                      10.7,
                                      -0.3,
                                      std::numeric_limits<double>::infinity(),
                                      std::numeric_limits<double>::quiet_NaN()};
  for (double y :
       {0.0, 1.0, -1.0, 2.0, 3.0, 0.5, -0.5, -2.0, 7.3, std::numeric_limits<double>::quiet_NaN()}) {
    loop::Builder b("pow");
    b.loop(b.index(0), b.rows(), 8, [&](loop::Value i) {
      loop::Value x = b.load(loop::Type::reals, {loop::Buffer::parameters, i, 0});
      b.store({loop::Buffer::output, i, 0}, maths::pow(b, x, b.real(y)));
    });
    b.leave(b.index(0));
    jit::Jit jit({});
    auto executable = jit.compile({{b.take()}});
    Block in(16), out(16);
    std::copy(values.begin(), values.end(), in.data());
    lvm_frame frame{nullptr, in.data(), nullptr, nullptr, out.data(), nullptr, 0, 0, 0, 16};
    executable.at("pow")(&frame);
    for (size_t i = 0; i < values.size(); ++i) {
      long double want = std::pow(static_cast<long double>(values[i]), static_cast<long double>(y));
      CAPTURE(values[i], y, out[static_cast<int64_t>(i)], static_cast<double>(want));
      CHECK(ulps(std::abs(out[static_cast<int64_t>(i)]), std::abs(want)) <= 2);
      if (!std::isnan(want))
        CHECK(std::signbit(out[static_cast<int64_t>(i)]) ==
              (std::signbit(static_cast<double>(want)) && want != 0));
    }
  }
}

TEST_CASE("the circular functions stay within 2 ULP, erfcx within 6") {
  // Beyond 3e9 the reduction has no bits left to be exact.
  check(
      "cos", [](loop::Builder& b, loop::Value x) { return maths::cos(b, within(b, x)); },
      [](long double x) { return std::isnan(x) ? x : std::cos(std::clamp(x, -3e9L, 3e9L)); },
      {{-4, 4, false}, {-1e4, 1e4, false}, {tiny, 3e9, true}, {-tiny, -3e9, true}});
  check(
      "sin", [](loop::Builder& b, loop::Value x) { return maths::sin(b, within(b, x)); },
      [](long double x) { return std::isnan(x) ? x : std::sin(std::clamp(x, -3e9L, 3e9L)); },
      {{-4, 4, false}, {-1e4, 1e4, false}, {tiny, 3e9, true}, {-tiny, -3e9, true}});
  check("erfcx", maths::erfcx, scalar<ir::erfcx>,
        {{-27, 30, false}, {-2, 12, false}, {tiny, huge, true}, {-tiny, -30, true}}, 0, 6);
}

TEST_CASE("Binet's function and its derivatives stay within 6 ULP, or 5e-16 below 1") {
  check("binet", maths::binet, scalar<ir::binet>,
        {{0, 3, false}, {1, 40, false}, {tiny, huge, true}, {1, 1e6, true}}, 5e-16, 6);
  check(
      "binet above 1",
      [](loop::Builder& b, loop::Value x) { return maths::binet(b, b.maximum(b.real_like(1, x), x)); },
      scalar_above_one<ir::binet>, {{1, 3, false}, {1, 40, false}, {1, huge, true}, {1, 1e6, true}}, 0, 6);
  check("binet_slope", maths::binet_slope, scalar<ir::binet_slope>,
        {{0, 3, false}, {1, 40, false}, {1e-300, 1e150, true}, {1, 1e6, true}}, 5e-16, 6);
  check(
      "binet_slope above 1",
      [](loop::Builder& b, loop::Value x) { return maths::binet_slope(b, b.maximum(b.real_like(1, x), x)); },
      scalar_above_one<ir::binet_slope>, {{1, 3, false}, {1, 40, false}, {1, 1e150, true}, {1, 1e6, true}}, 0,
      6);
  check("binet_curve", maths::binet_curve, scalar<ir::binet_curve>,
        {{0, 3, false}, {1, 40, false}, {1e-150, 1e100, true}, {1, 1e6, true}}, 0, 6);
}

TEST_CASE("the Bessel functions of von Mises stay within 6, 8 and 12 ULP") {
  check("log_bessel", maths::log_bessel, scalar<ir::log_bessel>,
        {{-14, 14, false}, {0, 100, false}, {1e-150, huge, true}}, 0, 6);
  check("bessel_ratio", maths::bessel_ratio, scalar<ir::bessel_ratio>,
        {{-14, 14, false}, {0, 100, false}, {1e-300, huge, true}}, 0, 8);
  check("bessel_slope", maths::bessel_slope, scalar<ir::bessel_slope>,
        {{-14, 14, false}, {0, 100, false}, {tiny, 1e150, true}}, 0, 12);
}
