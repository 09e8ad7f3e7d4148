#include "backends/em/lower.h"

#include <algorithm>

#include "backends/em/absent.h"
#include "backends/em/chain.h"
#include "backends/em/continuous.h"
#include "backends/em/global.h"
#include "backends/em/newton.h"
#include "backends/em/normal_blocks.h"
#include "backends/em/posterior.h"
#include "backends/em/second_order.h"
#include "backends/em/shared_origin.h"
#include "backends/em/slots.h"
#include "backends/em/smoothing.h"
#include "ir/passes/build_elbo.h"
#include "ir/passes/chain_rows.h"
#include "ir/passes/split_binding_times.h"

namespace lvm::em {

using ir::BindingTime;
using ir::Element;
using ir::Function;
using ir::Op;
using ir::OutputKind;

namespace {

/// Before the names of the sums about an origin, until each function has its own. No name of a user has a
/// dot.
constexpr const char* about_origin = "about_origin.";

struct Lowering {
  Setting setting;
  ir::Program program;
  std::vector<Emission> factors;

  Lowering(const ir::Model& model, const ir::Module& canonical, const ir::Plan& plan)
      : setting(model, canonical, plan), factors(emissions(setting)) {
    program.model = model.name;
    program.method = plan.method;
    program.objective_name = plan.objective_name;
    program.module = {.name = model.name + ".em", .level = ir::Level::step, .axes = canonical.axes};
  }

  const std::string& name_of(const ir::FiniteLatent& latent) const {
    return setting.latent_of(latent.states);
  }
  bool is_lag(const ir::FiniteLatent& latent) const { return ir::is_lag(setting.model, latent.variable); }
  /// The latents of a row itself, not of earlier steps.
  std::vector<ir::FiniteLatent> own_latents() const {
    std::vector<ir::FiniteLatent> own;
    for (const ir::FiniteLatent& latent : setting.latents) {
      if (!is_lag(latent)) own.push_back(latent);
    }
    return own;
  }
  /// The data column of a latent's values at the start, and the row output of its posterior.
  std::string assignment(const ir::FiniteLatent& latent) const {
    return setting.latents.size() == 1 ? "assignment" : "assignment_" + name_of(latent);
  }
  std::string responsibilities(const ir::FiniteLatent& latent) const {
    return own_latents().size() == 1 ? "responsibilities" : "responsibilities_" + name_of(latent);
  }

  const ir::Variable& variable(const ir::NodeLatent& latent) const {
    return setting.model.variables[static_cast<size_t>(latent.variable)];
  }
  /// The data columns of the values of a continuous latent, and of its earlier steps, at the start.
  struct StartStep {
    const ir::Variable* variable;
    std::string slot;
    int64_t steps;
  };
  std::vector<StartStep> start_steps(const ir::NodeLatent& latent) const {
    std::vector<StartStep> all;
    for (int64_t k = 0; k <= latent.order(); ++k) {
      const int at = k == 0 ? latent.variable : latent.lags[static_cast<size_t>(k - 1)];
      if (at < 0) continue;
      const ir::Variable& v = setting.model.variables[static_cast<size_t>(at)];
      all.push_back({&v, "start_" + v.name, k});
    }
    return all;
  }
  /// The variable whose cells are a chain with noise; empty: none.
  std::string observed_as(const ir::NodeLatent& latent) const {
    return latent.order() > 0 ? directly_observed(setting, factors) : "";
  }

  Function update(StatisticTable& statistics, Moves moves) {
    Function function{.name = moves == Moves::start ? "begin" : "update", .time = BindingTime::update};
    Builder b(program.module, function);
    Expansion tables(b, setting, Expansion::Rows::tables);
    std::vector<ir::Check>
        known;  // `begin` has most checks of `update`, which is written first, and some of its own
    UpdateContext context{setting, factors, statistics,
                          b,       tables,  moves == Moves::start ? known : program.checks};
    write_updates(context, moves);
    for (ir::Check& check : known)
      if (std::ranges::find(program.checks, check.name, &ir::Check::name) == program.checks.end())
        program.checks.push_back(std::move(check));
    return function;
  }

