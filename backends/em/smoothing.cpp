#include "backends/em/smoothing.h"

#include <algorithm>
#include <cmath>

#include "backends/em/joint_density.h"
#include "backends/em/slots.h"
#include "ir/families/members.h"
#include "ir/passes/affine_parts.h"

namespace lvm::em {

using ir::Element;
using ir::Op;
using ir::row_axis;

namespace {

/// The factors of a model with a chain, by what they say of it.
struct StepFactors {
  std::vector<Emission>
      laws;  // of the steps of a series that have one of their own, in order, and of all further ones
  std::vector<Emission> emitted;  // P(… | z)
  std::vector<Emission> rest;

  StepFactors(const std::vector<Emission>& emissions, const ir::NodeLatent& z) {
    for (const Emission& e : emissions)
      (e.of_continuous ? laws : contains(e.axes, z.sides) ? emitted : rest).push_back(e);
    std::ranges::sort(laws, {}, [](const Emission& e) { return e.steps.first; });
  }
};

struct StepWriter {
  Builder& b;
  const Setting& setting;
  const ir::NodeLatent& z;
  StepFactors factors;

  StepWriter(Builder& builder, const Setting& s, const std::vector<Emission>& emissions)
      : b(builder), setting(s), z(*smoothed_latent(s)), factors(emissions, z) {}

  bool vector() const { return z.event >= 0; }
  AxisId twin() { return b.module().twin(z.event); }
  std::vector<AxisId> one() const { return vector() ? std::vector<AxisId>{z.event} : std::vector<AxisId>{}; }
  std::vector<AxisId> two() {
    return vector() ? std::vector<AxisId>{z.event, twin()} : std::vector<AxisId>{};
  }
  NodeId unit() { return vector() ? b.make(Op::identity, {}, {.axes = {z.event, z.from}}) : b.constant(1); }

  void output(const std::string& name, NodeId node, const std::vector<AxisId>& axes) {
    if (node == ir::no_node) node = b.constant(0);
    const std::vector<AxisId> missing = without(axes, b.type(node).axes);
    if (!missing.empty()) node = b.make(Op::broadcast, {node}, {.axes = missing});
    b.output(b.type(node).has(row_axis) ? ir::OutputKind::row : ir::OutputKind::derived, name, node);
  }
  /// The second axis of a matrix from `unit` becomes the twin of the first.
  NodeId square(NodeId node) {
    return node == ir::no_node || !vector() ? node : b.rename(node, z.from, twin());
  }

  /// -1/2 z'Jz + h'z by the derivatives of the density as it is written.
  void write_emission() {
    if (factors.emitted.empty()) {
      output(ir::steps_precision_slot, ir::no_node, two());
      NodeId none = b.make(Op::broadcast, {b.constant(0)}, {.axes = united({row_axis}, one())});
      output(ir::steps_linear_slot, none, one());
      return;
    }
    JointDensity joint(b.module(), setting, factors.emitted, z);
    const NodeId gradient = joint.gradient();
    b.module().axes = joint.module().axes;
    const ir::AffineParts parts = ir::affine_parts(b, joint.function(), gradient, joint.leaf(), unit());
    output(ir::steps_precision_slot,
           parts.linear == ir::no_node ? parts.linear : square(b.unary(Op::neg, parts.linear)), two());
    output(ir::steps_linear_slot, parts.constant, one());
  }

  /// The mean of a law as a function of the step `lag` before, all other steps at 0.
  ir::AffineParts mean_in(const Emission& law, int64_t lag) {
    ir::Module scratch{.name = "law", .level = ir::Level::step, .axes = b.module().axes};
    scratch.functions.push_back({.name = "law"});
    Builder inner(scratch, scratch.functions.front());
    Expansion expand(inner, setting);
    NodeId leaf = ir::no_node;
    for (int64_t k = 1; k <= z.order(); ++k) {
      const int variable = z.lags[static_cast<size_t>(k - 1)];
      const NodeId canonical = variable < 0 ? ir::no_node : find_node_leaf(setting, variable);
      if (canonical == ir::no_node) continue;
      NodeId made = inner.constant(0);
      if (k == lag) {
        const ir::Variable& v = setting.model.variables[static_cast<size_t>(variable)];
        made = leaf = inner.leaf(Op::argument, v.name, v.type);
      } else if (vector()) {
        made = inner.make(Op::broadcast, {made}, {.axes = one()});
      }
      expand.replace(canonical, made);
    }
    if (leaf == ir::no_node) leaf = inner.leaf(Op::argument, "none", {});
    const NodeId mean = expand(law.slots.front());
    b.module().axes = scratch.axes;
    return ir::affine_parts(b, scratch.functions.front(), mean, leaf, unit());
  }

  /// N with N N' the covariance of a step.
  NodeId noise(const Emission& law) {
    Expansion expand(b, setting);
    NodeId spread = expand(law.slots.at(1));
    const std::string& slot = law.slot_names.at(1);
    const auto matrix = ir::matrix_axes(b.module(), b.type(spread), setting.function()[law.value].type);
    if (matrix) {
      if (slot == "precision_matrix") spread = b.matrix(Op::inverse, {spread}, matrix->row, matrix->column);
      return slot == "cholesky" ? spread : b.matrix(Op::cholesky, {spread}, matrix->row, matrix->column);
    }
    NodeId sd = spread;
    if (slot != "sd") sd = b.unary(Op::sqrt, slot == "var" ? spread : b.unary(Op::reciprocal, spread));
    return vector() ? b.mul(b.make(Op::identity, {}, {.axes = two()}), sd) : sd;
  }

