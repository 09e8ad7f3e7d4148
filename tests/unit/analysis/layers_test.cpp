// Layers against PyTorch, and their derivatives against central differences.

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "layer_values.h"
#include "networks.h"

using namespace lvm;
using namespace lvm::test;

namespace {

constexpr int64_t rows = 2;

/// A model whose posterior mean is `body` of the data y, with `out` numbers.
std::string model_of(const std::vector<int>& shape, const std::string& body, size_t out) {
  std::string axes, names;
  for (size_t i = 0; i < shape.size(); ++i) {
    axes += fmt::format("  axis A{} = {}\n", i, shape[i]);
    names += fmt::format("{}A{}", i ? ", " : "", i);
  }
  return fmt::format(
      "model layer {{\n{}  axis L = {}\n  data y: real[{}]\n  latent z: real[L]\n  net f(y: real[{}]) -> real[L] {{ return {} }}\n"
      "  P(z) = Normal(0, sd: 1)\n  P(y | z) = Normal(sum(z), sd: 1)\n  q(z | y) = Normal(f(y), sd: 1)\n}}\n",
      axes, out, names, names, body);
}

/// sin(1.3 i + phase), as in tests/oracles/layers.py.
void fill(Networks& nets, const std::string& name, double phase) {
  Numbers numbers = nets.numbers(name);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = std::sin(1.3 * static_cast<double>(i) + phase);
  nets.set(name, numbers);
}

void fill_all(Networks& nets) {
  fill(nets, "y", 0);
  double phase = 0;
  for (const ir::Variable& v : nets.model().variables)
    if (!v.network.empty()) fill(nets, v.name, ++phase);
}

void check_equal(const Numbers& found, const Numbers& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).epsilon(1e-12).margin(1e-13));
}

}  // namespace

TEST_CASE("layers compute what PyTorch computes") {
  for (const LayerValue& value : layer_values) {
    INFO(value.body);
    Networks nets(model_of(value.shape, value.body, value.expected.size() / rows), {}, rows);
    fill_all(nets);
    CHECK(ir::verify(nets.model().module).empty());
    const ir::NodeId mean = nets.slot_of_q("z", 0);
    check_equal(nets.value(mean), value.expected);
    CHECK(nets.gradient_fault(mean) < 1e-6);
  }
}

TEST_CASE("activations have the slope of the reference libraries at 0 and far out") {
  for (const auto& [name, slope] : std::vector<std::pair<std::string, double>>{{"elu", 1}, {"leaky_relu", 0.01}, {"gelu", 0.5}, {"relu", 0}}) {
    INFO(name);
    Networks nets(model_of({1}, name + "(dense(y))", 1), {}, 1);
    nets.set("y", {1});
    nets.set("f.dense1.weight", {0});
    nets.set("f.dense1.bias", {0});
    CHECK(nets.gradient(nets.slot_of_q("z", 0), "f.dense1.bias").at(0) == Approx(slope));
    nets.set("f.dense1.bias", {800});
    CHECK(nets.gradient(nets.slot_of_q("z", 0), "f.dense1.bias").at(0) == Approx(1));
    nets.set("f.dense1.bias", {-800});
    CHECK(nets.gradient(nets.slot_of_q("z", 0), "f.dense1.bias").at(0) == Approx(name == "leaky_relu" ? 0.01 : 0).margin(1e-300));
  }
}

TEST_CASE("reshapes follow the axes as they are written, whatever their declarations") {
  // C is declared behind A and B: in memory its numbers lie innermost, on paper outermost.
  Networks nets(R"(model order {
    axis A = 2, B = 3, C = 2, L = 12
    data y: real[C, B, A]
    latent z: real[L]
    net f(y: real[C, B, A]) -> real[L] { return flatten(y) + 10 * flatten(reshape(flatten(y), [B, A, C])) }
    P(z) = Normal(0, sd: 1)
    P(y | z) = Normal(sum(z), sd: 1)
    q(z | y) = Normal(f(y), sd: 1)
  })", {}, 2);
  fill(nets, "y", 0);
  Numbers expected = nets.numbers("y");
  for (double& each : expected) each *= 11;
  check_equal(nets.value(nets.slot_of_q("z", 0)), expected);
}
