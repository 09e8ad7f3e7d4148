// The verifier: one mutant for each invariant; type inference and the builder on the way.

#include <functional>

#include "tests/unit/tensor/support.h"

using namespace lvm;
using namespace lvm::ir;
using namespace lvm::test;

namespace {

/// A small EM-like module: all binding times, a called function, checks.
Module sound() {
  return module_of(
      "function \"half\" plain\n  %0 : real[K] = argument \"a\"\n  %1 : positive = constant 0.5\n  %2 : "
      "real[K] = mul %0, %1\n"
      "  arguments %0\n  result \"r\" %2\nend\n"
      "function \"prepare\" prepare\n  %0 : positive[K] = parameter \"weight\"\n  %1 : real[K] = log %0\n  "
      "%2 : bool[K] = is_finite %1\n"
      "  derived \"log_weight\" %1\n  check \"weights\" %2\nend\n"
      "function \"rows\" rows\n  %0 : real[row] = data \"y\"\n  %1 : real[K] = derived \"log_weight\"\n  %2 "
      ": real[row, K] = add %0, %1\n"
      "  %3 : real[row] = logsumexp [K] %2\n  %4 : real = sum [row] %3\n  %5 : real[K] = sum [row] %2\n"
      "  statistic \"n\" %5\n  objective \"objective\" %4\n  row \"log_likelihood\" %3\nend\n"
      "function \"update\" update\n  %0 : real[K] = statistic \"n\"\n  %1 : real[K] = call @\"half\" %0\n  "
      "parameter \"weight\" %1\nend\n");
}

constexpr size_t half = 0, prepare = 1, rows = 2, update = 3;

/// The faults after a change, joined.
std::string faults(const std::function<void(Module&)>& change) {
  Module module = sound();
  change(module);
  std::string text;
  for (const std::string& fault : verify(module)) text += fault + "\n";
  return text;
}

Function& f(Module& m, size_t i) {
  return m.functions[i];
}
Node& node(Module& m, size_t i, size_t n) {
  return m.functions[i].nodes[n];
}

}  // namespace

TEST_CASE("a sound module has no fault") {
  CHECK(faults([](Module&) {}).empty());
}

TEST_CASE("each broken invariant is reported with its function and node") {
  struct Mutant {
    std::function<void(Module&)> change;
    std::string fault;
  };
  const std::vector<Mutant> mutants = {
      {[](Module& m) { f(m, rows).name = "prepare"; }, "function `prepare`: the name stands twice"},
      {[](Module& m) { node(m, rows, 2).inputs[0] = 2; }, "%2 `add`: an input is not defined before it"},
      {[](Module& m) { node(m, rows, 2).inputs[0] = 77; }, "%2 `add`: an input is not defined before it"},
      {[](Module& m) { node(m, rows, 2).inputs[0] = -1; }, "%2 `add`: an input is not defined before it"},
      {[](Module& m) { node(m, rows, 2).inputs.pop_back(); },
       "%2 `add`: `add` of (real[row]): it has the wrong number of inputs"},
      {[](Module& m) { node(m, rows, 3).attributes.axes = {9}; }, "%3 `logsumexp`: an axis does not exist"},
      {[](Module& m) { node(m, rows, 0).type.axes = {-3}; }, "%0 `data`: an axis does not exist"},
      {[](Module& m) { node(m, rows, 3).attributes.axes = {2}; },
       "%3 `logsumexp`: `logsumexp` of (real[row, K]): no input has the axis `D`"},
      {[](Module& m) { node(m, rows, 2).type.axes = {1, 0}; }, "%2 `add`: its axes are not sorted"},
      {[](Module& m) { node(m, rows, 2).type.axes = {0, 1, 1}; }, "%2 `add`: its axes are not sorted"},
      {[](Module& m) { node(m, rows, 2).type.axes = {0}; }, "%2 `add`: has type real[row, K], not real[row]"},
      {[](Module& m) { node(m, prepare, 1).type.element = Element::positive; },
       "%1 `log`: has type real[K], not positive[K]"},
      {[](Module& m) { node(m, prepare, 0).type.element = Element::category; },
       "%0 `parameter`: a category without a range"},
      {[](Module& m) { node(m, prepare, 0).op = Op::data; },
       "%0 `data`: cannot be read at binding time prepare"},
      {[](Module& m) { node(m, rows, 1).op = Op::statistic; },
       "%1 `statistic`: cannot be read at binding time rows"},
      {[](Module& m) { node(m, rows, 0).op = Op::latent; }, "%0 `latent`: does not belong to level step"},
      {[](Module& m) { node(m, rows, 2).attributes.number = 3; }, "%2 `add`: has a number"},
      {[](Module& m) { node(m, update, 1).attributes.function = "none"; },
       "%1 `call`: names no earlier function"},
      {[](Module& m) { node(m, update, 1).attributes.function = "update"; },
       "%1 `call`: names no earlier function"},
      {[](Module& m) { node(m, update, 1).inputs.clear(); },
       "%1 `call`: has another number of inputs than its function"},
      {[](Module& m) { node(m, update, 0).type.axes = {2}; }, "argument 0 has other axes"},
      {[](Module& m) { f(m, half).arguments = {1}; },
       "function `half`: an argument is not an `argument` leaf"},
      {[](Module& m) { f(m, half).arguments = {50}; },
       "function `half`: an argument is not an `argument` leaf"},
      {[](Module& m) { f(m, half).outputs[0].node = 50; }, "result \"r\": its node is not defined"},
      {[](Module& m) { f(m, rows).outputs[0].kind = OutputKind::parameter; },
       "parameter \"n\": cannot be written at binding time rows"},
      {[](Module& m) { f(m, prepare).outputs[0].kind = OutputKind::statistic; },
       "statistic \"log_weight\": cannot be written at binding time prepare"},
      {[](Module& m) { f(m, rows).outputs[0].node = 2; }, "statistic \"n\": has the row axis"},
      {[](Module& m) { f(m, rows).outputs[1].node = 5; }, "objective \"objective\": is not a scalar"},
      {[](Module& m) { f(m, rows).outputs[2].node = 5; }, "row \"log_likelihood\": has no row axis"},
      {[](Module& m) { f(m, prepare).outputs[1].node = 1; }, "check \"weights\": is not bool"},
  };
  for (const Mutant& mutant : mutants) {
    const std::string found = faults(mutant.change);
    INFO("expected: " << mutant.fault << "\nfound: " << found);
    CHECK(found.find(mutant.fault) != std::string::npos);
  }
}

