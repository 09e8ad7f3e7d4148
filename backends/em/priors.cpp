#include "backends/em/priors.h"

#include <cmath>

#include "backends/em/global.h"
#include "ir/families/family.h"
#include "ir/passes/differentiate.h"
#include "ir/passes/slot_rules.h"

namespace lvm::em {

using ir::Op;

namespace {

/// What stands for the nodes of the model in the update: latents of the whole model that the expression holds
/// by their places.
std::vector<NodeId> with_places(UpdateContext& c, NodeId expression) {
  const ir::Function& model = c.setting.model.function();
  std::vector<NodeId> made(model.nodes.size(), ir::no_node);
  for (const ir::Variable& v : c.setting.model.variables) {
    const ir::Variable* global = global_named(c.setting, v.name);
    if (global && ir::depends_on(model, expression, v.node))
      made[static_cast<size_t>(v.node)] = place_of(c.update, c.setting, *global);
  }
  return made;
}

}  // namespace

std::optional<Prior> prior_of(UpdateContext& c, const std::string& parameter) {
  const ir::Variable& v = variable_of(c.setting, parameter);
  if (v.prior == ir::no_node) return std::nullopt;
  const ir::Function& model = c.setting.model.function();
  ir::DensityText text = ir::split_density(model[v.prior].attributes.text);
  Prior prior{std::move(text.family), std::move(text.slot_names), {}};
  const std::vector<NodeId> inputs = model[v.prior].inputs;
  for (size_t i = 1; i < inputs.size(); ++i) {
    std::vector<NodeId> copied = with_places(c, inputs[i]);
    prior.slots.push_back(c.update.copy(model, inputs[i], copied));
  }
  return prior;
}

std::optional<TiedPrior> tied_prior(UpdateContext& c, const std::string& mean, const std::string& spread) {
  const ir::Variable &m = variable_of(c.setting, mean), &v = variable_of(c.setting, spread);
  const ir::Function& model = c.setting.model.function();
  if (m.prior == ir::no_node || !ir::depends_on(model, m.prior, v.node)) return std::nullopt;
  const std::optional<Prior> prior = prior_of(c, mean);
  const ir::Dependence form =
      ir::classify(model, model[m.prior].inputs.at(2), {.node = v.node, .positive = true});
  const double exponent = variance_exponent(prior->slot_names.at(1));
  NodeId weight = c.update.constant(1);
  std::vector<NodeId> copied;
  for (const auto& [node, p] : form.coefficients)
    weight = c.update.mul(weight, power(c.update, c.update.copy(model, node, copied), -p * exponent));
  return TiedPrior{prior->slots.at(0), weight};
}

std::optional<PriorDerivatives> prior_derivatives(UpdateContext& c, const std::string& parameter) {
  const ir::Variable& v = variable_of(c.setting, parameter);
  const std::optional<Prior> prior = prior_of(c, parameter);
  if (!prior) return std::nullopt;
  const ir::Node density = c.setting.model.function()[v.prior];
  const ir::Family* family = ir::find_family(density.attributes.text);
  if (!family) throw ir::InternalError("no density for the prior of " + parameter);
  Builder& b = c.update;
  const NodeId value = read_parameter(c, parameter);
  const NodeId log_density = family->log_density(b, value, prior->slots);
  const NodeId first = ir::differentiate_elements(b, log_density, {value}).front();
  return PriorDerivatives{first, ir::differentiate_elements(b, first, {value}).front()};
}

std::optional<PseudoCounts> pseudo_counts(UpdateContext& c, const std::string& parameter) {
  const std::optional<Prior> prior = prior_of(c, parameter);
  if (!prior) return std::nullopt;
  Builder& b = c.update;
  const auto less_one = [&](NodeId x) { return b.sub(x, b.constant(1)); };
  const std::vector<NodeId>& s = prior->slots;
  if (prior->family == "Dirichlet") return PseudoCounts{less_one(s.at(0)), ir::no_node};
  if (prior->family == "Beta") return PseudoCounts{less_one(s.at(0)), less_one(s.at(1))};
  if (prior->family == "InverseGamma") return PseudoCounts{b.add(s.at(0), b.constant(1)), s.at(1)};
  const bool exponential = prior->family == "Exponential";
  if (!exponential && prior->family != "Gamma")
    throw ir::InternalError("the prior of " + parameter + " is not conjugate");
  const NodeId shape = exponential ? b.constant(1) : s.at(0);
  NodeId rate = s.back();
  if (prior->slot_names.back() == "scale") rate = b.unary(Op::reciprocal, rate);
  if (prior->slot_names.back() == "mean") rate = b.div(shape, rate);
  return PseudoCounts{less_one(shape), rate};
}

void check_edge(UpdateContext& c, const std::string& parameter, const std::string& edge, NodeId counts,
                NodeId more) {
  Builder& b = c.update;
  const ir::Node& node = b.function()[more];
  const auto number = [&](NodeId id) {
    return b.function()[id].op == Op::constant ? b.function()[id].attributes.number : std::nan("");
  };
  if (node.op == Op::constant && number(more) >= 0) return;
  if (node.op == Op::sub && number(node.inputs[0]) - number(node.inputs[1]) >= 0) return;
  const NodeId zero = b.constant(0);
  const NodeId inside = b.binary(Op::logical_or, b.binary(Op::less, zero, b.add(counts, more)),
                                 b.binary(Op::less_equal, zero, more));
  const ir::Variable& v = variable_of(c.setting, parameter);
  const std::vector<AxisId> missing = without(v.type.axes, b.type(inside).axes);
  add_check(
      b, c.checks, ir::Check::Kind::collapse, "edge_" + parameter + "_" + edge,
      "`" + parameter + "` has run to " + edge +
          ", where the density of its prior has no bound (element {}): numbers of 1 and more give it a mode",
      missing.empty() ? inside : b.make(Op::broadcast, {inside}, {.axes = missing}));
}

std::optional<PseudoCounts> spread_prior(UpdateContext& c, const std::string& parameter,
                                         const std::optional<ir::MatrixAxes>& matrix) {
  const std::optional<Prior> prior = prior_of(c, parameter);
  if (!prior) return std::nullopt;
  Builder& b = c.update;
  const bool wishart = prior->family == "Wishart";
  if (!wishart && prior->family != "InverseWishart") {
    const auto counts = pseudo_counts(c, parameter);
    return PseudoCounts{b.mul(b.constant(2), counts->b), b.mul(b.constant(2), counts->a)};
  }
  const NodeId freedom = b.constant(static_cast<double>(b.module().axis(matrix->row).size) + 1);
  const NodeId df = prior->slots.at(0), scale = prior->slots.at(1);
  if (!wishart) return PseudoCounts{scale, b.add(df, freedom)};
  return PseudoCounts{b.matrix(Op::inverse, {scale}, matrix->row, matrix->column), b.sub(df, freedom)};
}

}  // namespace lvm::em
