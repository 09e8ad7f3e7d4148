#include "backends/em/solvers.h"

#include <algorithm>
#include <set>

#include "backends/em/absent.h"
#include "backends/em/closed_forms.h"
#include "backends/em/concentration.h"
#include "backends/em/global.h"
#include "backends/em/isotonic.h"
#include "backends/em/moment_start.h"
#include "backends/em/newton.h"
#include "backends/em/normal_blocks.h"
#include "backends/em/priors.h"
#include "backends/em/regression.h"
#include "backends/em/wishart_blocks.h"

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
  if (const ir::Variable* global = global_named(c.setting, parameter))
    return place_of(c.update, c.setting, *global);
  return c.update.leaf(Op::parameter, parameter, variable_of(c.setting, parameter).type);
}

ParameterForm parameter_form(const Setting& setting, const Emission& emission, const Block& block) {
  const ir::Function& f = setting.function();
  for (size_t id = 0; id < f.nodes.size(); ++id) {
    const ir::Node& node = f.nodes[id];
    if (node.op != Op::parameter || node.attributes.text != block.name) continue;
    const auto leaf = static_cast<NodeId>(id);
    auto dependence = ir::classify(f, emission.slots.at(block.slot), {.node = leaf, .positive = true});
    if (!ir::is_pos_power(dependence)) throw ir::InternalError(block.name + " does not enter as a power");
    return {leaf, std::move(dependence)};
  }
  throw ir::InternalError("the canonical function does not use parameter " + block.name);
}

size_t emission_of(const UpdateContext& c, const Block& block) {
  for (size_t i = 0; i < c.emissions.size(); ++i) {
    if (c.emissions[i].factor == block.factor) return i;
  }
  throw ir::InternalError("block " + block.name + " has no factor");
}

namespace {

/// p_v = n_v / N: of a latent's own table N is the exact number of rows.
void solve_counts(UpdateContext& c, const Block& block) {
  const size_t at = emission_of(c, block);
  const ir::Type& type = variable_of(c.setting, block.name).type;
  const Emission& e = c.emissions[at];
  if (const ir::Variable* global = global_named(c.setting, block.name)) {
    const NodeId counts = c.statistics.read(c.update, Moment::occurrences, at, type.axes);
    return write_posterior(c, *global,
                           {{"alpha", c.update.add(counts, prior_of(c, block.name)->slots.at(0))}});
  }
  const auto prior = pseudo_counts(c, block.name);
  if (!prior && e.of_latent && e.steps.all() && c.setting.one_latent(type.axes)) {
    const NodeId n = c.statistics.read(c.update, Moment::count, at, type.axes);
    c.update.output(ir::OutputKind::parameter, block.name,
                    c.update.div(n, c.statistics.weight(c.update, at, {})));
    return;
  }
  const AxisId event = variable_of(c.setting, block.name).declared_axes.back();
  NodeId n = c.statistics.read(c.update, Moment::occurrences, at, type.axes);
  // The mode: no count is less than none (a Dirichlet with alpha < 1 has its mode on the edge).
  if (prior) check_edge(c, block.name, "0", n, prior->a);
  if (prior) n = c.update.binary(Op::maximum, c.update.add(n, prior->a), c.update.constant(0));
  const NodeId all = c.update.reduce(Op::sum, n, {event});
  NodeId shares = c.update.div(n, all);
  if (e.family == "Multinomial" || !e.steps.all()) {
    // Rows may count nothing, and no step may follow a state: where there is nothing to share, any shares are
    // as likely.
    const NodeId some = c.update.binary(Op::less, c.update.constant(0), all);
    shares = c.update.select(some, shares, read_parameter(c, block.name));
  }
  c.update.output(ir::OutputKind::parameter, block.name, shares);
}

void solve_ratio(UpdateContext& c, const Block& block) {
  const size_t at = emission_of(c, block);
  const ir::Type& type = variable_of(c.setting, block.name).type;
  NodeId sum = c.statistics.read(c.update, Moment::occurrences, at, type.axes);
  NodeId all = c.statistics.weight(c.update, at, type.axes);
  if (const ir::Variable* global = global_named(c.setting, block.name)) {
    const Prior beta = *prior_of(c, block.name);
    const NodeId none = c.update.binary(Op::maximum, c.update.sub(all, sum), c.update.constant(0));
    return write_posterior(
        c, *global,
        {{"a", c.update.add(sum, beta.slots.at(0))}, {"b", c.update.add(none, beta.slots.at(1))}});
  }
  if (const auto prior = pseudo_counts(c, block.name)) {
    check_edge(c, block.name, "0", sum, prior->a);
    check_edge(c, block.name, "1", c.update.sub(all, sum), prior->b);
    sum = c.update.add(sum, prior->a);
    all = c.update.add(all, c.update.add(prior->a, prior->b));
  }
  // Rounding may carry a ratio of equal sums past 1, where ln(1 - p) is NaN.
  NodeId p = c.update.div(sum, all);
  if (!c.emissions[at].steps.all()) {
    const NodeId some = c.update.binary(Op::less, c.update.constant(0), all);
    p = c.update.select(some, p, read_parameter(c, block.name));
  }
  c.update.output(ir::OutputKind::parameter, block.name,
                  c.update.binary(Op::minimum, p, c.update.constant(1)));
}

/// A factor whose rows are counted apart must have rows in each part, but where priors say what a part
/// without rows is.
void check_counts(UpdateContext& c) {
  std::vector<std::string> done;
  for (const Statistic& s : std::vector<Statistic>(c.statistics.list())) {
    if (s.moment != Moment::count || c.statistics.counts_cells(s) || has_globals(c.setting)) continue;
    // No step need follow a state, nor begin a series in one.
    if (!c.emissions[s.emission].steps.all()) continue;
    const NodeId n = c.statistics.read(c.update, s.moment, s.emission, s.axes);
    add_check(c.update, c.checks, Check::Kind::empty, "empty_" + s.name,
              c.setting.all_states(s.axes)
                  ? c.setting.component(s.axes) + " is empty: no row belongs to it any more"
                  : "no row selects element {}",
              c.update.binary(Op::less, c.update.constant(0), n));
  }
}

/// Solvers that go on from a value need one first.
bool starts_by_moments(Solver solver) {
  return solver == Solver::median || solver == Solver::concentration || solver == Solver::newton;
}

}  // namespace