  /// What every pass over the rows sums up, each output called `prefix` and its name.
  RowPosterior sums(Builder& b, Expansion& expand, const StatisticTable& statistics,
                    const std::string& prefix) {
    const RowPosterior q = row_posterior(b, expand, setting, factors);
    statistics.write(b, expand, q.marginal, StatisticTable::For::iterations, prefix);
    const NodeId counted = ir::times_row_weight(b, setting.model, q.evidence);
    b.output(OutputKind::objective, prefix + "objective", b.reduce(Op::sum, counted, {ir::row_axis}));
    return q;
  }

  /// The same with the moments of some factors about a shared origin, and what `prepare` says of it.
  void sums_about_origin(Builder& b, const StatisticTable& statistics, const std::vector<size_t>& shared) {
    Expansion expand(b, setting);
    NodeId separation = ir::no_node;
    for (const size_t at : shared) {
      expand.share_origin(factors[at]);
      const Expansion::AboutOrigin& made = *expand.about_origin(factors[at]);
      b.output(OutputKind::derived, factors[at].variable + ".origin", made.origin);
      separation =
          separation == ir::no_node ? made.separation : b.binary(Op::maximum, separation, made.separation);
    }
    b.output(OutputKind::derived, ir::separation_slot, separation);
    sums(b, expand, statistics, about_origin);
  }

  /// Everything that one pass over the rows needs and gives, before binding times are split.
  Function combined(const StatisticTable& statistics, std::vector<std::string>& variances,
                    const std::vector<size_t>& shared) {
    Function function{.name = "rows", .time = BindingTime::rows};
    Builder b(program.module, function);
    variances = write_guards(b, setting, factors, program.checks);
    Expansion expand(b, setting);
    const RowPosterior q = sums(b, expand, statistics, "");
    for (const ir::FiniteLatent& latent : own_latents())
      b.output(OutputKind::row, responsibilities(latent), q.marginal({latent.states}));
    if (setting.chain) program.chain = write_chain(b, expand, setting, factors);
    if (smoothed_latent(setting)) program.steps = write_steps(b, setting, factors);
    for (const Moments& m : q.moments) {
      const auto of_rows = [&](NodeId x) {
        return b.type(x).has(ir::row_axis) ? x : b.make(Op::broadcast, {x}, {.axes = {ir::row_axis}});
      };
      b.output(OutputKind::row, ir::posterior_mean_prefix + m.latent, of_rows(m.mean));
      b.output(OutputKind::row, ir::posterior_sd_prefix + m.latent, of_rows(b.unary(Op::sqrt, m.variance)));
    }
    b.output(OutputKind::row, "log_likelihood", q.evidence);
    write_imputation(b, expand, factors, statistics);
    write_prior(b, statistics);
    if (!shared.empty()) sums_about_origin(b, statistics, shared);
    return function;
  }

  /// ln P(parameters) - KL of the latents of the whole model, which the run time adds to the objective.
  void write_prior(Builder& b, StatisticTable statistics) {
    const Function& canonical = setting.function();
    Expansion tables(b, setting, Expansion::Rows::tables);
    std::vector<ir::Check> none;
    UpdateContext context{setting, factors, statistics, b, tables, none};
    NodeId total = minus_divergence(context);
    for (const ir::Output& output : canonical.outputs) {
      if (output.name != ir::log_prior_slot) continue;
      const NodeId of_parameters = tables(output.node);
      total = total == ir::no_node ? of_parameters : b.add(total, of_parameters);
    }
    if (total != ir::no_node) b.output(OutputKind::derived, ir::log_prior_slot, total);
  }

