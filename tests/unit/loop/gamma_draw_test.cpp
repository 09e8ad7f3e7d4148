// The compiled log_gamma_draw and its slope against those of the interpreter, and against mpmath.

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "backends/llvm/jit.h"
#include "ir/maths/maths.h"
#include "ir/tensor/scalar.h"
#include "tests/unit/tensor/gamma_draws.h"

namespace lvm {
namespace {

/// f(first, second) for each pair.
std::vector<double> compiled(loop::Value (*f)(loop::Builder&, loop::Value, loop::Value),
                             std::vector<double> first, std::vector<double> second) {
  const size_t count = first.size(), padded = (count + 7) / 8 * 8;
  first.resize(padded, 1);
  second.resize(padded, 0);
  first.insert(first.end(), second.begin(), second.end());
  loop::Builder b("f");
  b.loop(b.index(0), b.rows(), 8, [&](loop::Value i) {
    const loop::Value x = b.load(loop::Type::reals, {loop::Buffer::parameters, i, 0});
    const loop::Value y =
        b.load(loop::Type::reals, {loop::Buffer::parameters, i, static_cast<int64_t>(padded)});
    b.store({loop::Buffer::output, i, 0}, f(b, x, y));
  });
  b.leave(b.index(0));
  jit::Jit jit({});
  auto executable = jit.compile({{b.take()}});
  std::vector<double> in(first.size() + 8), out(padded + 8);
  const auto aligned = [](std::vector<double>& v) {
    double* at = v.data();
    while (reinterpret_cast<uintptr_t>(at) % 64 != 0) ++at;
    return at;
  };
  double *from = aligned(in), *to = aligned(out);
  std::copy(first.begin(), first.end(), from);
  lvm_frame frame{nullptr, from, nullptr, nullptr, to, nullptr, 0, 0, 0, static_cast<int32_t>(padded)};
  executable.at("f")(&frame);
  return {to, to + count};
}

}  // namespace

TEST_CASE("compiled draws of Gamma are those of the interpreter within 2e-11") {
  std::vector<double> shapes, noise, values;
  for (double log_shape = std::log(1e-3); log_shape < std::log(1.1e6); log_shape += 0.37) {
    for (double e = -7; e <= 7; e += 0.4) {
      shapes.push_back(std::exp(log_shape));
      noise.push_back(e);
      values.push_back(ir::log_gamma_draw(shapes.back(), e));
    }
  }
  const std::vector<double> drawn = compiled(maths::log_gamma_draw, shapes, noise);
  const std::vector<double> slopes = compiled(maths::log_gamma_draw_slope, shapes, values);
  double worst = 0, worst_slope = 0;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const double width = std::min(1.0, 1 / std::sqrt(shapes[i]));
    worst = std::max(worst, std::abs(drawn[i] - values[i]) / (width + 1e-6 * std::abs(values[i])));
    const double slope = ir::log_gamma_draw_slope(shapes[i], values[i]);
    worst_slope = std::max(worst_slope, std::abs(slopes[i] / slope - 1));
  }
  CHECK(worst < 2e-11);
  CHECK(worst_slope < 2e-11);
}

TEST_CASE("compiled draws of Gamma are the quantiles of the incomplete gamma function") {
  std::vector<double> shapes, noise;
  for (const test::GammaDraw& each : test::gamma_draws) {
    shapes.push_back(each.shape);
    noise.push_back(each.noise);
  }
  const std::vector<double> drawn = compiled(maths::log_gamma_draw, shapes, noise);
  for (size_t i = 0; i < drawn.size(); ++i) {
    CAPTURE(shapes[i], noise[i]);
    const double width = std::min(1.0, 1 / std::sqrt(shapes[i]));
    CHECK(std::abs(drawn[i] - test::gamma_draws[i].log_value) < 1e-11 * width + 1e-15 * std::abs(drawn[i]));
  }
}

}  // namespace lvm
