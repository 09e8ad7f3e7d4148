#include "backends/em/solvers.h"

#include <algorithm>

#include "backends/em/normal_blocks.h"

namespace lvm::em {

using ir::Block;
using ir::Check;
using ir::Op;
using ir::Solver;

NodeId power(Builder& b, NodeId x, double p) {
  if (p == 1) return x;
  if (p == 2) return b.unary(Op::square, x);
  if (p == 0.5) return b.unary(Op::sqrt, x);
  if (p == -1) return b.unary(Op::reciprocal, x);
  if (p == -0.5) return b.unary(Op::reciprocal, b.unary(Op::sqrt, x));
  return b.binary(Op::pow, x, b.constant(p));
}

double variance_exponent(std::string_view slot) {
  if (slot == "sd") return 2;
  return slot == "precision" || slot == "precision_matrix" ? -1 : 1;
}

void add_check(Builder& b, std::vector<Check>& checks, Check::Kind kind, std::string name,
               std::string message, NodeId condition) {
  Check check;
  check.name = name;
  check.axes = b.type(condition).axes;
  check.kind = kind;
  check.message = std::move(message);
  checks.push_back(std::move(check));
  b.output(ir::OutputKind::check, std::move(name), condition);
}

const ir::Variable& variable_of(const Setting& setting, const std::string& parameter) {
  return setting.model.variables[static_cast<size_t>(*setting.model.find(parameter))];
}

NodeId read_parameter(UpdateContext& c, const std::string& parameter) {
  return c.update.leaf(Op::parameter, parameter, variable_of(c.setting, parameter).type);
}

namespace {

size_t emission_of(const UpdateContext& c, const Block& block) {
  for (size_t i = 0; i < c.emissions.size(); ++i) {
    if (c.emissions[i].factor == block.factor) return i;
  }
  throw ir::InternalError("block " + block.name + " has no factor");
}

/// p_v = n_v / N: of a latent's own table N is the exact number of rows.
void solve_counts(UpdateContext& c, const Block& block) {
  const size_t at = emission_of(c, block);
  const ir::Type& type = variable_of(c.setting, block.name).type;
  const Emission& e = c.emissions[at];
  if (e.of_latent && type.axes == std::vector<AxisId>{c.setting.states}) {
    const NodeId n = c.statistics.read(c.update, Moment::count, at, type.axes);
    c.update.output(ir::OutputKind::parameter, block.name,
                    c.update.div(n, c.statistics.weight(c.update, at, {})));
    return;
  }
  const AxisId event = variable_of(c.setting, block.name).declared_axes.back();
  const NodeId n = c.statistics.read(c.update, Moment::occurrences, at, type.axes);
  c.update.output(ir::OutputKind::parameter, block.name,
                  c.update.div(n, c.update.reduce(Op::sum, n, {event})));
}

void solve_ratio(UpdateContext& c, const Block& block) {
  const size_t at = emission_of(c, block);
  const ir::Type& type = variable_of(c.setting, block.name).type;
  const NodeId sum = c.statistics.read(c.update, Moment::occurrences, at, type.axes);
  // Rounding may carry a ratio of equal sums past 1, where ln(1 - p) is NaN.
  const NodeId p = c.update.div(sum, c.statistics.weight(c.update, at, type.axes));
  c.update.output(ir::OutputKind::parameter, block.name,
                  c.update.binary(Op::minimum, p, c.update.constant(1)));
}

/// A factor whose rows are counted apart must have rows in each part.
void check_counts(UpdateContext& c) {
  std::vector<std::string> done;
  for (const Statistic& s : std::vector<Statistic>(c.statistics.list())) {
    if (s.moment != Moment::count) continue;
    const NodeId n = c.statistics.read(c.update, s.moment, s.emission, s.axes);
    const bool states = s.axes == std::vector<AxisId>{c.setting.states};
    add_check(c.update, c.checks, Check::Kind::empty, "empty_" + s.name,
              states ? "component {} is empty: no row belongs to it any more" : "no row selects element {}",
              c.update.binary(Op::less, c.update.constant(0), n));
  }
}

}  // namespace

void write_updates(UpdateContext& c) {
  for (size_t at = 0; at < c.emissions.size(); ++at) solve_normal(c, at);
  for (const Block& block : c.setting.plan.blocks) {
    if (block.latent) continue;
    switch (block.solver) {
      case Solver::normalised_counts:
        solve_counts(c, block);
        break;
      case Solver::ratio:
        solve_ratio(c, block);
        break;
      case Solver::moments:
      case Solver::scatter:
        break;  // solved together, factor by factor
      case Solver::held: {
        const NodeId old = read_parameter(c, block.name);
        c.update.output(ir::OutputKind::parameter, block.name, old);
        break;
      }
      case Solver::enumerate:
        throw ir::InternalError("a parameter cannot be enumerated");
    }
  }
  check_counts(c);
}

}  // namespace lvm::em
