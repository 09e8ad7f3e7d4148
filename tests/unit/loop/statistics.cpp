// Sums over rows of every shape, with short and long axes, with and without a latent: compiled code equals
// the interpreter, and no bit depends on the register blocks or on the run of rows that is kept in the cache.

#include <catch2/catch.hpp>

#include <functional>
#include <random>

#include "tests/unit/loop/run_program.h"

using namespace lvm;
using namespace lvm::test;
using ir::AxisId;
using ir::NodeId;
using ir::Op;
using ir::OutputKind;

namespace {

struct Leaves {
  AxisId row, k, d, d2;
  NodeId x, category, table;
};
using Sums = std::vector<std::pair<std::string, NodeId>>;

NodeId responsibilities(ir::Builder& b, const Leaves& l) {
  NodeId yes = b.binary(Op::less, b.constant(0), l.x);
  NodeId lp = b.reduce(
      Op::sum, b.select(yes, b.unary(Op::log, l.table), b.unary(Op::log1p, b.unary(Op::neg, l.table))),
      {l.d});
  return b.unary(Op::exp, b.sub(lp, b.reduce(Op::logsumexp, lp, {l.k})));
}

Sums without_latent(ir::Builder& b, const Leaves& l) {
  NodeId d = b.sub(l.x, b.constant(0.25));
  ir::Attributes rows;
  rows.axes = {l.row};
  return {{"count", b.reduce(Op::sum, b.make(Op::broadcast, {b.constant(1)}, rows), {l.row})},
          {"sum", b.reduce(Op::sum, l.x, {l.row})},
          {"squares", b.reduce(Op::sum, b.unary(Op::square, d), {l.row})},
          {"all_squares", b.reduce(Op::sum, b.unary(Op::square, d), {l.row, l.d})},
          {"second", b.contract({d, b.rename(d, l.d, l.d2)}, {l.row})},
          {"cross", b.contract({d, b.rename(b.unary(Op::exp, l.x), l.d, l.d2)}, {l.row})}};
}

Sums with_latent(ir::Builder& b, const Leaves& l) {
  NodeId r = responsibilities(b, l), d = b.sub(l.x, l.table);
  return {{"n", b.reduce(Op::sum, r, {l.row})},
          {"s1", b.contract({r, l.x}, {l.row})},
          {"spread", b.contract({r, d, d}, {l.row})},
          {"all_spread", b.contract({r, d, d}, {l.row, l.d})},
          {"pooled", b.contract({r, d, b.rename(d, l.d, l.d2)}, {l.row, l.k})},
          {"cross", b.contract({r, d, b.rename(l.x, l.d, l.d2)}, {l.row})}};
}

Sums with_entropy(ir::Builder& b, const Leaves& l) {
  NodeId r = responsibilities(b, l);
  return {
      {"n", b.reduce(Op::sum, r, {l.row})},
      {"s2", b.contract({r, l.x, b.rename(l.x, l.d, l.d2)}, {l.row})},
      {"entropy", b.reduce(Op::sum, b.mul(r, b.unary(Op::log, b.add(r, b.constant(1e-9)))), {l.row, l.k})}};
}

Sums by_category(ir::Builder& b, const Leaves& l) {
  ir::Attributes states;
  states.axes = {l.k};
  NodeId r = b.make(Op::one_hot, {l.category}, states),
         looked_up = b.make(Op::gather, {l.table, l.category}, states);
  return {{"n", b.reduce(Op::sum, r, {l.row})},
          {"s1", b.contract({r, l.x}, {l.row})},
          {"looked_up", b.reduce(Op::sum, looked_up, {l.row})},
          {"s2", b.contract({r, l.x, b.rename(l.x, l.d, l.d2)}, {l.row})}};
}

ir::Program program_of(const std::function<Sums(ir::Builder&, const Leaves&)>& make, int64_t k, int64_t d) {
  ir::Program program;
  Leaves l{};
  l.row = program.module.add_axis({"row", ir::AxisKind::rows});
  l.k = program.module.add_axis({"K", ir::AxisKind::fixed, k});
  l.d = program.module.add_axis({"D", ir::AxisKind::fixed, d});
  l.d2 = program.module.twin(l.d);
  program.data = {slot<ir::DataSlot>("x", {l.d}), slot<ir::DataSlot>("category", {})};
  program.parameters = {slot<ir::ParameterSlot>("table", {l.k, l.d})};
  program.module.functions.push_back({});
  ir::Function& f = program.module.functions.back();
  f.name = "rows";
  f.time = ir::BindingTime::rows;
  ir::Builder b(program.module, f);
  l.x = b.leaf(Op::data, "x", {ir::Element::real, {l.row, l.d}, -1});
  l.category = b.leaf(Op::data, "category", {ir::Element::category, {l.row}, l.k});
  l.table = b.leaf(Op::parameter, "table", {ir::Element::unit, {l.k, l.d}, -1});
  for (const auto& [name, node] : make(b, l)) {
    b.output(OutputKind::statistic, name, node);
    program.statistics.push_back(slot<ir::Slot>(name, b.type(node).axes));
  }
  ir::assign_offsets(program);
  return program;
}

void fill(Buffers& buffers, int64_t k, int32_t rows) {
  std::mt19937_64 random(9);
  std::normal_distribution<> normal;
  for (const Block& column : buffers.columns) {
    for (int64_t i = 0; i < LVM_TILE_ROWS; ++i) column[i] = normal(random);
  }
  for (int64_t i = 0; i < LVM_TILE_ROWS; ++i)
    buffers.columns.back()[i] = static_cast<double>(random() % static_cast<uint64_t>(k));
  std::uniform_real_distribution<> unit(0.2, 0.8);
  for (int64_t i = 0; i < buffers.parameters.size(); ++i) buffers.parameters[i] = unit(random);
  buffers.pad(rows);
}

}  // namespace

TEST_CASE("sums over rows: compiled code equals the interpreter, whatever the blocks") {
  auto make = GENERATE(0, 1, 2, 3);
  auto [k, d] = GENERATE(table<int64_t, int64_t>({{1, 1}, {3, 2}, {2, 5}, {4, 16}, {18, 17}, {3, 35}}));
  auto rows = GENERATE(int32_t{5}, int32_t{203});
  std::function<Sums(ir::Builder&, const Leaves&)> makers[] = {without_latent, with_latent, with_entropy,
                                                               by_category};
  ir::Program program = program_of(makers[make], k, d);
  CAPTURE(make, k, d, rows);
  REQUIRE(ir::verify(program.module) == std::vector<std::string>{});
  jit::Jit jit({});
  std::optional<Buffers> first;
  for (loop::Target target :
       {jit::host_target(), loop::Target{"small", 1, 500}, loop::Target{"large", 24, 20000}}) {
    auto executable = jit.compile(loop::schedule(program, target));
    Buffers got(program);
    fill(got, k, rows);
    REQUIRE(got.run_rows(executable, "rows", rows) == 0);
    got.add_lanes(program);
    if (first) {
      CAPTURE(target.name);
      CHECK(same_bits(got.statistics, first->statistics));
      continue;
    }
    Buffers want(program);
    fill(want, k, rows);
    REQUIRE(want.run_rows(interpreter::interpret(program), "rows", rows) == 0);
    want.add_lanes(program);
    CHECK(difference(got.totals, want.totals, 1) < 1e-12);
    first.emplace(std::move(got));
  }
}
