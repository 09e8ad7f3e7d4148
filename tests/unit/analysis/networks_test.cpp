// Dense networks against plain loops, and their derivatives against central differences.

#include "networks.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>

using namespace lvm;
using namespace lvm::test;

namespace {

/// f(W x + b) for each row; W is [out, in].
Numbers dense(const Numbers& x, const Numbers& w, const Numbers& b, size_t in,
              const std::function<double(double)>& f) {
  const size_t out = w.size() / in;
  Numbers y;
  for (size_t r = 0; r < x.size() / in; ++r)
    for (size_t o = 0; o < out; ++o) {
      double sum = b.empty() ? 0 : b.at(o);
      for (size_t i = 0; i < in; ++i) sum += w.at(o * in + i) * x.at(r * in + i);
      y.push_back(f(sum));
    }
  return y;
}

double same(double x) {
  return x;
}

void check_equal(const Numbers& found, const Numbers& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    CHECK(found[i] == Approx(expected[i]).epsilon(1e-12).margin(1e-13));
}

const std::string vae = R"(model vae {
  axis D = columns
  axis L = 2
  data   y: unit[D]
  latent z: real[L]
  net encode(y: real[D]) -> (mean: real[L], sd: positive[L]) {
    h    = tanh(dense(y, 5))
    mean = dense(h)
    sd   = exp(dense(h) / 2)
  }
  net decode(z: real[L]) -> real[D] { return dense(relu(dense(z, 6))) }
  P(z)     = Normal(0, sd: 1)
  P(y | z) = Bernoulli(logits: decode(z))
  q(z | y) = Normal(encode(y).mean, sd: encode(y).sd)
})";

}  // namespace

TEST_CASE("an encoder and a decoder compute what plain loops compute") {
  Networks nets(vae, {{"D", 4}});
  const auto w = [&](const std::string& layer) { return nets.numbers(layer + ".weight"); };
  const auto b = [&](const std::string& layer) { return nets.numbers(layer + ".bias"); };
  const auto layer = [&](const Numbers& x, const std::string& name, size_t in,
                         const std::function<double(double)>& f) {
    return dense(x, w(name), b(name), in, f);
  };
  const Numbers h = layer(nets.numbers("y"), "encode.h", 4, [](double x) { return std::tanh(x); });
  check_equal(nets.value(nets.slot_of_q("z", 0)), layer(h, "encode.mean", 5, same));
  check_equal(nets.value(nets.slot_of_q("z", 1)),
              layer(h, "encode.sd", 5, [](double x) { return std::exp(x / 2); }));
  const Numbers g = layer(nets.numbers("z"), "decode.dense1", 2, [](double x) { return std::max(x, 0.0); });
  check_equal(nets.value(nets.slot_of_p("y", 0)), layer(g, "decode.dense2", 6, same));
  CHECK(nets.gradient_fault(nets.slot_of_q("z", 0)) < 1e-6);
  CHECK(nets.gradient_fault(nets.slot_of_q("z", 1)) < 1e-6);
  CHECK(nets.gradient_fault(nets.slot_of_p("y", 0)) < 1e-6);
}

TEST_CASE("weights say whose they are and how they begin") {
  Networks nets(vae, {{"D", 4}});
  const auto draw = [&](const std::string& name) {
    return ir::start_draw(nets.model().module, nets.variable(name).start);
  };
  using Kind = ir::StartDraw::Kind;
  CHECK(nets.variable("encode.h.weight").network == "encode");
  CHECK(nets.variable("z").network.empty());
  CHECK(draw("encode.h.weight").kind == Kind::uniform);
  CHECK(draw("encode.h.weight").spread == Approx(std::sqrt(6.0 / 9)));
  CHECK(draw("decode.dense1.weight").kind == Kind::normal);  // before relu
  CHECK(draw("decode.dense1.weight").spread == Approx(std::sqrt(2.0 / 2)));
  CHECK(draw("decode.dense2.weight").spread == Approx(std::sqrt(6.0 / 10)));
  CHECK(draw("encode.h.bias").kind == Kind::constant);
  CHECK(draw("encode.h.bias").mean == 0);
}

