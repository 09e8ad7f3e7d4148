#include "ir/passes/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "ir/families/family.h"
#include "ir/families/row_cholesky.h"
#include "ir/passes/estimators.h"
#include "ir/passes/plan_context.h"

namespace lvm::ir {

std::string_view name(Solver solver) {
  switch (solver) {
    case Solver::enumerate: return "enumerate";
    case Solver::most_probable: return "most probable";
    case Solver::forward_backward: return "forward-backward";
    case Solver::best_path: return "best path";
    case Solver::conditioning: return "conditioning";
    case Solver::smoothing: return "Kalman smoother";
    case Solver::conjugate: return "conjugate";
    case Solver::reparameterised: return "reparameterised";
    case Solver::score_function: return "score function";
    case Solver::normalised_counts: return "normalised counts";
    case Solver::ratio: return "ratio";
    case Solver::moments: return "moments";
    case Solver::scatter: return "scatter";
    case Solver::rate: return "rate";
    case Solver::odds: return "odds";
    case Solver::isotonic: return "isotonic";
    case Solver::median: return "median";
    case Solver::least_squares: return "least squares";
    case Solver::reweighted: return "reweighted";
    case Solver::concentration: return "concentration";
    case Solver::correlation: return "correlation";
    case Solver::matrix_scale: return "mean matrix";
    case Solver::freedom: return "freedom";
    case Solver::newton: return "Newton";
    case Solver::gradient: return "gradient";
    case Solver::held: return "held";
  }
  return "";
}

std::string_view name(BlockClass block_class) {
  switch (block_class) {
    case BlockClass::exact: return "exact";
    case BlockClass::closed: return "closed";
    case BlockClass::conditional: return "conditional";
    case BlockClass::newton: return "newton";
    case BlockClass::gradient: return "gradient";
    case BlockClass::fixed: return "fixed";
  }
  return "";
}

bool is_newton(const Block& block) {
  return block.block_class == BlockClass::newton;
}

const Block* Plan::find(std::string_view wanted) const {
  for (const Block& block : blocks) {
    if (block.name == wanted) return &block;
  }
  return nullptr;
}

PlanContext::PlanContext(const Model& m, Diagnostics& d)
    : model(m), diagnostics(d), latents(finite_latents(m)) {
  for (size_t i = 0; i < m.factors.size(); ++i) factors.push_back(parts_of(m, static_cast<int>(i)));
}

bool PlanContext::is_enumerated(NodeId leaf) const {
  return std::ranges::any_of(latents,
                             [&](const FiniteLatent& each) { return variable(each.variable).node == leaf; });
}

bool PlanContext::depends_on_cells(NodeId expression) const {
  return std::ranges::any_of(model.variables, [&](const Variable& v) {
    const bool of_rows =
        v.role == Role::data || v.role == Role::given || (v.role == Role::latent && v.states < 0);
    return of_rows && !is_enumerated(v.node) && depends_on(function(), expression, v.node);
  });
}

std::vector<AxisId> PlanContext::enumerated_axes(NodeId expression) const {
  std::vector<AxisId> axes = function()[expression].type.axes;
  for (const FiniteLatent& each : latents) {
    if (depends_on(function(), expression, variable(each.variable).node)) axes.push_back(each.states);
  }
  std::ranges::sort(axes);
  return axes;
}

std::string spelling(Op op) {
  // Operators that users write as signs.
  static const std::map<Op, std::string_view> signs = {
      {Op::add, "a sum"},          {Op::sub, "a difference"},      {Op::fma, "a sum"},
      {Op::mul, "a product"},      {Op::contract, "a product"},    {Op::matmul, "a product"},
      {Op::div, "a quotient"},     {Op::reciprocal, "a quotient"}, {Op::neg, "a negation"},
      {Op::pow, "a power"},        {Op::gather, "an index"},       {Op::stack, "a list"},
      {Op::rename, "a transpose"}, {Op::reduce_max, "`max`"}};
  const auto sign = signs.find(op);
  return sign == signs.end() ? fmt::format("`{}`", row(op).name) : std::string(sign->second);
}

namespace {

/// What the slot asks of the expression.
std::string demand(Form allowed, const std::string& variable) {
  switch (allowed) {
    case Form::affine: return fmt::format("is not affine in `{}`", variable);
    case Form::pos_power: return fmt::format("is not a power of `{}` times a positive constant", variable);
    case Form::view: return fmt::format("does not leave `{}` as it is", variable);
    case Form::constant:
    case Form::scale:
    case Form::quadratic:
    case Form::select:
    case Form::gate:
    case Form::log_of:
    case Form::nonlinear: return fmt::format("is not free of `{}`", variable);
  }
  return "";
}

}  // namespace

std::string reason(const PlanContext& context, const std::string& variable, const SlotRule* rule,
                   const Dependence& d) {
  if (!rule) return fmt::format("`{}` is in a distribution of which no exact rule is known", variable);
  if (rule->allowed == Form::constant) {
    return fmt::format("`{}` is in the {} of `{}`, for which no closed form exists", variable, rule->noun,
                       rule->family);
  }
  if (d.culprit == no_node) return fmt::format("`{}` is in the {}", variable, rule->noun);
  return fmt::format("`{}` reaches the {} through {}, which {}", variable, rule->noun,
                     spelling(context.function()[d.culprit].op), demand(rule->allowed, variable));
}

SourceRange place(const PlanContext& context, const Dependence& d, SourceRange otherwise) {
  if (d.culprit == no_node || context.range_of(d.culprit).empty()) return otherwise;
  return context.range_of(d.culprit);
}

namespace {

void refuse_unsupported(PlanContext& c) {
  for (const Unsupported& each : c.model.unsupported) {
    c.diagnostics.report({.code = Code::not_compiled_yet,
                          .message = fmt::format("{} is not compiled yet", each.what),
                          .range = each.range,
                          .hint = each.way_out});
  }
}

void refuse_redrawn(PlanContext& c) {
  for (const Variable& v : c.model.variables) {
    if (v.binding.preprocess != Binding::Preprocess::binarise_stochastic) continue;
    c.diagnostics.report(
        {.code = Code::redrawn_without_batches,
         .message = fmt::format(
             "`{}` is binarised anew in each batch, and this model is fitted to the whole table", v.name),
         .range = v.binding.range,
         .hint = "give a threshold: `binarise(…, threshold: 0.5)`, or say `fit { method = gradient }`"});
  }
}

/// Distributions without a compiled density. A factor whose latent was refused has been spoken of already.
void refuse_distributions(PlanContext& c) {
  for (const FactorParts& parts : c.factors) {
    const Node& density = c.function()[c.factor(parts).log_density];
    if (c.refused_factors.count(parts.index) || find_family(density.attributes.text)) continue;
    c.refused_factors.insert(parts.index);
    std::string slots;
    for (const std::string& slot : parts.slot_names) slots += (slots.empty() ? "" : ", ") + slot;
    c.diagnostics.report({.code = Code::distribution_not_compiled,
                          .message = fmt::format("`{}({})` is not compiled yet", parts.family, slots),
                          .range = c.factor(parts).distribution_range});
  }
}

void refuse_priors(PlanContext& c) {
  for (const Variable& v : c.model.variables) {
    if (v.prior == no_node || find_family(c.function()[v.prior].attributes.text)) continue;
    const DensityText text = split_density(c.function()[v.prior].attributes.text);
    c.diagnostics.report({.code = Code::distribution_not_compiled,
                          .message = fmt::format("the prior `{}` is not compiled yet", text.family),
                          .range = v.prior_range});
  }
}

/// Where absent cells cannot be integrated out yet.
void refuse_missing(PlanContext& c) {
  const auto report = [&](std::string what, SourceRange range, std::string hint) {
    c.diagnostics.report({.code = Code::not_compiled_yet,
                          .message = std::move(what) + " is not compiled yet",
                          .range = range,
                          .hint = std::move(hint)});
  };
  for (const FactorParts& parts : c.factors) {
    const Variable& y = c.variable(c.factor(parts).variable.variable);
    if (y.role != Role::data || !y.missing || y.states >= 0) continue;
    for (const FactorParts& other : c.factors) {
      if (other.index == parts.index || !depends_on(c.function(), c.factor(other).log_density, y.node))
        continue;
      report(fmt::format("`{}` given `{}`, whose cells may be absent,", c.name_of(other), y.name),
             c.factor(other).distribution_range, fmt::format("drop `missing` of `{}`", y.name));
    }
    const Node& density = c.function()[c.factor(parts).log_density];
    const bool vector = std::any_of(y.type.axes.begin(), y.type.axes.end(),
                                    [&](AxisId axis) { return !density.type.has(axis); });
    const Family* family = find_family(density.attributes.text);
    if (!vector || !family) continue;
    const auto reads_data = [&](NodeId slot) {
      for (const Variable& v : c.model.variables) {
        const bool observed = v.role == Role::data || v.role == Role::given;
        if (observed && v.node != no_node && depends_on(c.function(), slot, v.node)) return true;
      }
      return false;
    };
    const SourceRange range = c.factor(parts).distribution_range;
    const std::string way_out =
        fmt::format("drop `missing` of `{}`, and leave out rows with absent cells", y.name);
    const bool shared = std::ranges::any_of(c.model.variables, [&](const Variable& v) {
      return v.global && depends_on(c.function(), c.factor(parts).log_density, v.node);
    });
    if (shared) {
      report(fmt::format("a `{}` with absent elements and a latent that rows share", parts.family), range,
             way_out);
    } else if (!family->marginal) {
      report(fmt::format("a `{}` with absent elements", parts.family), range, way_out);
    } else if (y.type.axes.size() > 2) {
      report(fmt::format("several vectors a row, with absent elements, in `{}`", y.name), range, way_out);
    } else if (reads_data(parts.slots.at(0)) || reads_data(parts.slots.at(1))) {
      report(fmt::format("a `{}` with absent elements that depends on other columns", parts.family), range,
             way_out);
    }
  }
}

/// Matrices of rows are drawn, and nothing else: their arithmetic is written out element by element, in EM's
/// functions.
void refuse_row_matrices(PlanContext& c, bool by_gradients) {
  for (const FactorParts& parts : c.factors) {
    const Variable& v = c.variable(c.factor(parts).variable.variable);
    if (v.role != Role::data || v.domain != Domain::covariance) continue;
    const auto report = [&](std::string what, SourceRange range, std::string hint) {
      c.diagnostics.report({.code = Code::not_compiled_yet,
                            .message = std::move(what) + " is not compiled yet",
                            .range = range,
                            .hint = std::move(hint)});
    };
    const SourceRange own = c.factor(parts).distribution_range;
    if (by_gradients)
      report("a matrix of each row in a model that is climbed by gradients", own,
             "say `fit { method = em }`");
    const int64_t size = c.model.module.axis(v.declared_axes.back()).size;
    if (size != unknown_size && size > most_of_a_row_matrix)
      report(fmt::format("a matrix of {0} x {0} in each row", size), own,
             fmt::format(
                 "take at most {} of its rows and columns: the diagonal blocks of a Wishart are Wishart too",
                 most_of_a_row_matrix));
    if (c.depends_on_cells(parts.slots.at(1)))
      report("a scale that differs from row to row", c.slot_range(parts, 1),
             "let data stand in the degrees of freedom alone");
    for (const FactorParts& other : c.factors) {
      if (other.index == parts.index || !depends_on(c.function(), c.factor(other).log_density, v.node))
        continue;
      report(fmt::format("`{}` given `{}`, a matrix of each row,", c.name_of(other), v.name),
             c.factor(other).distribution_range,
             fmt::format("make `{}` independent of it", c.name_of(other)));
    }
  }
}

/// The matrix of a Normal is factorised once for all rows; where it differs from row to row the arithmetic is
/// written out, by gradients alone.
void refuse_row_covariances(PlanContext& c, bool by_gradients) {
  const std::vector<Estimated> latents =
      by_gradients && has_given_posterior(c.model) ? estimators(c.model) : std::vector<Estimated>();
  for (const FactorParts& parts : c.factors) {
    static constexpr std::array<std::string_view, 3> by_matrix = {"Normal.mean.cov", "Normal.mean.cholesky",
                                                                  "Normal.mean.precision_matrix"};
    const Node& density = c.function()[c.factor(parts).log_density];
    if (std::ranges::count(by_matrix, density.attributes.text) == 0) continue;
    const bool drawn = std::ranges::any_of(latents, [&](const Estimated& e) {
      return (e.how == Estimator::pathwise || e.how == Estimator::score) &&
             depends_on(c.function(), parts.slots.at(1), c.variable(e.variable).node);
    });
    const bool of_matrix = std::ranges::any_of(c.model.variables, [&](const Variable& v) {  // refused above
      return v.role == Role::data && v.domain == Domain::covariance &&
             depends_on(c.function(), parts.slots.at(1), v.node);
    });
    if (of_matrix || (!drawn && !c.depends_on_cells(parts.slots.at(1)))) continue;
    for (const AxisId axis : c.function()[parts.value].type.axes) {
      const int64_t size = c.model.module.axis(axis).size;
      if (density.type.has(axis) || (by_gradients && (size == unknown_size || size <= most_of_a_row_matrix)))
        continue;
      c.diagnostics.report(
          {.code = Code::not_compiled_yet,
           .message =
               by_gradients
                   ? fmt::format("a matrix of {0} x {0} that differs from row to row is not compiled yet",
                                 size)
                   : "a matrix that differs from row to row is not compiled yet in EM",
           .range = c.slot_range(parts, 1),
           .hint = by_gradients ? fmt::format("take at most {} elements, or `Normal(mean, factor: W, sd: s)`",
                                              most_of_a_row_matrix)
                                : "say `fit { method = gradient }`, or let data stand in the mean alone"});
    }
  }
}

/// Bernoulli of data between 0 and 1 is a cross entropy, of which analysis has warned.
void choose_objective(PlanContext& c) {
  for (const FactorParts& parts : c.factors) {
    const Variable& variable = c.variable(c.factor(parts).variable.variable);
    if (parts.family == "Bernoulli" && variable.type.element == Element::unit)
      c.plan.objective_name = "cross_entropy_bound";
  }
}

}  // namespace

Plan plan(const Model& model, const Module&, Diagnostics& diagnostics) {
  PlanContext context(model, diagnostics);
  const size_t before = diagnostics.error_count();
  refuse_unsupported(context);
  if (diagnostics.error_count() > before) return context.plan;
  if (climbs_by_gradients(model)) {
    if (!model.global_posteriors.empty()) {
      diagnostics.report(
          {.code = Code::not_compiled_yet,
           .message =
               "a latent that rows share, in a model that is climbed by gradients, is not compiled yet",
           .range = model.global_posteriors.front().range,
           .hint = "give all latents `exact` posteriors, or declare it as `param` with a prior"});
      return context.plan;
    }
    if (!model.plates.empty()) {
      diagnostics.report({.code = Code::not_compiled_yet,
                          .message = "a `plate` in a model that is climbed by gradients is not compiled yet",
                          .range = model.plates.front().range,
                          .hint = "give its latents `exact` posteriors"});
      return context.plan;
    }
    if (model.sequence && !model.lags.empty()) {
      diagnostics.report({.code = Code::not_compiled_yet,
                          .message = "a `sequence` whose steps depend on earlier ones, in a model that is "
                                     "climbed by gradients, is not compiled yet",
                          .range = model.sequence->range,
                          .hint = "give its latents `exact` posteriors"});
      return context.plan;
    }
    refuse_row_matrices(context, true);
    refuse_row_covariances(context, true);
    plan_gradients(context);
    refuse_distributions(context);
    refuse_priors(context);
    choose_objective(context);
    return context.plan;
  }
  refuse_missing(context);
  refuse_redrawn(context);
  if (model.sequence && !model.lags.empty() && !model.global_posteriors.empty()) {
    diagnostics.report(
        {.code = Code::not_compiled_yet,
         .message = "a latent that rows share, beside steps that depend on earlier ones, is not compiled yet",
         .range = model.global_posteriors.front().range,
         .hint = "declare it as `param`"});
    return context.plan;
  }
  if (!plan_globals(context)) return context.plan;
  refuse_row_matrices(context, false);
  refuse_row_covariances(context, false);
  plan_posteriors(context);
  refuse_distributions(context);
  refuse_priors(context);
  plan_parameters(context);
  choose_objective(context);
  return context.plan;
}

std::string print(const Plan& plan) {
  size_t width = 0;
  for (const Block& block : plan.blocks) width = std::max(width, block.name.size());
  std::string text = fmt::format("method {}, objective {}\n", plan.method, plan.objective_name);
  for (const Block& block : plan.blocks) {
    text += fmt::format("  {} {:<{}}  {:<17}  {:<11}  {}\n", block.latent ? "E" : "M", block.name, width,
                        name(block.solver), name(block.block_class), block.reason);
  }
  return text;
}

}  // namespace lvm::ir