  /// The statistics of a hard assignment: they need no density.
  Function start(const StatisticTable& statistics) {
    Function function{.name = "start", .time = BindingTime::rows};
    Builder b(program.module, function);
    Expansion expand(b, setting);
    for (const ir::NodeLatent& latent : setting.continuous) {
      const bool good = one_scale(latent) || !observed_as(latent).empty();
      for (const StartStep& step : start_steps(latent))
        expand.place_latent(
            step.variable->name,
            start_nodes(b, setting, latent, {.slot = step.slot, .good = good, .steps = step.steps}));
    }
    const Marginal q =
        assigned(b, setting, [&](const ir::FiniteLatent& latent) { return assignment(latent); });
    statistics.write(b, expand, q, StatisticTable::For::start);
    return function;
  }

  void add_functions() {
    StatisticTable statistics(setting, factors);
    Function update_function = update(statistics, Moves::iteration);
    std::optional<Function> begin;
    if (has_newton(setting.plan) || has_medians()) begin = update(statistics, Moves::start);
    Function impute_rows = impute(program.module, setting, factors, statistics);
    const std::vector<size_t> shared = with_shared_origin(setting, factors, statistics);
    Function recentre_sums = recentre(program.module, setting, factors, statistics, shared);
    std::vector<std::string> variances;
    const Function all = combined(statistics, variances, shared);
    ir::SplitFunctions split = ir::split_binding_times(program.module, all);

    std::vector<Function>& functions = program.module.functions;
    const auto part = [&](const char* name, bool row, const std::string& prefix) {
      functions.push_back(
          ir::extract(program.module, split.rows, name, BindingTime::rows, [&](const ir::Output& output) {
            const bool of_walk = output.name.starts_with(ir::chain_prefix);
            if (of_walk || name == std::string_view(ir::emissions_function))
              return of_walk ? output.name : std::string();
            const bool other = output.name.starts_with(about_origin) != (prefix == about_origin);
            if (other || (output.kind == OutputKind::row) != row) return std::string();
            return output.name.substr(prefix.size());
          }));
    };
    functions.push_back(std::move(split.prepare));
    if (by_pattern()) functions.push_back(std::move(split.pattern));
    if (walks_series()) part(ir::emissions_function, true, "");
    part("rows", false, "");
    if (!shared.empty()) {
      part(ir::origin_rows_function, false, about_origin);
      functions.push_back(std::move(recentre_sums));
    }
    part("posterior", true, "");
    if (!impute_rows.outputs.empty()) functions.push_back(std::move(impute_rows));
    functions.push_back(start(statistics));
    functions.push_back(std::move(update_function));
    if (begin) functions.push_back(std::move(*begin));
    add_slots(variances);
  }

  /// The posterior of a row depends on others of its series.
  bool walks_series() const { return setting.chain || smoothed_latent(setting) != nullptr; }

  bool by_pattern() const {
    return std::any_of(factors.begin(), factors.end(),
                       [](const Emission& e) { return e.absent == Absent::patterns; });
  }

  /// A derived value for each cell of a data variable, which the run time writes.
  void add_cell_slot(const std::string& variable, const char* suffix) {
    const ir::Variable& v = setting.model.variables[static_cast<size_t>(*setting.model.find(variable))];
    ir::Slot slot;
    slot.name = variable + suffix;
    slot.axes = without(v.type.axes, {ir::row_axis});
    slot.size = element_count(program.module, slot.axes);
    program.derived.push_back(std::move(slot));
  }