void write_updates(UpdateContext& c, Moves moves) {
  check_cells(c);
  for (size_t at = 0; at < c.emissions.size(); ++at) {
    solve_normal(c, at, moves);
    solve_wishart(c, at, moves);
  }
  std::set<int> groups;  // of Newton blocks
  for (const Block& block : c.setting.plan.blocks) {
    if (block.latent) continue;
    if (moves == Moves::start && starts_by_moments(block.solver)) {
      place_by_moments(c, block);
      continue;
    }
    switch (block.solver) {
      case Solver::normalised_counts: solve_counts(c, block); break;
      case Solver::ratio: solve_ratio(c, block); break;
      case Solver::rate: solve_rate(c, block); break;
      case Solver::odds: solve_odds(c, block); break;
      case Solver::reweighted:
        if (design_group(c, block).blocks.front() == &block) solve_reweighted(c, block, moves);
        break;
      case Solver::isotonic: solve_isotonic(c, block); break;
      case Solver::median:
        c.update.output(ir::OutputKind::parameter, block.name,
                        read_parameter(c, block.name));  // the run time's work
        break;
      case Solver::concentration: solve_concentration(c, block); break;
      case Solver::newton:
        if (groups.insert(block.group).second) solve_newton(c, block.group);
        break;
      case Solver::moments:
      case Solver::least_squares:
      case Solver::correlation:
      case Solver::matrix_scale:
      case Solver::freedom: break;  // solved together, factor by factor
      case Solver::scatter:
        if (block.factor < 0) solve_shrinkage(c, block);  // else with its mean
        break;
      case Solver::held: {
        const NodeId old = read_parameter(c, block.name);
        c.update.output(ir::OutputKind::parameter, block.name, old);
        break;
      }
      case Solver::enumerate:
      case Solver::most_probable:
      case Solver::forward_backward:
      case Solver::best_path:
      case Solver::conditioning:
      case Solver::smoothing:
      case Solver::conjugate:
      case Solver::reparameterised:
      case Solver::score_function:
      case Solver::gradient: throw ir::InternalError("a solver that no update of EM has");
    }
  }
  check_counts(c);
}

}  // namespace lvm::em
