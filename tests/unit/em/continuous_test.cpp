// Programs of models with a continuous latent: what is counted, what is done once for all rows, and
// expressions taken apart.

#include "ir/passes/affine_parts.h"
#include "support.h"

namespace lvm::test {
namespace {

std::string factors(const std::string& loadings, const std::string& prior, const std::string& mean,
                    const std::string& more = "") {
  return "model m { axis D = columns  axis L = 3  data y: real[D]  param w: " + loadings +
         "  param b: real[D]  param s: positive[D]  " + more + "  latent z: real[L]  P(z) = " + prior +
         "  P(y | z) = Normal(" + mean + ", var: s)  q(z | y) = exact }";
}

int64_t counted(const Compiled& c, const std::string& parameter) {
  for (const ir::ParameterSlot& slot : c.program.parameters)
    if (slot.name == parameter) return slot.free_dimensions;
  FAIL("no parameter " << parameter);
  return 0;
}

bool has(const ir::Function& f, ir::Op op) {
  return std::ranges::any_of(f.nodes, [&](const ir::Node& node) { return node.op == op; });
}

}  // namespace

TEST_CASE("loadings are counted up to a rotation of the latent, where its law has one") {
  const std::map<std::string, int64_t> sizes = {{"D", 5}};
  const std::string affine = "w * z + b";
  CHECK(counted(compiled(factors("real[D, L]", "Normal(0, sd: 1)", affine), sizes), "w") == 15 - 3);
  CHECK(counted(compiled(factors("real[D, L]", "Normal(0, sd: 1)", affine), sizes), "b") == 5);
  CHECK(counted(compiled(factors("real[D, L] ~ Normal(0, sd: 1)", "Normal(0, sd: 1)", affine), sizes), "w") ==
        15);
  CHECK(
      counted(compiled(factors("real[D, L] = 1 fixed", "Normal(0, cov: g)", affine, "param g: covariance[L]"),
                       sizes),
              "w") == 0);
  CHECK(
      counted(compiled(factors("real[D, L] = 1 fixed", "Normal(0, cov: g)", affine, "param g: covariance[L]"),
                       sizes),
              "g") == 6);
  const Compiled mixture = compiled(
      "model m { axis D = columns  axis L = 2  axis K = 4  data y: real[D]  param p: simplex[K]  param w: "
      "real[K, D, L]  param s: positive[D]  "
      "latent c: category[K]  latent z: real[L]  P(c) = Categorical(p)  P(z) = Normal(0, sd: 1)  P(y | z, c) "
      "= Normal(w[c] * z, var: s)  "
      "q(z, c | y) = exact }",
      sizes);
  CHECK(counted(mixture, "w") == 4 * (10 - 1));
}

TEST_CASE("one precision for all rows is factorised by prepare, that of a row by the rows") {
  const std::map<std::string, int64_t> sizes = {{"D", 5}};
  const Compiled same = compiled(factors("real[D, L]", "Normal(0, sd: 1)", "w * z + b"), sizes);
  CHECK(has(*same.program.module.find("prepare"), ir::Op::cholesky));
  CHECK_FALSE(has(*same.program.module.find("rows"), ir::Op::sqrt));
  const Compiled each = compiled(
      "model m { axis J = 2  data y: real  given x: real[J]  param s: positive  latent z: real[J]  P(z) = "
      "Normal(0, sd: 1)  "
      "P(y | z, x) = Normal(dot(x, z), var: s)  q(z | y, x) = exact }",
      {});
  CHECK_FALSE(has(*each.program.module.find("rows"), ir::Op::cholesky));
  CHECK(has(*each.program.module.find("rows"), ir::Op::sqrt));
}

TEST_CASE("what is affine in a leaf is taken apart into its value at 0 and its coefficients") {
  using ir::Op;
  ir::Module m{.name = "m", .level = ir::Level::step};
  const ir::AxisId row = m.add_axis({.name = "row", .kind = ir::AxisKind::rows}),
                   L = m.add_axis({.name = "L", .size = 2});
  const ir::AxisId D = m.add_axis({.name = "D", .size = 3}), U = m.add_axis({.name = "U", .size = 2});
  m.functions = {{.name = "f"}, {.name = "parts"}};
  ir::Builder b(m, m.functions[0]), to(m, m.functions[1]);
  const auto leaf = [](ir::Builder& in, Op op, const char* name, std::vector<ir::AxisId> axes) {
    return in.leaf(op, name, {ir::Element::real, std::move(axes), -1});
  };
  const ir::NodeId z = leaf(b, Op::argument, "z", {row, L}), w = leaf(b, Op::parameter, "w", {L, D});
  const ir::NodeId c = leaf(b, Op::parameter, "c", {D}), y = leaf(b, Op::data, "y", {row, D});
  const ir::NodeId mean = b.contract({z, w}, {L});
  const ir::NodeId where = b.select(b.binary(Op::less, c, b.constant(0)), mean, b.unary(Op::neg, y));
  const ir::NodeId apart = b.make(Op::fma, {b.sub(y, where), c, b.div(mean, b.constant(3))});
  const ir::NodeId first = b.make(Op::slice, {z}, {.number = 1, .axes = {L}});
  const ir::NodeId f = b.add(b.reduce(Op::sum, apart, {D}), b.mul(first, b.reduce(Op::sum, c, {D})));

  const ir::NodeId unit = to.make(Op::identity, {}, {.axes = {L, U}});
  const ir::AffineParts parts = ir::affine_parts(to, m.functions[0], f, z, unit);
  REQUIRE(parts.linear != ir::no_node);
  CHECK(to.type(parts.constant).axes == std::vector<ir::AxisId>{row});
  CHECK(to.type(parts.linear).axes == std::vector<ir::AxisId>{U});  // of parameters alone

  interpreter::Environment values;
  values["parameter.w"] = {{L, D}, {2, 3}, {1, -2, 0.5, 3, 0.25, -1}};
  values["parameter.c"] = {{D}, {3}, {0.7, -1.5, 2}};
  values["data.y"] = {{row, D}, {2, 3}, {1, 2, 3, -1, 0.5, 4}};
  const std::vector<double> at = {0.3, -1.2, 2, 0.9};
  values["argument.z"] = {{row, L}, {2, 2}, at};
  const auto whole = interpreter::evaluate(m, m.functions[0], values)[static_cast<size_t>(f)].data;
  const auto made = interpreter::evaluate(m, m.functions[1], values);
  const auto &constant = made[static_cast<size_t>(parts.constant)].data,
             &linear = made[static_cast<size_t>(parts.linear)].data;
  for (size_t i = 0; i < 2; ++i)
    CHECK(whole[i] == Approx(constant[i] + linear[0] * at[2 * i] + linear[1] * at[2 * i + 1]).epsilon(1e-14));
  CHECK_THROWS_AS(ir::affine_parts(to, m.functions[0], b.unary(Op::square, f), z, unit), ir::InternalError);
}

}  // namespace lvm::test