  void add_slots(const std::vector<std::string>& variances) {
    const ir::Module& module = program.module;
    program.data = data_slots(setting.model);
    if (setting.chain) {
      for (ir::DataSlot& slot : chain_slots(module, *setting.chain)) program.data.push_back(std::move(slot));
    }
    if (const ir::NodeLatent* smoothed = smoothed_latent(setting)) {
      for (ir::DataSlot& slot : step_slots(module, *smoothed)) program.data.push_back(std::move(slot));
    }
    for (const ir::Lag& lag : setting.model.lags) add_start_lag(lag);
    for (const ir::NodeLatent& latent : setting.continuous) {
      for (const StartStep& step : start_steps(latent)) {
        ir::DataSlot slot;
        slot.name = step.slot;
        slot.axes = without(step.variable->type.axes, {ir::row_axis});
        slot.size = element_count(module, slot.axes);
        program.data.push_back(slot);
      }
    }
    for (const ir::FiniteLatent& latent : own_latents()) {
      ir::DataSlot slot;
      slot.name = assignment(latent);
      slot.size = 1;
      slot.element = Element::category;
      program.data.push_back(slot);
    }
    program.parameters = parameter_slots(setting.model, setting.plan);
    program.derived = output_slots(module, *module.find("prepare"), OutputKind::derived);
    if (by_pattern()) {
      const auto more = output_slots(module, *module.find(ir::pattern_function), OutputKind::derived);
      program.derived.insert(program.derived.end(), more.begin(), more.end());
    }
    for (const std::string& name : variances) add_cell_slot(name, ".variance");
    for (const Emission& e : factors) {
      if (e.absent == Absent::patterns) add_cell_slot(e.variable, ir::observed_suffix);
    }
    if (has_newton(setting.plan)) {
      ir::Slot step;
      step.name = ir::newton_step_slot;
      step.size = 1;
      program.derived.push_back(std::move(step));
    }
    program.statistics = output_slots(module, *module.find("start"), OutputKind::statistic);
    const auto objective = output_slots(module, *module.find("rows"), OutputKind::objective);
    program.statistics.insert(program.statistics.end(), objective.begin(), objective.end());
    program.row_outputs = output_slots(module, *module.find("posterior"), OutputKind::row);
    if (walks_series()) {
      const auto more = output_slots(module, *module.find(ir::emissions_function), OutputKind::row);
      program.row_outputs.insert(program.row_outputs.end(), more.begin(), more.end());
    }
    for (ir::Check& check : program.checks) check.size = element_count(module, check.axes);
  }

  /// The hard assignment of an earlier step, of a finite latent.
  void add_start_lag(const ir::Lag& lag) {
    const std::vector<ir::FiniteLatent> own = own_latents();
    const auto at = [&](int variable) {
      return std::ranges::find(setting.latents, variable, &ir::FiniteLatent::variable);
    };
    const auto of = std::ranges::find(own, lag.of, &ir::FiniteLatent::variable);
    if (at(lag.variable) == setting.latents.end() || of == own.end()) return;
    ir::DataSlot slot;
    slot.name = assignment(*at(lag.variable));
    slot.size = 1;
    slot.element = Element::category;
    program.start_lags.push_back({slot.name, static_cast<size_t>(of - own.begin()), lag.steps});
    program.data.push_back(std::move(slot));
  }

  /// The observed variables that tell something of the latents of a block.
  std::vector<std::string> children(const std::vector<size_t>& block) const {
    std::vector<AxisId> axes;
    for (const size_t i : block) axes = united(axes, {setting.latents[i].states});
    std::vector<std::string> names;
    for (const Emission& e : factors) {
      if (!e.of_latent && !common(e.axes, axes).empty()) names.push_back(e.variable);
    }
    return names;
  }

  /// The variable whose factor the block's parameter belongs to; empty where it has none.
  std::string variable_with(const ir::Block& block) const {
    const auto found = std::ranges::find(factors, block.factor, &Emission::factor);
    return found == factors.end() ? "" : found->variable;
  }