TEST_CASE("random damage never crashes the verifier, and what it accepts the interpreter can run") {
  std::mt19937_64 random(10);
  const auto below = [&](size_t n) {
    return static_cast<int>(std::uniform_int_distribution<size_t>(0, n - 1)(random));
  };
  int ran = 0;
  for (int i = 0; i < 4000; ++i) {
    Module m = random_module(random, 25);
    Function& function = m.functions[0];
    Node& n = function.nodes[static_cast<size_t>(below(function.nodes.size()))];
    switch (below(6)) {
      case 0: n.op = static_cast<Op>(below(static_cast<size_t>(Op::sample) + 1)); break;
      case 1: n.attributes.axes.push_back(below(7) - 1); break;
      case 2: n.inputs.push_back(below(function.nodes.size())); break;
      case 3: n.type.axes = {below(6) - 1}; break;
      case 4: n.attributes.number = below(5); break;
      default: m.axes[static_cast<size_t>(1 + below(4))].size = below(5); break;
    }
    if (!verify(m).empty()) continue;
    const auto leaves = random_leaves(m, function, random);
    try {
      interpreter::evaluate(m, function, leaves);
      ++ran;
    } catch (const InternalError&) {  // a size that types leave open
    }
  }
  CHECK(ran > 100);
}

TEST_CASE("type inference names the op and both shapes") {
  Module m = module_of("");
  m.functions.push_back({.name = "f"});
  Builder b(m, m.functions[0]);
  const NodeId table = b.leaf(Op::parameter, "table", {Element::real, {1, 2}}),
               x = b.leaf(Op::data, "x", {Element::real, {0}});
  CHECK_THROWS_WITH(b.make(Op::gather, {table, x}, {.axes = {1}}),
                    "`gather` of (real[K, D], real[row]): the index is not a category");
  CHECK_THROWS_WITH(b.matrix(Op::solve, {table, x}, 2, 3),
                    "`solve` of (real[K, D], real[row]): the axis `D'` is missing");
  CHECK_THROWS_WITH(b.rename(table, 1, 2),
                    "`rename` of (real[K, D]): the axes `K` and `D` have the sizes 3 and 2");
  CHECK_THROWS_WITH(b.make(Op::slice, {table}, {.number = 3, .axes = {1}}),
                    "`slice` of (real[K, D]): there is no element 3 along `K`");
  CHECK_THROWS_AS(b.contract({}, {}), InternalError);
  CHECK_THROWS_AS(b.make(Op::add, {table, 99}), InternalError);
}

