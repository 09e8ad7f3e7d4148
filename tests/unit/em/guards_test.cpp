// What ends a run: empty components, too few rows, a spread that vanishes beside the data's. And the slots of
// a Program.

#include "backends/em/slots.h"
#include "support.h"

namespace lvm::test {
namespace {

const char* const full =
    "model m { axis K = 2\n axis D = 2\n data y: real[D]\n param weight: simplex[K]\n param mean: real[K, "
    "D]\n param cov: covariance[K, D]\n"
    " latent z: category[K]\n P(z) = Categorical(weight)\n P(y | z) = Normal(mean[z], cov: cov[z])\n q(z | "
    "y) = exact }";
const char* const by_sd =
    "model m { axis K = 2\n data y: real\n param weight: simplex[K]\n param mean: real[K]\n param sd: "
    "positive[K]\n"
    " latent z: category[K]\n P(z) = Categorical(weight)\n P(y | z) = Normal(mean[z], sd: sd[z])\n q(z | y) "
    "= exact }";

/// The check that a code names, and its element.
std::pair<const ir::Check*, int64_t> failed(const ir::Program& program, int32_t code) {
  for (const ir::Check& check : program.checks) {
    const int64_t element = code - 1 - check.offset;
    if (element >= 0 && element < check.size) return {&check, element};
  }
  FAIL("code " << code << " names no check");
  return {nullptr, 0};
}

const std::vector<double> x = {0, 1, 2, 3, 4, 50, 51, 53}, u = {1, 3, 0, 2, 5, 7, 1, 2};

}  // namespace

TEST_CASE("a component without rows is empty", "[em]") {
  const Compiled c = compiled(by_sd, {});
  Walker walk(c.program, {x, std::vector<double>(x.size(), 0.0)});
  walk.start();
  const auto [check, element] = failed(c.program, walk.update());
  CHECK(check->kind != ir::Check::Kind::not_finite);
  CHECK(element == 1);
  CHECK(check->message.find("component {}") == 0);
}

TEST_CASE("a full covariance needs more rows than dimensions", "[em]") {
  const Compiled c = compiled(full, {});
  Walker walk(c.program, {x, u, {0, 0, 0, 0, 0, 0, 1, 1}});
  walk.start();
  const auto [check, element] = failed(c.program, walk.update());
  CHECK(check->kind == ir::Check::Kind::collapse);
  CHECK(element == 1);
  Walker enough(c.program, {x, u, {0, 0, 0, 0, 0, 1, 1, 1}});
  enough.start();
  CHECK(enough.update() == 0);
}

TEST_CASE("a singular covariance has collapsed, at every scale of the data", "[em]") {
  const double scale = GENERATE(1e-6, 1.0, 1e6);
  std::vector<double> a, b;
  for (size_t i = 0; i < x.size(); ++i) {
    a.push_back(scale * x[i]);
    b.push_back(i < 5 ? 3 * scale * x[i] : scale * u[i]);  // the first five lie on a line
  }
  const Compiled c = compiled(full, {});
  Walker walk(c.program, {a, b, {0, 0, 0, 0, 0, 1, 1, 1}});
  walk.start();
  REQUIRE(walk.update() == 0);
  walk.start();
  REQUIRE(walk.update() == 0);
  const auto [check, element] = failed(c.program, walk.prepare());
  CHECK(check->kind == ir::Check::Kind::collapse);
  CHECK(element == 0);
}

TEST_CASE("a covariance of ordinary shape has not collapsed, at every scale of the data", "[em]") {
  const double scale = GENERATE(1e-6, 1.0, 1e6);
  std::vector<double> a, b;
  for (size_t i = 0; i < x.size(); ++i) {
    a.push_back(scale * x[i]);
    b.push_back(u[i]);
  }
  const Compiled c = compiled(full, {});
  Walker walk(c.program, {a, b, {0, 0, 0, 0, 0, 1, 1, 1}});
  for (int twice = 0; twice < 2; ++twice) {
    walk.start();
    REQUIRE(walk.update() == 0);
  }
  CHECK(walk.prepare() == 0);
}

TEST_CASE("a constant column collapses", "[em]") {
  const Compiled c = compiled(by_sd, {});
  Walker walk(c.program, {std::vector<double>(8, 4.0), {0, 0, 0, 0, 1, 1, 1, 1}});
  walk.start();
  REQUIRE(walk.update() == 0);
  const auto [check, element] = failed(c.program, walk.prepare());
  CHECK(check->kind == ir::Check::Kind::collapse);
  CHECK(check->message.find("constant") != std::string::npos);
}

TEST_CASE("a held covariance that is none is found before the rows", "[em]") {
  const Compiled c = compiled(full, {});
  CHECK(c.program.parameters[2].free_dimensions == 6);
  std::string text = full;
  text.replace(text.find("covariance[K, D]"), 16,
               "covariance[K, D] = [[[1, 0], [0, 1]], [[2, 1], [1, 2]]] fixed");
  const Compiled held = compiled(text, {});
  CHECK(held.program.parameters[2].free_dimensions == 0);
  Walker walk(held.program, {x, u, {0, 0, 0, 0, 0, 1, 1, 1}});
  walk.set("weight", {0.5, 0.5});
  walk.set("cov", {1, 0, 0, 1, 1, 2, 2, 1});
  const auto [check, element] = failed(held.program, walk.prepare());
  CHECK(check->kind == ir::Check::Kind::not_positive_definite);
  CHECK(element == 1);
}

TEST_CASE("free dimensions", "[em]") {
  const Compiled c = compiled(
      "model m { axis K = 3\n axis D = 4\n axis V = 5\n data y: real[D]\n data a: category[V]\n param "
      "weight: simplex[K]\n"
      " param mean: real[K, D]\n param cov: covariance[D]\n param p: simplex[K, V]\n latent z: category[K]\n "
      "P(z) = Categorical(weight)\n"
      " P(y | z) = Normal(mean[z], cov: cov)\n P(a | z) = Categorical(p[z])\n q(z | y, a) = exact }",
      {});
  std::map<std::string, int64_t> free;
  for (const ir::ParameterSlot& slot : c.program.parameters) free[slot.name] = slot.free_dimensions;
  CHECK(free == std::map<std::string, int64_t>{{"weight", 2}, {"mean", 12}, {"cov", 10}, {"p", 12}});
}

TEST_CASE("start values follow the slot's axes, not the declared order", "[em]") {
  const Compiled c = compiled(
      "model m { axis D = 2\n axis K = 3\n data y: real[D]\n param mean: real[K, D] = [[1, 2], [3, 4], [5, "
      "6]] init\n latent z: category[K]\n"
      " param weight: simplex[K]\n P(z) = Categorical(weight)\n P(y | z) = Normal(mean[z], sd: 1)\n q(z | y) "
      "= exact }",
      {});
  for (const ir::ParameterSlot& slot : c.program.parameters) {
    if (slot.name != "mean") continue;
    CHECK_FALSE(slot.fixed);
    CHECK(slot.start == std::vector<double>{1, 3, 5, 2, 4, 6});  // [D, K]
  }
}

TEST_CASE("only what depends on no data leaves the rows function", "[em]") {
  const Compiled c = compiled(full, {});
  const ir::Function& rows = *c.program.module.find("rows");
  for (const ir::Node& node : rows.nodes) {
    CHECK(node.op != ir::Op::cholesky);
    CHECK(node.op != ir::Op::triangular_inverse);
    CHECK(node.op != ir::Op::log);
  }
  for (const ir::Node& node : c.program.module.find("prepare")->nodes) CHECK(node.op != ir::Op::data);
  std::vector<std::string> names;
  for (const ir::Slot& slot : c.program.derived) names.push_back(slot.name);
  CHECK(names == std::vector<std::string>{"whiten", "log_norm", "offset", "rounding", "y.origin",
                                          "separation", "y.variance"});
}

}  // namespace lvm::test