  bool has_medians() const {
    return std::ranges::any_of(setting.plan.blocks,
                               [](const ir::Block& block) { return block.solver == ir::Solver::median; });
  }
  void add_medians() {
    for (const ir::Block& block : setting.plan.blocks) {
      if (block.latent || block.solver != ir::Solver::median) continue;
      ir::Median median{.parameter = block.name, .variable = variable_with(block)};
      for (const ir::FiniteLatent& latent : own_latents()) {
        if (!variable_of(setting, block.name).type.has(latent.states)) continue;
        median.states = latent.states;
        median.weights = responsibilities(latent);
      }
      program.medians.push_back(std::move(median));
    }
  }

  /// The variable of a factor that has an ordered parameter along the values of a latent.
  std::string rising_with(const ir::FiniteLatent& latent) const {
    for (const ir::Block& block : setting.plan.blocks) {
      if (block.latent || block.solver == ir::Solver::held) continue;
      const ir::Variable& v = variable_of(setting, block.name);
      if (v.domain != ir::Domain::ordered || v.declared_axes.back() != latent.states) continue;
      if (std::string variable = variable_with(block); !variable.empty()) return variable;
    }
    return "";
  }

  /// All elements of the rows have one spread, so that the scores of the rows as they are are near the end of
  /// the fit.
  bool one_scale(const ir::NodeLatent& latent) const {
    return std::ranges::all_of(factors, [&](const Emission& e) {
      if (e.of_continuous || !contains(e.axes, latent.sides) || e.slots.size() < 2) return true;
      return common(slot_axes(setting.function(), e.slots[1]), elements_of(setting, e)).empty();
    });
  }
  void add_start_values() {
    for (const ir::NodeLatent& latent : setting.continuous) {
      const ir::Variable& z = variable(latent);
      const bool scores = setting.plan.find(z.name)->solver != ir::Solver::conjugate;
      const bool simplex = z.domain == ir::Domain::simplex;
      const double middle = simplex
                                ? 1 / static_cast<double>(program.module.axis(z.declared_axes.back()).size)
                            : z.type.element == Element::unit ? 0.5
                                                              : 1;
      for (const StartStep& step : start_steps(latent))
        program.start_values.push_back(
            {z.name, step.slot, scores, middle, one_scale(latent), observed_as(latent), step.steps});
    }
  }

  void add_start() {
    const auto blocks = ir::joint_blocks(setting.model, setting.latents);
    const std::vector<ir::FiniteLatent> own = own_latents();
    program.starts.resize(own.size());
    for (size_t block = 0; block < blocks.size(); ++block) {
      for (const size_t i : blocks[block]) {
        const ir::FiniteLatent& latent = setting.latents[i];
        const auto at = std::ranges::find(own, latent.variable, &ir::FiniteLatent::variable);
        if (at == own.end()) continue;
        ir::StartLatent& start = program.starts[static_cast<size_t>(at - own.begin())];
        start.latent = name_of(latent);
        start.slot = assignment(latent);
        start.states = program.module.axis(latent.states).size;
        start.observed = latent.observed;
        start.block = static_cast<int64_t>(block);
        if (blocks.size() > 1) start.features = children(blocks[block]);
        start.in_order = rising_with(latent);
        for (const Emission& e : factors)
          if (e.family == "VonMises") start.angles.push_back(e.variable);
      }
    }
  }
};

}  // namespace

ir::Program lower_em(const ir::Model& model, const ir::Module& canonical, const ir::Plan& plan) {
  Lowering lowering(model, canonical, plan);
  lowering.add_functions();
  lowering.add_start();
  lowering.add_start_values();
  lowering.add_medians();
  ir::Program& program = lowering.program;
  program.second_order =
      !has_globals(lowering.setting) && is_second_order(lowering.setting, lowering.factors);
  program.phases = {{.name = "em", .functions = {"prepare", "rows", "update"}}};
  ir::assign_offsets(program);
  for (const std::string& fault : ir::verify(program.module)) {
    throw ir::InternalError("the EM program is not well formed: " + fault + "\n" + ir::print(program.module));
  }
  return std::move(program);
}

}  // namespace lvm::em
