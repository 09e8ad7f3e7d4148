#include "backends/em/slots.h"

#include <algorithm>

#include "ir/passes/predictor.h"
#include "ir/passes/slot_rules.h"

namespace lvm::em {

using ir::Domain;
using ir::Variable;

int64_t element_count(const ir::Module& module, const std::vector<AxisId>& axes) {
  int64_t count = 1;
  for (const AxisId axis : axes) {
    if (module.axis(axis).kind == ir::AxisKind::rows) continue;
    if (module.axis(axis).size == ir::unknown_size)
      throw ir::InternalError("axis " + module.axis(axis).name + " has no size");
    count *= module.axis(axis).size;
  }
  return count;
}

std::vector<ir::DataSlot> data_slots(const ir::Model& model) {
  std::vector<ir::DataSlot> slots;
  for (const Variable& variable : model.variables) {
    const bool bound = variable.role == ir::Role::data || variable.role == ir::Role::given ||
                       variable.role == ir::Role::weight;
    if (!bound) continue;
    ir::DataSlot slot;
    slot.name = variable.name;
    slot.axes = without(variable.type.axes, {ir::row_axis});
    slot.size = element_count(model.module, slot.axes);
    slot.element = variable.type.element;
    slots.push_back(std::move(slot));
  }
  return slots;
}

int64_t masked_entries(const Variable& parameter) {
  return std::ranges::count(parameter.mask, 0);
}

namespace {

/// The law of the steps of a chain is the same in any rotation: its spread is one for all elements, or a free
/// covariance, and what multiplies earlier steps is a number or a free matrix.
bool steps_turn(const ir::Model& model, const Variable& z, const ir::FactorParts& law) {
  const ir::Function& f = model.function();
  const ir::Node& spread = f[law.slots.at(1)];
  const bool one = without(spread.type.axes, {ir::row_axis}).empty();
  if (!one && spread.op != ir::Op::parameter) return false;
  const auto self = static_cast<int>(&z - model.variables.data());
  const AxisId event = z.type.axes.back();
  for (const Variable& v : model.variables) {
    if (v.role != ir::Role::parameter || !v.type.has(event)) continue;
    const bool held = v.fixed || !v.mask.empty() || v.prior != ir::no_node;
    if (!one && ir::depends_on(f, law.slots[1], v.node) && (held || v.domain != Domain::covariance))
      return false;
    if (!ir::depends_on(f, law.slots[0], v.node)) continue;
    if (held) return false;
    for (const ir::Lag& lag : model.lags) {
      const bool multiplies =
          lag.of == self &&
          !ir::is_jointly_affine(f, law.slots[0],
                                 {v.node, model.variables[static_cast<size_t>(lag.variable)].node});
      if (multiplies && std::ranges::none_of(v.type.axes, [&](AxisId axis) {
            return model.module.axis(axis).name == model.module.axis(event).name + "'";
          }))
        return false;
    }
  }
  return true;
}

bool steps_of_chain_turn(const ir::Model& model, const Variable& z) {
  for (size_t i = 0; i < model.factors.size(); ++i) {
    const ir::FactorParts parts = ir::parts_of(model, static_cast<int>(i));
    if (parts.value == z.node && model.factors[i].steps.first > 0 && !steps_turn(model, z, parts))
      return false;
  }
  return true;
}

/// P(z) is one Normal for all elements, in which nothing is fitted.
bool any_rotation(const ir::Model& model, const Variable& z) {
  for (size_t i = 0; i < model.factors.size(); ++i) {
    const ir::FactorParts parts = ir::parts_of(model, static_cast<int>(i));
    if (parts.value != z.node || model.factors[i].steps.first > 0) continue;
    if (!model.factors[i].steps.all()) {
      // Of a chain the first step is about 0, and all further ones turn with it.
      if (!steps_of_chain_turn(model, z)) return false;
      const ir::Node& mean = model.function()[parts.slots.front()];
      if (mean.op != ir::Op::constant || mean.attributes.number != 0) return false;
    }
    return std::ranges::all_of(parts.slots, [&](ir::NodeId slot) {
      const bool alike = model.function()[slot].type.axes.empty();
      return alike && std::ranges::none_of(model.variables, [&](const Variable& v) {
               return v.role == ir::Role::parameter && !v.fixed &&
                      ir::depends_on(model.function(), slot, v.node);
             });
    });
  }
  return false;
}

/// Free, without a prior or a mask that tells directions apart, and a number for each element of the latent.
/// Other axes than that may have no size yet.
bool turns(const ir::Model& model, const ir::Plan& plan, const Variable& v, AxisId event) {
  const bool free = v.role == ir::Role::parameter && !v.fixed && v.posterior_of < 0 && v.mask.empty() &&
                    v.prior == ir::no_node;
  return free && v.type.has(event) && plan.find(v.name)->solver == ir::Solver::least_squares &&
         std::ranges::none_of(v.type.axes, [&](AxisId axis) { return model.module.axis(axis).size == 0; });
}

}  // namespace

int64_t rotations(const ir::Model& model, const ir::Plan& plan, const Variable& parameter) {
  for (const ir::Block& block : plan.blocks) {
    if (block.solver != ir::Solver::conditioning && block.solver != ir::Solver::smoothing) continue;
    const Variable& z = model.variables[static_cast<size_t>(*model.find(block.name))];
    if (z.type.axes.size() < 2 || !any_rotation(model, z)) continue;
    const AxisId event = z.type.axes.back();
    const auto first = std::ranges::find_if(model.variables,
                                            [&](const Variable& v) { return turns(model, plan, v, event); });
    if (first == model.variables.end() || first->name != parameter.name) continue;
    const int64_t size = model.module.axis(event).size;
    std::vector<AxisId> states;
    for (const ir::FiniteLatent& latent : ir::finite_latents(model)) states.push_back(latent.states);
    return element_count(model.module, common(parameter.type.axes, states)) * size * (size - 1) / 2;
  }
  return 0;
}

int64_t free_dimensions(const ir::Model& model, const Variable& parameter) {
  if (parameter.follows != ir::no_node) return 0;
  if (const int64_t masked = masked_entries(parameter)) {
    Variable whole = parameter;
    whole.mask.clear();
    return free_dimensions(model, whole) - masked;
  }
  const auto size = [&](AxisId axis) { return model.module.axis(axis).size; };
  const std::vector<AxisId>& axes = parameter.declared_axes;
  const auto leading = [&](size_t event) {
    return element_count(model.module, {axes.begin(), axes.end() - event});
  };
  switch (parameter.domain) {
    case Domain::real:
    case Domain::positive:
    case Domain::unit: return leading(0);
    case Domain::ordered: return leading(0);
    case Domain::simplex: return leading(1) * (size(axes.back()) - 1);
    case Domain::covariance: return leading(2) * size(axes.back()) * (size(axes.back()) + 1) / 2;
    case Domain::correlation: return leading(2) * size(axes.back()) * (size(axes.back()) - 1) / 2;
  }
  return 0;
}

namespace {

/// Row-major values over `from` in the order of `to`.
std::vector<double> reordered(const ir::Module& module, const std::vector<double>& values,
                              const std::vector<AxisId>& from, const std::vector<AxisId>& to) {
  std::vector<double> result(values.size());
  std::vector<int64_t> index(to.size(), 0);
  for (double& element : result) {
    int64_t at = 0;
    for (const AxisId axis : from) {
      const auto place = std::find(to.begin(), to.end(), axis) - to.begin();
      at = at * module.axis(axis).size + index[static_cast<size_t>(place)];
    }
    element = values.at(static_cast<size_t>(at));
    for (size_t d = to.size(); d-- > 0;) {
      if (++index[d] < module.axis(to[d]).size) break;
      index[d] = 0;
    }
  }
  return result;
}

/// The axes of one event, which need not be the last ones of the layout.
std::vector<AxisId> event_axes(const Variable& variable) {
  const auto last = [&](std::ptrdiff_t count) {
    return std::vector<AxisId>(variable.declared_axes.end() - count, variable.declared_axes.end());
  };
  switch (variable.domain) {
    case ir::Domain::real:
    case ir::Domain::positive:
    case ir::Domain::unit: return {};
    case ir::Domain::simplex:
    case ir::Domain::ordered: return last(1);
    case ir::Domain::covariance:
    case ir::Domain::correlation: return last(2);
  }
  return {};
}

}  // namespace

std::vector<ir::ParameterSlot> parameter_slots(const ir::Model& model, const ir::Plan& plan) {
  std::vector<ir::ParameterSlot> slots;
  for (const Variable& variable : model.variables) {
    if (variable.role != ir::Role::parameter || variable.global) continue;
    const bool of_posterior = variable.posterior_of >= 0;
    ir::ParameterSlot slot;
    slot.name = variable.name;
    slot.axes = variable.type.axes;
    slot.size = element_count(model.module, slot.axes);
    slot.domain = variable.domain;
    slot.event = event_axes(variable);
    slot.fixed = !of_posterior && plan.find(variable.name)->solver == ir::Solver::held;
    if (!variable.value.empty()) {
      // A single number fills all cells, however many the data bring.
      slot.start = variable.value.size() == 1
                       ? std::vector<double>(static_cast<size_t>(slot.size), variable.value.front())
                       : reordered(model.module, variable.value, variable.declared_axes, slot.axes);
      if (static_cast<int64_t>(slot.start.size()) != slot.size) {
        throw ir::InternalError("the values of `" + slot.name + "` do not fill its axes");
      }
    }
    if (!variable.mask.empty()) {
      const std::vector<double> ones(variable.mask.begin(), variable.mask.end());
      const std::vector<double> mask = reordered(model.module, ones, variable.declared_axes, slot.axes);
      slot.mask.assign(mask.begin(), mask.end());
    }
    if (of_posterior) {
      slots.push_back(std::move(slot));  // no number that is estimated
      continue;
    }
    slot.free_dimensions =
        slot.fixed ? 0 : free_dimensions(model, variable) - rotations(model, plan, variable);
    // A softmax does not change when all its logits move together.
    const ir::Block& block = *plan.find(variable.name);
    if (block.solver == ir::Solver::reweighted && ir::parts_of(model, block.factor).family == "Categorical") {
      const AxisId states = model.function()[ir::parts_of(model, block.factor).value].type.range;
      if (contains(slot.axes, states))
        slot.free_dimensions -= slot.free_dimensions / model.module.axis(states).size;
    }
    slots.push_back(std::move(slot));
  }
  return slots;
}

std::vector<ir::Slot> output_slots(const ir::Module& module, const ir::Function& function,
                                   ir::OutputKind kind) {
  std::vector<ir::Slot> slots;
  for (const ir::Output& output : function.outputs) {
    if (output.kind != kind) continue;
    ir::Slot slot;
    slot.name = output.name;
    slot.axes = without(function[output.node].type.axes, {ir::row_axis});
    slot.size = element_count(module, slot.axes);
    slots.push_back(std::move(slot));
  }
  return slots;
}

}  // namespace lvm::em
