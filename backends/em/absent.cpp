#include "backends/em/absent.h"

#include <algorithm>

#include "ir/families/members.h"

namespace lvm::em {

using ir::Block;
using ir::Check;
using ir::Op;
using ir::Solver;
using ir::Type;

namespace {

/// "[K, D]"
std::string names_of(const ir::Module& module, const std::vector<AxisId>& axes) {
  std::string text;
  for (const AxisId axis : axes) text += (text.empty() ? "" : ", ") + module.axis(axis).name;
  return "[" + text + "]";
}

void check_block(UpdateContext& c, const Block& block, size_t at) {
  const Emission& e = c.emissions[at];
  const std::vector<AxisId>& own = variable_of(c.setting, block.name).type.axes;
  const bool vector = e.absent == Absent::patterns;
  const NodeId n =
      vector ? c.statistics.cells(c.update, at, own) : c.statistics.weight(c.update, at, common(own, e.axes));
  const std::vector<AxisId> axes = c.update.type(n).axes;
  std::string message = "no observed cell of `" + e.variable + "` is left for `" + block.name + "`";
  if (!axes.empty() && c.setting.all_states(axes)) {
    message = "component {} sees no observed cell of `" + e.variable + "`";
  } else if (!axes.empty()) {
    message += " at " + names_of(c.update.module(), axes) + " = [{}]";
  }
  add_check(c.update, c.checks, Check::Kind::empty, "cells_" + block.name, message,
            c.update.binary(Op::less, c.update.constant(0), n));
}

/// Moments of differences are what the pattern completes.
bool is_completed(const Statistic& s, const std::vector<Emission>& emissions) {
  return emissions[s.emission].absent == Absent::patterns &&
         (s.moment == Moment::first || s.moment == Moment::outer);
}

std::string impute_slot(const Emission& e) {
  return e.variable + ".impute";
}
std::string spare_slot(const Emission& e) {
  return e.variable + ".spare";
}

struct Imputation {
  Builder& b;
  const Setting& setting;
  const std::vector<Emission>& emissions;
  StatisticTable& statistics;

  /// The spread as a matrix: [.., row, column].
  Type matrix_type(const Emission& e) const {
    return {ir::Element::real, slot_axes(setting.function(), e.slots.at(1)), -1};
  }
  ir::MatrixAxes axes_of(const Emission& e) const {
    const auto axes = ir::matrix_axes(b.module(), matrix_type(e), setting.function()[e.value].type);
    if (!axes) throw ir::InternalError("a pattern of a value without matrix axes");
    return *axes;
  }
  NodeId observed(const Emission& e) { return observed_leaf(b, setting, e); }
  NodeId read(const Statistic& s) { return b.leaf(Op::statistic, s.name, {ir::Element::real, s.axes, -1}); }

  NodeId first(const Statistic& s) {
    const Emission& e = emissions[s.emission];
    const auto [row, column] = axes_of(e);
    const NodeId a = b.leaf(Op::derived, impute_slot(e), matrix_type(e)), sums = read(s);
    return b.select(observed(e), sums, b.contract({a, b.rename(sums, row, column)}, {column}));
  }

  /// A S A'. The rows of A where the element is observed are those of the unit matrix.
  NodeId outer(const Statistic& s) {
    const Emission& e = emissions[s.emission];
    const auto [row, column] = axes_of(e);
    const AxisId third = b.module().twin(column);
    const NodeId a = b.leaf(Op::derived, impute_slot(e), matrix_type(e));
    const NodeId sums = read(s), rows = observed(e), columns = b.rename(rows, row, column);
    const NodeId half = b.contract({b.rename(a, column, third), b.rename(sums, row, third)}, {third});
    const NodeId left = b.select(rows, sums, half);
    const NodeId mirrored = b.make(Op::rename, {a}, {.axes = {row, column, column, third}});
    const NodeId whole = b.contract({b.rename(left, column, third), mirrored}, {third});
    const NodeId both = b.select(columns, left, whole);
    const NodeId n = statistics.weight(b, s.emission, without(s.axes, {row, column}));
    return b.add(both, b.mul(n, b.leaf(Op::derived, spare_slot(e), matrix_type(e))));
  }

  NodeId cells(const Statistic& s) {
    const Emission& e = emissions[s.emission];
    const auto elements = elements_of(setting, e);
    const NodeId n = statistics.read(b, Moment::count, s.emission, without(s.axes, elements));
    return b.select(observed(e), n, b.constant(0));
  }

  void write() {
    for (const Statistic& s : std::vector<Statistic>(statistics.list())) {
      const bool counts = emissions[s.emission].absent == Absent::patterns && statistics.counts_cells(s);
      if (!counts && !is_completed(s, emissions)) continue;
      const NodeId made = counts ? cells(s) : s.moment == Moment::first ? first(s) : outer(s);
      b.output(ir::OutputKind::statistic, s.name, made);
    }
  }
};

}  // namespace

void check_cells(UpdateContext& c) {
  for (const Block& block : c.setting.plan.blocks) {
    if (block.latent || block.solver == Solver::held) continue;
    for (size_t at = 0; at < c.emissions.size(); ++at) {
      const Emission& e = c.emissions[at];
      const bool own = e.factor == block.factor ||
                       std::find(block.factors.begin(), block.factors.end(), e.factor) != block.factors.end();
      if (!own || e.absent == Absent::never) continue;
      check_block(c, block, at);
      break;
    }
  }
}

ir::Function impute(ir::Module& module, const Setting& setting, const std::vector<Emission>& emissions,
                    StatisticTable& statistics) {
  ir::Function function{.name = ir::impute_function, .time = ir::BindingTime::update};
  Builder b(module, function);
  Imputation{b, setting, emissions, statistics}.write();
  return function;
}

void write_imputation(Builder& b, Expansion& expand, const std::vector<Emission>& emissions,
                      const StatisticTable& statistics) {
  for (size_t at = 0; at < emissions.size(); ++at) {
    const auto& list = statistics.list();
    const bool needed = std::any_of(list.begin(), list.end(), [&](const Statistic& s) {
      return s.emission == at && is_completed(s, emissions);
    });
    if (!needed) continue;
    const ir::Marginal marginal = expand.marginal(emissions[at]);
    b.output(ir::OutputKind::derived, impute_slot(emissions[at]), marginal.impute);
    b.output(ir::OutputKind::derived, spare_slot(emissions[at]), marginal.spare);
  }
}

}  // namespace lvm::em