TEST_CASE("calls share their weights, and equal axes are kept apart") {
  Networks nets(R"(model twice {
    axis L = 3
    data y: real[L]
    latent z: real[L]
    net step(z: real[L]) -> real[L] { return tanh(dense(z)) + z }
    P(z) = Normal(0, sd: 1)
    P(y | z) = Normal(step(step(z)), sd: 1)
  })");
  const auto step = [&](const Numbers& x) {
    Numbers y = dense(x, nets.numbers("step.dense1.weight"), nets.numbers("step.dense1.bias"), 3,
                      [](double v) { return std::tanh(v); });
    for (size_t i = 0; i < x.size(); ++i) y[i] += x[i];
    return y;
  };
  check_equal(nets.value(nets.slot_of_p("y", 0)), step(step(nets.numbers("z"))));
  CHECK(nets.gradient_fault(nets.slot_of_p("y", 0)) < 1e-6);
  int weights = 0;
  for (const ir::Variable& v : nets.model().variables) weights += !v.network.empty();
  CHECK(weights == 2);
}

TEST_CASE("a dense layer works along the last axis, and gives the shape that is asked for") {
  Networks nets(R"(model axes {
    axis A = 2, B = 3, C = 4
    data y: real[A, C]
    data u: real[B, C]
    data s: real
    latent z: real[A, B]
    net along(z: real[A, B]) -> real[A, C] { return dense(tanh(dense(z, 5))) }
    net fan(y: real[C]) -> real[B, C] { return dense(y) }
    net one(y: real[C]) -> real { return dense(y) }
    P(z) = Normal(0, sd: 1)
    P(y | z) = Normal(along(z), sd: 1)
    let row = sum(y, A)
    P(u | y) = Normal(fan(row), sd: 1)
    P(s | y) = Normal(one(row), sd: 1)
  })");
  const Numbers h = dense(nets.numbers("z"), nets.numbers("along.dense1.weight"),
                          nets.numbers("along.dense1.bias"), 3, [](double v) { return std::tanh(v); });
  check_equal(nets.value(nets.slot_of_p("y", 0)),
              dense(h, nets.numbers("along.dense2.weight"), nets.numbers("along.dense2.bias"), 5, same));
  Numbers sums;
  const Numbers y = nets.numbers("y");
  for (size_t r = 0; r < 3; ++r)
    for (size_t c = 0; c < 4; ++c) sums.push_back(y[r * 8 + c] + y[r * 8 + 4 + c]);
  check_equal(nets.value(nets.slot_of_p("u", 0)),
              dense(sums, nets.numbers("fan.dense1.weight"), nets.numbers("fan.dense1.bias"), 4, same));
  check_equal(nets.value(nets.slot_of_p("s", 0)),
              dense(sums, nets.numbers("one.dense1.weight"), nets.numbers("one.dense1.bias"), 4, same));
}

TEST_CASE("absent cells are filled, and flagged") {
  Networks nets(R"(model holes {
    axis D = columns
    axis L = 2
    data y: real[D] missing
    latent z: real[L]
    net encode(y: real[D]) -> real[L] { return dense(fill(y, 0.5) + 2 * observed(y)) }
    P(z) = Normal(0, sd: 1)
    P(y | z) = Normal(sum(z), sd: 1)
    q(z | y) = Normal(encode(y), sd: 1)
  })",
                {{"D", 2}}, 2);
  nets.set("y", {1, NAN, NAN, -3});
  check_equal(nets.value(nets.slot_of_q("z", 0)),
              dense({3, 0.5, 0.5, -1}, nets.numbers("encode.dense1.weight"),
                    nets.numbers("encode.dense1.bias"), 2, same));
}
