// The gradient route: every latent is drawn from the q that the user gives, or enumerated where all are
// finite, and every free parameter takes the steps of the optimiser.

#include <fmt/format.h>

#include <algorithm>

#include "ir/model/gradient_settings.h"
#include "ir/passes/estimators.h"
#include "ir/passes/plan_context.h"

namespace lvm::ir {
namespace {

void refuse(PlanContext& c, Code code, SourceRange range, std::string message, std::string hint) {
  c.diagnostics.report(
      {.code = code, .message = std::move(message), .range = range, .hint = std::move(hint)});
}

bool plan_latents(PlanContext& c) {
  if (has_given_posterior(c.model)) return plan_drawn(c);
  const size_t before = c.diagnostics.error_count();
  plan_posteriors(c);  // finite latents, enumerated
  return c.diagnostics.error_count() == before;
}

void plan_parameter(PlanContext& c, const Variable& v) {
  if (v.follows != no_node) {
    c.plan.blocks.push_back({.name = v.name,
                             .solver = Solver::gradient,
                             .block_class = BlockClass::gradient,
                             .reason = "follows the batches"});
    return;
  }
  if (v.fixed) {
    c.plan.blocks.push_back({.name = v.name,
                             .solver = Solver::held,
                             .block_class = BlockClass::fixed,
                             .reason = "held at the value given"});
    return;
  }
  const bool coordinates = v.domain != Domain::correlation;
  if (!coordinates || !v.mask.empty()) {
    refuse(c, Code::update_not_compiled, v.range,
           coordinates
               ? fmt::format("a mask on `{}` is not compiled yet in the method `gradient`", v.name)
               : fmt::format("a `{}` parameter is not compiled yet in the method `gradient`", name(v.domain)),
           coordinates ? "leave it out, or fit by EM" : "declare it `covariance`, or `fixed`");
    return;
  }
  static constexpr std::string_view ways[] = {"",
                                              ", in its logarithm",
                                              ", in its log-odds",
                                              ", as a softmax",
                                              ", in the logarithms of its steps",
                                              ", in its Cholesky factor"};
  c.plan.blocks.push_back({.name = v.name,
                           .solver = Solver::gradient,
                           .block_class = BlockClass::gradient,
                           .reason = fmt::format("{}{}", gradient_settings(c.model.fit).optimiser.row->name,
                                                 ways[static_cast<size_t>(v.domain)])});
}

/// Absent cells are NaN: of each node whether it may be one. `fill(y, …)` and `observed(y)` are safe.
std::vector<bool> may_be_absent(const Function& f, NodeId leaf) {
  std::vector<bool> absent(f.nodes.size(), false);
  const auto asks = [&](NodeId id) {
    return f[id].op == Op::equal && f[id].inputs == std::vector<NodeId>{leaf, leaf};
  };
  for (size_t at = 0; at < f.nodes.size(); ++at) {
    const auto id = static_cast<NodeId>(at);
    const Node& node = f.nodes[at];
    absent[at] = id == leaf;
    if (asks(id)) continue;
    const bool fills = node.op == Op::select && asks(node.inputs[0]) && node.inputs[1] == leaf;
    for (size_t i = fills ? 2 : 0; i < node.inputs.size(); ++i)
      absent[at] = absent[at] || absent[static_cast<size_t>(node.inputs[i])];
  }
  return absent;
}

/// Absent cells of independent elements are left out of the bound. Whatever else would read one is refused.
void refuse_absent(PlanContext& c) {
  for (size_t index = 0; index < c.model.variables.size(); ++index) {
    const Variable& y = c.model.variables[index];
    if (!y.missing || (y.states >= 0 && is_hidden(c.model, static_cast<int>(index)))) continue;
    const std::vector<bool> absent = may_be_absent(c.function(), y.node);
    const auto reads = [&](NodeId id) { return absent[static_cast<size_t>(id)]; };
    const std::string way_out =
        fmt::format("drop `missing` of `{}`, and leave out rows with absent cells", y.name);
    const auto refuse_reading = [&](SourceRange range) {
      refuse(c, Code::not_compiled_yet, range,
             fmt::format("an absent cell of `{}` among what a distribution depends on is not compiled yet",
                         y.name),
             fmt::format("a network reads `fill({0}, 0)` and `observed({0})`; else {1}", y.name, way_out));
    };
    for (const Posterior& q : c.model.posteriors) {
      if (q.log_density != no_node && reads(q.log_density)) refuse_reading(q.range);
    }
    for (const Factor& factor : c.model.factors) {
      const Node& density = c.function()[factor.log_density];
      const bool own = factor.variable.variable == static_cast<int>(index);
      if (std::any_of(density.inputs.begin() + (own ? 1 : 0), density.inputs.end(), reads)) {
        refuse_reading(factor.distribution_range);
        continue;
      }
      const std::string family = split_density(density.attributes.text).family;
      const bool vector =
          std::ranges::any_of(y.type.axes, [&](AxisId axis) { return !density.type.has(axis); });
      if (!own || !(vector || family == "Truncated" || family == "Uniform")) continue;
      refuse(c, Code::not_compiled_yet, factor.distribution_range,
             fmt::format("a `{}` with absent elements is not compiled yet in the method `gradient`", family),
             way_out);
    }
  }
}

/// Moments of a batch are those of rows that stand in one tile, each with one value.
void refuse_running(PlanContext& c) {
  const auto running =
      std::ranges::find_if(c.model.variables, [](const Variable& v) { return v.follows != no_node; });
  if (running == c.model.variables.end()) return;
  if (!has_given_posterior(c.model)) {
    refuse(c, Code::not_compiled_yet, running->range,
           "`batch_norm` is not compiled yet in a model that draws no latent", "`layer_norm` needs no batch");
    return;
  }
  for (const Estimated& e : estimators(c.model)) {
    if (e.states < 0 || !depends_on(c.function(), running->follows, c.variable(e.variable).node)) continue;
    refuse(c, Code::not_compiled_yet, running->range,
           fmt::format("`batch_norm` of what depends on `{}`, which is summed over, is not compiled yet",
                       c.variable(e.variable).name),
           "`layer_norm` needs no batch");
    return;
  }
  const int64_t batch = gradient_settings(c.model.fit).batch;
  if (batch <= LVM_TILE_ROWS) return;
  refuse(c, Code::not_compiled_yet, running->range,
         fmt::format("`batch_norm` over batches of {} rows is not compiled yet", batch),
         fmt::format("set `batch` to {} or less", LVM_TILE_ROWS));
}

}  // namespace

bool climbs_by_gradients(const Model& model) {
  return model.fit.method == "gradient" || has_given_posterior(model);
}

void plan_gradients(PlanContext& c) {
  c.plan.method = "gradient";
  if (c.model.fit.method == "em") {
    const auto range = c.model.fit.ranges.find("method");
    refuse(c, Code::posterior_form_not_compiled,
           range == c.model.fit.ranges.end() ? c.model.posteriors.front().range : range->second,
           "EM needs exact posteriors, and here `q` is given as a distribution",
           "leave `method` out: this model is climbed by gradients");
    return;
  }
  refuse_absent(c);
  refuse_running(c);
  if (!plan_latents(c)) return;
  for (const bool running : {false, true}) {
    for (const Variable& v : c.model.variables) {
      if (v.role == Role::parameter && running == (v.follows != no_node)) plan_parameter(c, v);
    }
  }
}

}  // namespace lvm::ir