  void write_laws() {
    for (size_t i = 0; i < factors.laws.size(); ++i) {
      const Emission& law = factors.laws[i];
      const auto at = static_cast<int64_t>(i);
      output(ir::offset_slot(at), mean_in(law, 0).constant, one());
      output(ir::noise_slot(at), noise(law), two());
      for (int64_t k = 1; i > 0 && k <= z.order(); ++k)
        output(ir::transition_slot(at, k), square(mean_in(law, k).linear), two());
    }
  }
};

}  // namespace

const ir::NodeLatent* smoothed_latent(const Setting& setting) {
  for (const ir::NodeLatent& latent : setting.continuous)
    if (latent.order() > 0) return &latent;
  return nullptr;
}

RowPosterior smoothing_posterior(Builder& b, Expansion& expand, const Setting& setting,
                                 const std::vector<Emission>& emissions) {
  const ir::NodeLatent& z = *smoothed_latent(setting);
  const StepFactors factors(emissions, z);
  const std::vector<AxisId> one =
      z.event >= 0 ? std::vector<AxisId>{row_axis, z.event} : std::vector<AxisId>{row_axis};
  const auto column = [&](const std::string& name, const std::vector<AxisId>& axes) {
    return b.leaf(Op::data, name, {Element::real, axes, -1});
  };
  const auto variable = [&](int v) -> const ir::Variable& {
    return setting.model.variables[static_cast<size_t>(v)];
  };
  const NodeId side = b.sub(b.mul(b.constant(2), b.make(Op::iota, {}, {.axes = {z.sides}})), b.constant(1));
  const NodeId width =
      b.mul(b.constant(std::sqrt(static_cast<double>(b.module().axis(z.columns).size))), side);
  for (int64_t k = 0; k <= z.order(); ++k) {
    const int v = k == 0 ? z.variable : z.lags[static_cast<size_t>(k - 1)];
    if (v < 0) continue;
    const NodeId mean = column(ir::smoothed_mean_slot(k), one),
                 root = column(ir::smoothed_root_slot(k), united(one, {z.columns}));
    expand.place_latent(variable(v).name, b.make(Op::fma, {width, root, mean}));
  }
  RowPosterior made{column(ir::steps_evidence_slot, {row_axis}), {}, {}};
  if (!factors.emitted.empty()) {
    const JointDensity joint(b.module(), setting, factors.emitted, z);
    b.module().axes = joint.axes();
    made.evidence = b.add(made.evidence, joint.at(b, column(ir::steps_filtered_slot, one)));
  }
  if (!factors.rest.empty()) made.evidence = b.add(made.evidence, expand.log_joint(factors.rest));
  const NodeId root = column(ir::smoothed_root_slot(0), united(one, {z.columns}));
  made.moments.push_back({variable(z.variable).name, column(ir::smoothed_mean_slot(0), one),
                          b.reduce(Op::sum, b.unary(Op::square, root), {z.columns})});
  made.marginal = [&b, z](const std::vector<AxisId>& wanted) {
    double share = 1;
    for (const AxisId axis : common(z.axes(), wanted))
      share /= static_cast<double>(b.module().axis(axis).size);
    return b.constant(share);
  };
  return made;
}

ir::GaussianSteps write_steps(Builder& b, const Setting& setting, const std::vector<Emission>& emissions) {
  StepWriter writer(b, setting, emissions);
  writer.write_emission();
  writer.write_laws();
  const ir::NodeLatent& z = writer.z;
  return {.latent = setting.model.variables[static_cast<size_t>(z.variable)].name,
          .size = z.event >= 0 ? b.module().axis(z.event).size : 1,
          .order = z.order(),
          .laws = static_cast<int64_t>(writer.factors.laws.size())};
}

std::string directly_observed(const Setting& setting, const std::vector<Emission>& emissions) {
  const ir::NodeLatent& z = *smoothed_latent(setting);
  const NodeId leaf = node_leaf(setting, z.variable);
  for (const Emission& e : StepFactors(emissions, z).emitted)
    if (e.family == "Normal" && e.slots.front() == leaf && e.steps.all()) return e.variable;
  return "";
}

std::vector<ir::DataSlot> step_slots(const ir::Module& module, const ir::NodeLatent& z) {
  std::vector<ir::DataSlot> slots;
  const auto add = [&](const std::string& name, const std::vector<AxisId>& axes) {
    ir::DataSlot slot;
    slot.name = name;
    slot.axes = axes;
    slot.size = element_count(module, axes);
    slots.push_back(std::move(slot));
  };
  const std::vector<AxisId> one = z.event >= 0 ? std::vector<AxisId>{z.event} : std::vector<AxisId>{};
  for (int64_t k = 0; k <= z.order(); ++k) {
    add(ir::smoothed_mean_slot(k), one);
    add(ir::smoothed_root_slot(k), united(one, {z.columns}));
  }
  add(ir::steps_filtered_slot, one);
  add(ir::steps_evidence_slot, {});
  return slots;
}

}  // namespace lvm::em
