#include "tests/unit/loop/gmm_program.h"

#include <cmath>
#include <numbers>

#include "tests/unit/loop/run_program.h"

namespace lvm::test {

namespace {

using ir::AxisId;
using ir::Element;
using ir::NodeId;
using ir::Op;
using ir::OutputKind;

struct Axes {
  AxisId row, k, d, d2;
};

ir::Function& function(ir::Program& program, std::string name, ir::BindingTime time) {
  program.module.functions.push_back({});
  program.module.functions.back().name = std::move(name);
  program.module.functions.back().time = time;
  return program.module.functions.back();
}

NodeId leaf(ir::Builder& b, Op op, std::string name, std::vector<AxisId> axes) {
  return b.leaf(op, std::move(name), {Element::real, std::move(axes), -1});
}

/// log_norm[K] = log weight - (D log 2 pi) / 2 + log det whiten; whiten = inverse Cholesky factor.
void prepare(ir::Program& program, const Axes& a, int64_t dimensions) {
  ir::Builder b(program.module, function(program, "prepare", ir::BindingTime::prepare));
  NodeId weight = leaf(b, Op::parameter, "weight", {a.k});
  NodeId factor = b.matrix(Op::cholesky, {leaf(b, Op::parameter, "cov", {a.k, a.d, a.d2})}, a.d, a.d2);
  NodeId whiten = b.matrix(Op::triangular_inverse, {factor}, a.d, a.d2);
  ir::Attributes pair;
  pair.axes = {a.d, a.d2};
  NodeId log_det = b.reduce(Op::sum, b.unary(Op::log, b.make(Op::diagonal, {whiten}, pair)), {a.d});
  double half_log_two_pi = 0.5 * static_cast<double>(dimensions) * std::log(2 * std::numbers::pi);
  NodeId log_norm = b.add(b.sub(b.unary(Op::log, weight), b.constant(half_log_two_pi)), log_det);
  b.output(OutputKind::derived, "whiten", whiten);
  b.output(OutputKind::derived, "log_norm", log_norm);
  b.output(OutputKind::check, "cov_finite", b.unary(Op::is_finite, log_norm));
}

void moments(ir::Builder& b, const Axes& a, NodeId r, NodeId d) {
  b.output(OutputKind::statistic, "n", b.reduce(Op::sum, r, {a.row}));
  b.output(OutputKind::statistic, "s1", b.contract({r, d}, {a.row}));
  b.output(OutputKind::statistic, "s2", b.contract({r, d, b.rename(d, a.d, a.d2)}, {a.row}));
}

void rows(ir::Program& program, const Axes& a) {
  ir::Builder b(program.module, function(program, "rows", ir::BindingTime::rows));
  NodeId y = leaf(b, Op::data, "y", {a.row, a.d});
  NodeId d = b.sub(y, leaf(b, Op::parameter, "mean", {a.k, a.d}));
  NodeId whiten = leaf(b, Op::derived, "whiten", {a.k, a.d, a.d2});
  NodeId u = b.matrix(Op::triangular_apply, {whiten, d}, a.d, a.d2);
  NodeId quadratic = b.reduce(Op::sum, b.unary(Op::square, u), {a.d});
  NodeId lp = b.make(Op::fma, {b.constant(-0.5), quadratic, leaf(b, Op::derived, "log_norm", {a.k})});
  NodeId ll = b.reduce(Op::logsumexp, lp, {a.k});
  NodeId r = b.unary(Op::exp, b.sub(lp, ll));
  moments(b, a, r, d);
  b.output(OutputKind::objective, "objective", b.reduce(Op::sum, ll, {a.row}));
}

void start(ir::Program& program, const Axes& a) {
  ir::Builder b(program.module, function(program, "start", ir::BindingTime::rows));
  NodeId y = leaf(b, Op::data, "y", {a.row, a.d});
  NodeId assignment = b.leaf(Op::data, "assignment", {Element::category, {a.row}, a.k});
  ir::Attributes states;
  states.axes = {a.k};
  NodeId r = b.make(Op::one_hot, {assignment}, states);
  moments(b, a, r, b.sub(y, leaf(b, Op::parameter, "mean", {a.k, a.d})));
}

void posterior(ir::Program& program, const Axes& a) {
  ir::Builder b(program.module, function(program, "posterior", ir::BindingTime::rows));
  NodeId y = leaf(b, Op::data, "y", {a.row, a.d});
  NodeId d = b.sub(y, leaf(b, Op::parameter, "mean", {a.k, a.d}));
  NodeId u = b.matrix(Op::triangular_apply, {leaf(b, Op::derived, "whiten", {a.k, a.d, a.d2}), d}, a.d, a.d2);
  NodeId quadratic = b.reduce(Op::sum, b.unary(Op::square, u), {a.d});
  NodeId lp = b.make(Op::fma, {b.constant(-0.5), quadratic, leaf(b, Op::derived, "log_norm", {a.k})});
  NodeId r = b.unary(Op::exp, b.sub(lp, b.reduce(Op::logsumexp, lp, {a.k})));
  b.output(OutputKind::row, "responsibilities", r);
  b.output(OutputKind::row, "assignment", b.reduce(Op::argmax, r, {a.k}));
}

/// mean + s1 / n and s2 / n - (s1 / n)(s1 / n)'.
void update(ir::Program& program, const Axes& a) {
  ir::Builder b(program.module, function(program, "update", ir::BindingTime::update));
  NodeId n = leaf(b, Op::statistic, "n", {a.k});
  NodeId shift = b.div(leaf(b, Op::statistic, "s1", {a.k, a.d}), n);
  NodeId second = b.div(leaf(b, Op::statistic, "s2", {a.k, a.d, a.d2}), n);
  NodeId cov = b.sub(second, b.mul(shift, b.rename(shift, a.d, a.d2)));
  b.output(OutputKind::parameter, "weight", b.div(n, b.reduce(Op::sum, n, {a.k})));
  b.output(OutputKind::parameter, "mean", b.add(leaf(b, Op::parameter, "mean", {a.k, a.d}), shift));
  b.output(OutputKind::parameter, "cov", cov);
  b.output(OutputKind::check, "not_empty", b.binary(Op::less, b.constant(0), n));
}

}  // namespace

ir::Program gmm_program(int64_t components, int64_t dimensions) {
  ir::Program program;
  program.model = "gmm";
  program.module.name = "gmm";
  Axes a{};
  a.row = program.module.add_axis({"row", ir::AxisKind::rows});
  a.k = program.module.add_axis({"K", ir::AxisKind::fixed, components});
  a.d = program.module.add_axis({"D", ir::AxisKind::fixed, dimensions});
  a.d2 = program.module.twin(a.d);
  program.data = {slot<ir::DataSlot>("y", {a.d}), slot<ir::DataSlot>("assignment", {})};
  program.parameters = {slot<ir::ParameterSlot>("weight", {a.k}), slot<ir::ParameterSlot>("mean", {a.k, a.d}),
                        slot<ir::ParameterSlot>("cov", {a.k, a.d, a.d2})};
  program.derived = {slot<ir::Slot>("whiten", {a.k, a.d, a.d2}), slot<ir::Slot>("log_norm", {a.k})};
  program.statistics = {slot<ir::Slot>("n", {a.k}), slot<ir::Slot>("s1", {a.k, a.d}),
                        slot<ir::Slot>("s2", {a.k, a.d, a.d2}), slot<ir::Slot>("objective", {})};
  program.row_outputs = {slot<ir::Slot>("responsibilities", {a.k}), slot<ir::Slot>("assignment", {})};
  program.checks = {slot<ir::Check>("cov_finite", {a.k}), slot<ir::Check>("not_empty", {a.k})};
  program.module.functions.reserve(8);
  prepare(program, a, dimensions);
  rows(program, a);
  start(program, a);
  posterior(program, a);
  update(program, a);
  ir::assign_offsets(program);
  return program;
}

}  // namespace lvm::test