TEST_CASE("elements are inferred: what is provably positive stays so") {
  Module m = module_of("");
  m.functions.push_back({.name = "f"});
  Builder b(m, m.functions[0]);
  const NodeId sd = b.leaf(Op::parameter, "sd", {Element::positive, {1}}),
               p = b.leaf(Op::parameter, "p", {Element::unit, {2}}),
               x = b.leaf(Op::data, "x", {Element::real, {0}}),
               yes = b.leaf(Op::data, "b", {Element::boolean, {0}});
  const auto element = [&](NodeId id) { return b.type(id).element; };
  CHECK(element(b.mul(b.constant(2), sd)) == Element::positive);
  CHECK(element(b.mul(b.constant(-2), sd)) == Element::real);
  CHECK(element(b.add(sd, p)) == Element::positive);
  CHECK(element(b.sub(sd, p)) == Element::real);
  CHECK(element(b.unary(Op::exp, x)) == Element::positive);
  CHECK(element(b.unary(Op::square, x)) == Element::real);
  CHECK(element(b.unary(Op::sigmoid, x)) == Element::unit);
  CHECK(element(b.mul(p, p)) == Element::unit);
  CHECK(element(b.binary(Op::less, x, sd)) == Element::boolean);
  CHECK(element(b.reduce(Op::sum, yes, {0})) == Element::count);
  CHECK(element(b.contract({sd, sd}, {1})) == Element::positive);
  CHECK(b.type(b.mul(sd, b.mul(p, x))).axes == std::vector<AxisId>{0, 1, 2});
  CHECK(b.type(b.reduce(Op::argmax, sd, {1})).range == 1);
}

TEST_CASE("the builder shares equal nodes, and tells 0 from -0") {
  Module m = module_of("");
  m.functions.push_back({.name = "f"});
  Builder b(m, m.functions[0]);
  const NodeId x = b.leaf(Op::data, "x", {Element::real, {0}});
  CHECK(b.leaf(Op::data, "x", {Element::real, {0}}) == x);
  CHECK(b.leaf(Op::parameter, "x", {Element::real, {0}}) != x);
  CHECK(b.constant(0.0) != b.constant(-0.0));
  CHECK(b.constant(1.5) == b.constant(1.5));
  CHECK(b.add(x, b.constant(1)) == b.add(x, b.constant(1)));
  CHECK(b.reduce(Op::sum, x, {}) == x);
  std::vector<NodeId> made;
  for (int i = 0; i < 5000; ++i) made.push_back(b.add(x, b.constant(i)));
  const size_t size = m.functions[0].nodes.size();
  for (int i = 0; i < 5000; ++i) CHECK(b.add(x, b.constant(i)) == made[static_cast<size_t>(i)]);
  CHECK(m.functions[0].nodes.size() == size);
}

TEST_CASE("copy brings what a node needs, with replacements") {
  Module m = module_of("");
  m.functions.push_back({.name = "from"});
  m.functions.push_back({.name = "to"});
  Builder from(m, m.functions[0]);
  const NodeId x = from.leaf(Op::data, "x", {Element::real, {0}}), unused = from.unary(Op::exp, x);
  const NodeId y = from.mul(from.constant(2), x);
  Builder to(m, m.functions[1]);
  std::vector<NodeId> replace(m.functions[0].nodes.size(), no_node);
  const NodeId p = to.leaf(Op::parameter, "p", {Element::positive, {1}});
  replace[static_cast<size_t>(x)] = p;
  const NodeId copied = to.copy(m.functions[0], y, replace);
  CHECK(to.type(copied) == Type{Element::positive, {1}});
  CHECK(replace[static_cast<size_t>(unused)] == no_node);
  CHECK(m.functions[1].nodes.size() == 3);
}

TEST_CASE("twins keep the size, and axis names are found") {
  Module m = module_of("");
  const AxisId k = *m.find_axis("K"), twin = m.twin(k);
  CHECK(m.axis(twin).name == "K'");
  CHECK(m.axis(twin).size == 3);
  CHECK(m.twin(k) == twin);
  CHECK(m.twin(2) == 3);
  CHECK(m.elements({Element::real, {0, 1, 2}}) == 6);
  m.axes[1].size = unknown_size;
  CHECK(m.elements({Element::real, {0, 1, 2}}) == unknown_size);
}
