// Each op of level step, in functions over rows and over parameters: compiled code equals the interpreter.

#include <catch2/catch.hpp>

#include <functional>
#include <random>

#include "tests/unit/loop/run_program.h"

using namespace lvm;
using namespace lvm::test;
using ir::AxisId;
using ir::NodeId;
using ir::Op;

namespace {

struct Leaves {
  AxisId row, k, d, d2;
  NodeId x;         // [row, D], or [K, D] in functions over parameters
  NodeId category;  // [row], 0 … K - 1, or [D]
  NodeId table;     // [K, D], positive
  NodeId spd;       // [K, D, D'], positive definite
};
using Make = std::function<NodeId(ir::Builder&, const Leaves&)>;

struct Case {
  std::string name;
  Make make;
  bool rows = true, small = true;
};

ir::Attributes with_axes(std::vector<AxisId> axes, double number = 0) {
  ir::Attributes a;
  a.axes = std::move(axes);
  a.number = number;
  return a;
}

Case unary(Op op, std::function<NodeId(ir::Builder&, NodeId)> domain = nullptr) {
  return {std::string(ir::row(op).name),
          [=](ir::Builder& b, const Leaves& l) { return b.unary(op, domain ? domain(b, l.x) : l.x); }};
}

Case binary(Op op) {
  return {std::string(ir::row(op).name),
          [=](ir::Builder& b, const Leaves& l) { return b.binary(op, l.x, l.table); }};
}

std::vector<Case> cases() {
  auto positive = [](ir::Builder& b, NodeId x) { return b.add(b.unary(Op::abs, x), b.constant(0.125)); };
  auto sign = [](ir::Builder& b, NodeId x) { return b.binary(Op::less, x, b.constant(0)); };
  std::vector<Case> all = {
      unary(Op::neg),
      unary(Op::abs),
      unary(Op::exp),
      unary(Op::log, positive),
      unary(Op::expm1),
      unary(Op::log1p, positive),
      unary(Op::sqrt, positive),
      unary(Op::square),
      unary(Op::reciprocal),
      unary(Op::sigmoid),
      unary(Op::softplus),
      unary(Op::tanh),
      unary(Op::relu),
      unary(Op::erf),
      unary(Op::lgamma, positive),
      unary(Op::digamma, positive),
      unary(Op::trigamma, positive),
      unary(Op::floor),
      unary(Op::erfcx),
      unary(Op::cos),
      unary(Op::sin),
      unary(Op::binet, positive),
      unary(Op::binet_slope, positive),
      unary(Op::binet_curve, positive),
      unary(Op::log_bessel),
      unary(Op::bessel_ratio),
      unary(Op::bessel_slope),
      unary(Op::is_finite),
      unary(Op::is_finite, [](ir::Builder& b, NodeId x) { return b.div(x, b.constant(0)); }),
      unary(Op::logical_not, sign),
      binary(Op::add),
      binary(Op::sub),
      binary(Op::mul),
      binary(Op::div),
      binary(Op::maximum),
      binary(Op::minimum),
      binary(Op::less),
      binary(Op::less_equal),
      binary(Op::equal)};
  auto add = [&](std::string name, Make make, bool rows = true, bool small = true) {
    all.push_back({std::move(name), std::move(make), rows, small});
  };
  add("pow", [=](ir::Builder& b, const Leaves& l) { return b.binary(Op::pow, positive(b, l.x), l.table); });
  // The value itself: its logarithm passes through 0.
  add("log_gamma_draw", [=](ir::Builder& b, const Leaves& l) {
    return b.unary(Op::exp, b.binary(Op::log_gamma_draw, positive(b, l.x), l.table));
  });
  add("log_gamma_draw_slope", [=](ir::Builder& b, const Leaves& l) {
    return b.binary(Op::log_gamma_draw_slope, positive(b, l.x), l.table);
  });
  add("logical_and", [=](ir::Builder& b, const Leaves& l) {
    return b.binary(Op::logical_and, sign(b, l.x), sign(b, b.sub(l.table, b.constant(1))));
  });
  add("logical_or", [=](ir::Builder& b, const Leaves& l) {
    return b.binary(Op::logical_or, sign(b, l.x), sign(b, b.sub(l.table, b.constant(1))));
  });
  add("fma", [](ir::Builder& b, const Leaves& l) { return b.make(Op::fma, {l.x, l.table, l.x}); });
  add("select", [=](ir::Builder& b, const Leaves& l) {
    return b.select(sign(b, l.x), b.unary(Op::log, b.sub(b.constant(0), l.x)), l.table);
  });
  add("sum D", [](ir::Builder& b, const Leaves& l) { return b.reduce(Op::sum, b.mul(l.x, l.table), {l.d}); });
  add("sum K", [](ir::Builder& b, const Leaves& l) { return b.reduce(Op::sum, b.mul(l.x, l.table), {l.k}); });
  add("sum K D",
      [](ir::Builder& b, const Leaves& l) { return b.reduce(Op::sum, b.mul(l.x, l.table), {l.k, l.d}); });
  add("reduce_max",
      [](ir::Builder& b, const Leaves& l) { return b.reduce(Op::reduce_max, b.mul(l.x, l.table), {l.d}); });
  add("logsumexp D",
      [](ir::Builder& b, const Leaves& l) { return b.reduce(Op::logsumexp, b.mul(l.x, l.table), {l.d}); });
  add("logsumexp K",
      [](ir::Builder& b, const Leaves& l) { return b.reduce(Op::logsumexp, b.mul(l.x, l.table), {l.k}); });
  add("logsumexp of -inf", [](ir::Builder& b, const Leaves& l) {
    return b.reduce(Op::logsumexp, b.sub(b.mul(l.table, l.x), b.constant(__builtin_inf())), {l.k});
  });
  add("softmax", [](ir::Builder& b, const Leaves& l) {
    NodeId lp = b.mul(b.reduce(Op::sum, l.x, {l.d}), b.reduce(Op::sum, l.table, {l.d}));
    return b.unary(Op::exp, b.sub(lp, b.reduce(Op::logsumexp, lp, {l.k})));
  });
  add("argmax K",
      [](ir::Builder& b, const Leaves& l) { return b.reduce(Op::argmax, b.mul(l.x, l.table), {l.k}); });
  add("argmax D",
      [](ir::Builder& b, const Leaves& l) { return b.reduce(Op::argmax, b.mul(l.x, l.table), {l.d}); });
  add("contract", [](ir::Builder& b, const Leaves& l) {
    return b.contract({l.x, l.table, b.rename(l.x, l.d, l.d2), l.spd}, {l.d, l.d2});
  });
  add(
      "broadcast",
      [](ir::Builder& b, const Leaves& l) {
        return b.make(Op::broadcast, {b.reduce(Op::sum, l.x, {l.d})}, with_axes({l.k}));
      },
      true, false);
  add("rename", [](ir::Builder& b, const Leaves& l) { return b.mul(b.rename(l.x, l.d, l.d2), l.x); });
  add(
      "gather",
      [](ir::Builder& b, const Leaves& l) {
        return b.make(Op::gather, {l.table, l.category}, with_axes({l.k}));
      },
      true, false);
  add("one_hot",
      [](ir::Builder& b, const Leaves& l) { return b.make(Op::one_hot, {l.category}, with_axes({l.k})); });
  add("stack", [](ir::Builder& b, const Leaves& l) {
    std::vector<NodeId> parts;
    int64_t size = b.module().axis(l.d2).size;
    for (int64_t i = 0; i < size; ++i)
      parts.push_back(b.mul(b.reduce(Op::sum, l.x, {l.d}), b.constant(static_cast<double>(i))));
    return b.make(Op::stack, parts, with_axes({l.d2}));
  });
  add("slice", [](ir::Builder& b, const Leaves& l) {
    return b.make(Op::slice, {b.mul(l.x, l.table)}, with_axes({l.d}, 0));
  });
  add("diag",
      [](ir::Builder& b, const Leaves& l) { return b.make(Op::diag, {l.x}, with_axes({l.d, l.d2})); });
  add("diagonal", [](ir::Builder& b, const Leaves& l) {
    return b.make(Op::diagonal, {b.mul(l.spd, b.rename(l.x, l.d, l.d2))}, with_axes({l.d, l.d2}));
  });
  add("identity", [](ir::Builder& b, const Leaves& l) {
    return b.mul(b.make(Op::identity, {}, with_axes({l.d, l.d2})), l.x);
  });
  add("iota",
      [](ir::Builder& b, const Leaves& l) { return b.mul(b.make(Op::iota, {}, with_axes({l.d})), l.x); });
  add("triangular_apply", [](ir::Builder& b, const Leaves& l) {
    return b.matrix(Op::triangular_apply, {l.spd, l.x}, l.d, l.d2);
  });
  add("triangular_apply, summed", [](ir::Builder& b, const Leaves& l) {
    return b.reduce(
        Op::sum, b.unary(Op::square, b.matrix(Op::triangular_apply, {l.spd, b.sub(l.x, l.table)}, l.d, l.d2)),
        {l.d});
  });
  for (Op op : {Op::cholesky, Op::inverse}) {
    add(
        std::string(ir::row(op).name),
        [op](ir::Builder& b, const Leaves& l) { return b.matrix(op, {l.spd}, l.d, l.d2); }, false);
  }
  add(
      "triangular_inverse",
      [](ir::Builder& b, const Leaves& l) {
        return b.matrix(Op::triangular_inverse, {b.matrix(Op::cholesky, {l.spd}, l.d, l.d2)}, l.d, l.d2);
      },
      false);
  add(
      "triangular_solve",
      [](ir::Builder& b, const Leaves& l) {
        return b.matrix(Op::triangular_solve, {b.matrix(Op::cholesky, {l.spd}, l.d, l.d2), l.x}, l.d, l.d2);
      },
      false);
  add(
      "solve",
      [](ir::Builder& b, const Leaves& l) {
        return b.matrix(Op::solve, {b.add(l.spd, b.make(Op::identity, {}, with_axes({l.d, l.d2}))), l.x}, l.d,
                        l.d2);
      },
      false);
  add(
      "log_determinant",
      [](ir::Builder& b, const Leaves& l) { return b.matrix(Op::log_determinant, {l.spd}, l.d, l.d2); },
      false);
  add(
      "eigenvalues",
      [](ir::Builder& b, const Leaves& l) { return b.matrix(Op::eigenvalues, {l.spd}, l.d, l.d2); }, false);
  return all;
}

ir::Program program_of(const Case& c, bool rows, int64_t k, int64_t d) {
  ir::Program program;
  Leaves l{};
  l.row = program.module.add_axis({"row", ir::AxisKind::rows});
  l.k = program.module.add_axis({"K", ir::AxisKind::fixed, k});
  l.d = program.module.add_axis({"D", ir::AxisKind::fixed, d});
  l.d2 = program.module.twin(l.d);
  program.data = {slot<ir::DataSlot>("x", {l.d}), slot<ir::DataSlot>("category", {})};
  program.parameters = {slot<ir::ParameterSlot>("table", {l.k, l.d}),
                        slot<ir::ParameterSlot>("spd", {l.k, l.d, l.d2}),
                        slot<ir::ParameterSlot>("x", {l.k, l.d}), slot<ir::ParameterSlot>("category", {l.d})};
  program.module.functions.push_back({});
  ir::Function& f = program.module.functions.back();
  f.name = "f";
  f.time = rows ? ir::BindingTime::rows : ir::BindingTime::prepare;
  ir::Builder b(program.module, f);
  Op leaf = rows ? Op::data : Op::parameter;
  l.x = b.leaf(leaf, "x", {ir::Element::real, rows ? std::vector{l.row, l.d} : std::vector{l.k, l.d}, -1});
  l.category = b.leaf(leaf, "category", {ir::Element::category, {rows ? l.row : l.d}, l.k});
  l.table = b.leaf(Op::parameter, "table", {ir::Element::positive, {l.k, l.d}, -1});
  l.spd = b.leaf(Op::parameter, "spd", {ir::Element::real, {l.k, l.d, l.d2}, -1});
  NodeId out = c.make(b, l);
  b.output(rows ? ir::OutputKind::row : ir::OutputKind::derived, "out", out);
  (rows ? program.row_outputs : program.derived).push_back(slot<ir::Slot>("out", b.type(out).axes));
  ir::assign_offsets(program);
  return program;
}

void fill(Buffers& buffers, const ir::Program& program, int64_t k, int64_t d) {
  std::mt19937_64 random(5);
  std::normal_distribution<> normal;
  auto states = static_cast<uint64_t>(k);
  for (const Block& column : buffers.columns) {
    for (int64_t i = 0; i < LVM_TILE_ROWS; ++i) column[i] = normal(random);
  }
  for (int64_t i = 0; i < LVM_TILE_ROWS; ++i)
    buffers.columns.back()[i] = static_cast<double>(random() % states);
  auto start = [&](size_t slot) { return program.parameters[slot].offset; };
  for (int64_t i = 0; i < k * d; ++i) {
    buffers.parameters[start(0) + i] = 0.1 + std::abs(normal(random));
    buffers.parameters[start(2) + i] = normal(random);
  }
  for (int64_t i = 0; i < k * d * d; ++i) {
    bool diagonal = i % (d * d) % (d + 1) == 0;
    buffers.parameters[start(1) + i] =
        diagonal ? static_cast<double>(d) + 1 + 0.1 * static_cast<double>(i % 7) : 0.5;
  }
  for (int64_t i = 0; i < d; ++i) buffers.parameters[start(3) + i] = static_cast<double>(random() % states);
}

void compare(const Case& c, bool rows, int64_t k, int64_t d) {
  CAPTURE(c.name, rows, k, d);
  ir::Program program = program_of(c, rows, k, d);
  REQUIRE(ir::verify(program.module) == std::vector<std::string>{});
  loop::Unit unit = loop::schedule(program, jit::host_target());
  jit::Jit jit(linalg_symbols());
  auto compiled = jit.compile(unit), reference = interpreter::interpret(program);
  Buffers got(program), want(program);
  fill(got, program, k, d);
  fill(want, program, k, d);
  if (!rows) {
    CHECK(got.run_prepare(compiled, "f") == want.run_prepare(reference, "f"));
    CHECK(difference(got.derived, want.derived, 1e-10) < 1e-11);
    return;
  }
  CHECK(got.run_rows(compiled, "f", LVM_TILE_ROWS) == 0);
  CHECK(want.run_rows(reference, "f", LVM_TILE_ROWS) == 0);
  CHECK(difference(got.outputs, want.outputs, 1e-10) < 1e-11);
}

}  // namespace

TEST_CASE("each op: compiled code equals the interpreter") {
  for (const Case& c : cases()) {
    for (auto [k, d] : {std::pair<int64_t, int64_t>{3, 4}, {2, 1}, {18, 19}}) {
      if (c.rows) compare(c, true, k, d);
      if (c.small) compare(c, false, k, d);
    }
  }
}
