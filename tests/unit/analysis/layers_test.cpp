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
      "model layer {{\n{}  axis L = {}\n  data y: real[{}]\n  latent z: real[L]\n  net f(y: real[{}]) -> "
      "real[L] {{ return {} }}\n"
      "  P(z) = Normal(0, sd: 1)\n  P(y | z) = Normal(sum(z), sd: 1)\n  q(z | y) = Normal(f(y), sd: 1)\n}}\n",
      axes, out, names, names, body);
}

/// sin(1.3 i + phase), as in tests/oracles/layers.py.
void fill(Networks& nets, const std::string& name, double phase) {
  Numbers numbers = nets.numbers(name);
  const double about = name.ends_with(".variance") ? 1.5 : 0;
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = about + std::sin(1.3 * static_cast<double>(i) + phase);
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
  for (size_t i = 0; i < found.size(); ++i)
    CHECK(found[i] == Approx(expected[i]).epsilon(1e-12).margin(1e-13));
}

}  // namespace

TEST_CASE("layers compute what PyTorch computes") {
  for (const LayerValue& value : layer_values) {
    INFO(value.body);
    Networks nets(model_of(value.shape, value.body, value.expected.size() / rows), {}, rows);
    fill_all(nets);
    nets.set_training(value.training);
    CHECK(ir::verify(nets.model().module).empty());
    const ir::NodeId mean = nets.slot_of_q("z", 0);
    check_equal(nets.value(mean), value.expected);
    CHECK(nets.gradient_fault(mean) < 1e-6);
  }
}

TEST_CASE("dropout takes elements away while training, and lets the others grow") {
  Networks nets(model_of({4}, "reshape(dropout(y, 0.25), 4)", 4), {}, 50);
  const Numbers y = nets.numbers("y"), noise = nets.leaf("data.noise.f.dropout1");
  const ir::NodeId mean = nets.slot_of_q("z", 0);
  const Numbers found = nets.value(mean);
  int gone = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    CHECK(found[i] == Approx(noise[i] < 0.75 ? y[i] / 0.75 : 0));
    gone += found[i] == 0;
  }
  CHECK(gone > 20);
  nets.set_training(false);
  CHECK(nets.value(mean) == y);
}

TEST_CASE("calls on other arguments draw other noise, and equal calls the same") {
  Networks nets(R"(model calls {
    axis L = 2
    data y: real[L]
    latent z: real[L]
    net inner(z: real[L]) -> real[L] { return dropout(z, 0.5) }
    net outer(z: real[L]) -> real[L] { return inner(z) + inner(2 * z) }
    P(z) = Normal(0, sd: 1)
    P(y | z) = Normal(outer(z) + outer(3 * z) + outer(z), sd: 1)
  })");
  std::vector<std::string> noise;
  for (const ir::Node& node : nets.model().function().nodes)
    if (node.op == ir::Op::data && node.attributes.text.starts_with(ir::noise_prefix))
      noise.push_back(node.attributes.text);
  std::sort(noise.begin(), noise.end());
  CHECK(noise == std::vector<std::string>{"noise.inner.dropout1", "noise.inner.dropout1#inner.2",
                                          "noise.inner.dropout1#inner.2#outer.2",
                                          "noise.inner.dropout1#outer.2"});
}

TEST_CASE("running statistics follow those of the batch") {
  Networks nets(R"(model running {
    axis D = 2
    data y: real[D]
    latent z: real[D]
    net deep(z: real[D]) -> real[D] { return batch_norm(z, momentum: 0.8) }
    net decode(z: real[D]) -> real[D] { return deep(2 * z) }
    P(z) = Normal(0, sd: 1)
    P(y | z) = Normal(decode(z), sd: 1)
  })",
                {}, 3);
  const ir::Variable& mean = nets.variable("deep.batch_norm1.mean");
  const ir::Variable& variance = nets.variable("deep.batch_norm1.variance");
  CHECK(mean.momentum == 0.8);
  const Numbers z = nets.numbers("z");
  Numbers means(2, 0.0), variances(2, 0.0);
  for (size_t i = 0; i < 6; ++i) means[i % 2] += 2 * z[i] / 3;
  for (size_t i = 0; i < 6; ++i)
    variances[i % 2] += (2 * z[i] - means[i % 2]) * (2 * z[i] - means[i % 2]) / 3;
  check_equal(nets.value(mean.follows), means);
  check_equal(nets.value(variance.follows), variances);
  CHECK(nets.variable("deep.batch_norm1.gain").follows == ir::no_node);
}

TEST_CASE("an embedding is a row of its table") {
  for (const std::string axis : {"L", "V"}) {
    Networks nets("model words {\n axis V = 4\n axis L = 3\n data c: category[V]\n latent z: real[" + axis +
                      "]\n net f(c: category[V]) -> real[" + axis + "] { return tanh(embedding(c, " + axis +
                      R"()) }
    net g(z: real[)" + axis +
                      R"(]) -> real[V] { return dense(z) }
    P(z) = Normal(0, sd: 1)
    P(c | z) = Categorical(logits: g(z))
    q(z | c) = Normal(f(c), sd: 1)
  })",
                  {}, 9);
    const Numbers table = nets.numbers("f.embedding1.weight"), c = nets.numbers("c");
    const size_t width = axis == "L" ? 3 : 4;
    Numbers expected;
    for (const double word : c)
      for (size_t l = 0; l < width; ++l)
        expected.push_back(std::tanh(table.at(static_cast<size_t>(word) * width + l)));
    const ir::NodeId mean = nets.slot_of_q("z", 0);
    check_equal(nets.value(mean), expected);
    CHECK(nets.gradient_fault(mean) < 1e-6);
    CHECK(nets.variable("f.embedding1.weight").start.initialiser == ir::Initialiser::uniform);
  }
}

TEST_CASE("activations have the slope of the reference libraries at 0 and far out") {
  for (const auto& [name, slope] : std::vector<std::pair<std::string, double>>{
           {"elu", 1}, {"leaky_relu", 0.01}, {"gelu", 0.5}, {"relu", 0}}) {
    INFO(name);
    Networks nets(model_of({1}, name + "(dense(y))", 1), {}, 1);
    nets.set("y", {1});
    nets.set("f.dense1.weight", {0});
    nets.set("f.dense1.bias", {0});
    CHECK(nets.gradient(nets.slot_of_q("z", 0), "f.dense1.bias").at(0) == Approx(slope));
    nets.set("f.dense1.bias", {800});
    CHECK(nets.gradient(nets.slot_of_q("z", 0), "f.dense1.bias").at(0) == Approx(1));
    nets.set("f.dense1.bias", {-800});
    CHECK(nets.gradient(nets.slot_of_q("z", 0), "f.dense1.bias").at(0) ==
          Approx(name == "leaky_relu" ? 0.01 : 0).margin(1e-300));
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
  })",
                {}, 2);
  fill(nets, "y", 0);
  Numbers expected = nets.numbers("y");
  for (double& each : expected) each *= 11;
  check_equal(nets.value(nets.slot_of_q("z", 0)), expected);
}
