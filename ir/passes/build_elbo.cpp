#include "ir/passes/build_elbo.h"

#include "ir/passes/finite_chain.h"

namespace lvm::ir {
namespace {

std::string names(const Model& model, const Posterior& posterior) {
  std::string text;
  for (const int variable : posterior.variables) {
    text += (text.empty() ? "" : ",") + model.variables[static_cast<size_t>(variable)].name;
  }
  return text;
}

std::vector<AxisId> all_but_row(const Type& type) {
  std::vector<AxisId> axes;
  for (const AxisId axis : type.axes) {
    if (axis != row_axis) axes.push_back(axis);
  }
  return axes;
}

struct Writer {
  const Model& model;
  Builder builder;
  std::vector<NodeId> copied;

  NodeId copy(NodeId node) { return builder.copy(model.function(), node, copied); }

  /// 0 in the rows that the factor does not hold for.
  NodeId of_steps(NodeId density, const Steps& steps) {
    return steps.all() ? density
                       : builder.select(holds_in_row(builder, model, steps), density, builder.constant(0));
  }

  /// ln P of all factors, one value a row; no_node where the model has none.
  NodeId log_joint() {
    NodeId total = no_node;
    for (const Factor& factor : model.factors) {
      const NodeId density = copy(factor.log_density);
      builder.output(OutputKind::result, factor_name(model, factor), density);
      const NodeId row =
          of_steps(builder.reduce(Op::sum, density, all_but_row(builder.type(density))), factor.steps);
      total = total == no_node ? row : builder.add(total, row);
    }
    return total;
  }

  NodeId log_prior() {
    NodeId total = no_node;
    for (const Variable& variable : model.variables) {
      if (variable.prior == no_node || variable.global) continue;
      const NodeId density = copy(variable.prior);
      const NodeId one = builder.reduce(Op::sum, density, builder.type(density).axes);
      total = total == no_node ? one : builder.add(total, one);
    }
    return total;
  }
};

}  // namespace

NodeId holds_in_row(Builder& b, const Model& model, const Steps& steps) {
  const NodeId step =
      b.leaf(Op::data, model.sequence->name, {Element::real, {row_axis}, -1}, model.sequence->range);
  const NodeId first = b.constant(static_cast<double>(steps.first));
  return steps.alone ? b.binary(Op::equal, step, first) : b.binary(Op::less_equal, first, step);
}

NodeId times_row_weight(Builder& b, const Model& model, NodeId x) {
  const Variable* weight = model.row_weight();
  if (!weight) return x;
  const NodeId w = b.leaf(Op::data, weight->name, weight->type, weight->range);
  const NodeId zero = b.constant(0);
  const NodeId counts = b.binary(Op::less, zero, w);
  return b.select(counts, b.mul(w, x), zero);
}

Module build_elbo(const Model& model) {
  Module module{.name = model.name + ".elbo", .level = Level::elbo, .axes = model.module.axes};
  module.functions.push_back({.name = "elbo"});
  Writer writer{model, Builder(module, module.functions.front()),
                std::vector<NodeId>(model.function().nodes.size(), no_node)};
  Builder& b = writer.builder;

  NodeId row = writer.log_joint();
  if (row == no_node) throw InternalError("a model without a factor has no bound");
  for (const Posterior& posterior : model.posteriors) {
    row = b.make(Op::expect, {row}, {.text = names(model, posterior)}, posterior.range);
  }
  for (const Posterior& posterior : model.posteriors) {
    const Type per_row{Element::real, {row_axis}, -1};
    row = b.add(row, b.leaf(Op::entropy, names(model, posterior), per_row, posterior.range));
  }
  NodeId objective = b.reduce(Op::sum, times_row_weight(b, model, row), {row_axis});
  if (const NodeId prior = writer.log_prior(); prior != no_node) {
    b.output(OutputKind::result, "log_prior", prior);
    objective = b.add(objective, prior);
  }
  b.output(OutputKind::objective, "objective", objective);
  return module;
}

}  // namespace lvm::ir
