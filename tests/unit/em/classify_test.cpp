// The class lattice: what each operator makes of a variable, and the mutants that name tables and pattern
// matchers got wrong.

#include <catch2/catch.hpp>

#include "ir/passes/slot_rules.h"

namespace lvm::ir {
namespace {

/// A function with leaves of each kind, in which expressions are built by hand.
struct Scene {
  Module module{.name = "scene", .level = Level::elbo};
  AxisId row, k, d, l;
  Function function{.name = "scene"};
  Builder b;
  NodeId s, p, mean, scale, W, z, u, c, x, two;

  Scene() : row(axis("row", AxisKind::rows)), k(axis("K")), d(axis("D")), l(axis("L")), b(module, function) {
    s = b.leaf(Op::parameter, "s", {Element::positive, {}, -1});
    p = b.leaf(Op::parameter, "p", {Element::positive, {}, -1});
    mean = b.leaf(Op::parameter, "mean", {Element::real, {k, d}, -1});
    scale = b.leaf(Op::parameter, "scale", {Element::positive, {k}, -1});
    W = b.leaf(Op::parameter, "W", {Element::real, {d, l}, -1});
    z = b.leaf(Op::latent, "z", {Element::category, {row}, k});
    u = b.leaf(Op::latent, "u", {Element::real, {row, l}, -1});
    c = b.leaf(Op::data, "c", {Element::category, {row}, k});
    x = b.leaf(Op::data, "x", {Element::real, {row}, -1});
    two = b.constant(2);
  }
  AxisId axis(const char* name, AxisKind kind = AxisKind::fixed) {
    return module.add_axis({.name = name, .kind = kind, .size = 3});
  }
  NodeId gather(NodeId table, NodeId index) { return b.make(Op::gather, {table, index}, {.axes = {k}}); }
  Dependence positive(NodeId e, NodeId v) const {
    return classify(function, e, {.node = v, .positive = true});
  }
  Dependence real(NodeId e, NodeId v) const { return classify(function, e, {.node = v}); }
  Dependence finite(NodeId e, NodeId v) const { return classify(function, e, {.node = v, .finite = true}); }
};

}  // namespace

TEST_CASE("classes of a positive variable", "[classify]") {
  Scene t;
  Builder& b = t.b;
  CHECK(t.positive(t.p, t.s).form == Form::constant);
  CHECK(t.positive(t.s, t.s).form == Form::view);
  const Dependence scaled = t.positive(b.mul(t.two, b.unary(Op::square, t.s)), t.s);
  CHECK(scaled.form == Form::pos_power);
  CHECK(scaled.exponent == 2);
  REQUIRE(scaled.coefficients.size() == 1);
  CHECK(scaled.coefficients[0] == std::pair<NodeId, double>{t.two, 1});
  const Dependence quotient = t.positive(b.div(t.p, b.unary(Op::sqrt, t.s)), t.s);
  CHECK(quotient.form == Form::pos_power);
  CHECK(quotient.exponent == -0.5);
  CHECK(t.positive(b.unary(Op::reciprocal, t.s), t.s).exponent == -1);
  CHECK(t.positive(b.binary(Op::pow, t.s, b.constant(3)), t.s).exponent == 3);
  CHECK(t.positive(b.unary(Op::exp, b.unary(Op::log, t.s)), t.s).form == Form::pos_power);
  CHECK(t.positive(b.unary(Op::log, t.s), t.s).form == Form::log_of);
  CHECK(t.positive(b.mul(t.s, t.s), t.s).exponent == 2);
}

TEST_CASE("classes of a real variable", "[classify]") {
  Scene t;
  Builder& b = t.b;
  CHECK(t.real(b.contract({t.W, t.u}, {t.l}), t.u).form == Form::affine);
  CHECK(t.real(b.contract({t.W, t.u}, {t.l}), t.W).form == Form::affine);
  CHECK(t.real(b.add(b.contract({t.W, t.u}, {t.l}), t.x), t.u).form == Form::affine);
  CHECK(t.real(b.unary(Op::neg, t.u), t.u).form == Form::scale);
  CHECK(t.real(b.mul(t.x, t.u), t.u).form == Form::scale);
  CHECK(t.real(b.mul(t.u, t.u), t.u).form == Form::quadratic);
  CHECK(t.real(b.unary(Op::square, b.add(t.u, t.x)), t.u).form == Form::quadratic);
  CHECK(t.real(b.contract({t.u, t.u}, {t.l}), t.u).form == Form::quadratic);
  CHECK(t.real(b.reduce(Op::sum, t.u, {t.l}), t.u).form == Form::affine);
  CHECK(t.real(b.select(b.binary(Op::less, t.x, t.two), t.u, b.constant(0)), t.u).form == Form::affine);
}

TEST_CASE("classes of a finite variable", "[classify]") {
  Scene t;
  Builder& b = t.b;
  CHECK(t.finite(t.gather(t.mean, t.z), t.z).form == Form::select);
  CHECK(t.finite(b.add(t.gather(t.mean, t.z), t.x), t.z).form == Form::gate);
  CHECK(t.finite(b.unary(Op::tanh, t.gather(t.mean, t.z)), t.z).form == Form::gate);
  CHECK(t.finite(b.make(Op::one_hot, {t.z}, {.axes = {t.k}}), t.z).form == Form::gate);
  const Dependence selected = t.positive(b.mul(t.two, t.gather(t.scale, t.z)), t.scale);
  CHECK(selected.form == Form::pos_power);
  REQUIRE(selected.selections.size() == 1);
  CHECK(selected.selections[0] == Selection{t.z, t.k});
}

TEST_CASE("the first operator that breaks the class is the reason", "[classify]") {
  Scene t;
  Builder& b = t.b;
  const NodeId inner = b.unary(Op::tanh, b.contract({t.W, t.u}, {t.l}));
  const Dependence d = t.real(b.unary(Op::exp, b.add(inner, t.x)), t.u);
  CHECK(d.form == Form::nonlinear);
  CHECK(d.culprit == inner);
}

TEST_CASE("mutants that must be refused", "[classify]") {
  Scene t;
  Builder& b = t.b;
  const SlotRule& rate = *find_slot_rule("Poisson", "rate");
  const SlotRule& spread = *find_slot_rule("Normal", "var");
  const SlotRule& mean = *find_slot_rule("Normal", "mean");
  const SlotRule& p = *find_slot_rule("Bernoulli", "p");
  SECTION("an offset on a rate, a scale") {
    CHECK(allows(rate, t.positive(b.mul(t.two, t.s), t.s)));
    CHECK_FALSE(allows(rate, t.positive(b.add(t.s, t.two), t.s)));
    CHECK_FALSE(
        allows(spread, t.positive(b.add(t.s, b.constant(0)), t.s)));  // a constant 0 changes nothing of this
  }
  SECTION("a scale that may be negative") {
    CHECK_FALSE(allows(spread, t.positive(b.mul(t.x, t.s), t.s)));
  }
  SECTION("a variable as an index is no linear use") {
    CHECK(t.real(t.gather(t.mean, t.c), t.c).form == Form::nonlinear);
    CHECK_FALSE(allows(mean, t.real(t.gather(t.mean, t.c), t.c)));
  }
  SECTION("index and table at once") {
    const NodeId index = b.make(Op::argmax, {t.mean}, {.axes = {t.k}});
    CHECK_FALSE(allows(mean, t.real(t.gather(t.mean, index), t.mean)));
  }
  SECTION("exp of a multiple is not a multiple") {
    CHECK_FALSE(allows(rate, t.real(b.unary(Op::exp, b.mul(t.x, t.u)), t.u)));
  }
  SECTION("a product of the variable with itself is not affine") {
    CHECK_FALSE(allows(mean, t.real(b.mul(t.u, t.u), t.u)));
  }
  SECTION("sums of two elements are no power") {
    CHECK_FALSE(allows(spread, t.positive(b.reduce(Op::sum, t.scale, {t.k}), t.scale)));
    CHECK_FALSE(allows(spread, t.positive(b.add(t.s, t.s), t.s)));
  }
  SECTION("two rows of one table are no power") {
    CHECK_FALSE(allows(spread, t.positive(b.mul(t.gather(t.scale, t.z), t.gather(t.scale, t.c)), t.scale)));
  }
  SECTION("a power that cancels is not a dependence that any rule covers") {
    CHECK_FALSE(allows(spread, t.positive(b.div(t.s, t.s), t.s)));
  }
  SECTION("a coefficient that is selected with the variable") {
    const NodeId weights = b.leaf(Op::parameter, "weights", {Element::positive, {t.k}, -1});
    CHECK_FALSE(allows(spread, t.positive(t.gather(b.mul(weights, t.scale), t.c), t.scale)));
  }
  SECTION("probabilities take the variable alone") {
    CHECK(allows(p, t.positive(t.s, t.s)));
    CHECK_FALSE(allows(p, t.positive(b.mul(b.constant(0.5), t.s), t.s)));
    CHECK_FALSE(allows(p, t.positive(b.sub(b.constant(1), t.s), t.s)));
    CHECK_FALSE(allows(p, t.real(b.unary(Op::sigmoid, t.u), t.u)));
  }
  SECTION("log-odds are in no closed form, even alone") {
    CHECK_FALSE(allows(*find_slot_rule("Bernoulli", "logits"), t.real(t.u, t.u)));
  }
  SECTION("min, max and truncation") {
    CHECK_FALSE(allows(mean, t.real(b.binary(Op::maximum, t.u, b.constant(0)), t.u)));
    CHECK_FALSE(allows(mean, t.real(b.unary(Op::relu, t.u), t.u)));
  }
}

}  // namespace lvm::ir
