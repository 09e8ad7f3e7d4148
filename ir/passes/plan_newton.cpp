// M-step without a closed form: which parameters a Newton step can climb, and which step together.

#include <algorithm>

#include "ir/families/family.h"
#include "ir/families/signatures.h"
#include "ir/passes/plan_context.h"

namespace lvm::ir {
namespace {

/// Every op between the leaf and the expression works element by element, or selects by a latent.
bool is_element_wise(const PlanContext& c, NodeId expression, NodeId leaf) {
  const Function& f = c.function();
  std::vector<bool> reached(static_cast<size_t>(expression) + 1, false);
  for (NodeId id = 0; id <= expression; ++id) {
    const Node& node = f[id];
    const auto on_way = [&](NodeId input) { return static_cast<bool>(reached[static_cast<size_t>(input)]); };
    const bool here = id == leaf || std::any_of(node.inputs.begin(), node.inputs.end(), on_way);
    reached[static_cast<size_t>(id)] = here;
    if (!here || id == leaf || !depends_on(f, expression, id)) continue;
    const ShapeRule shape = row(node.op).shape;
    const bool selects = node.op == Op::gather && c.is_enumerated(node.inputs[1]) && !on_way(node.inputs[1]);
    if (shape != ShapeRule::pointwise && shape != ShapeRule::broadcast && !selects) return false;
  }
  return true;
}

bool draws_elements(const FactorParts& parts) {
  const auto& all = signatures();
  return std::all_of(all.begin(), all.end(), [&](const Signature& s) {
    return s.family != parts.family || s.event_rank == 0 || parts.family == "Normal";
  });
}

bool is_matrix_normal(const PlanContext& c, const FactorParts& parts) {
  return parts.family == "Normal" && c.function()[c.factor(parts).log_density].type.axes.size() <
                                         c.function()[parts.value].type.axes.size();
}

bool has_free_parameter(const PlanContext& c, NodeId expression, const Variable& besides) {
  return std::any_of(c.model.variables.begin(), c.model.variables.end(), [&](const Variable& other) {
    return other.role == Role::parameter && !other.fixed && other.name != besides.name &&
           depends_on(c.function(), expression, other.node);
  });
}

/// The families whose mode the closed form of a solver includes.
std::vector<std::string_view> conjugate_families(Solver solver, const ParameterUse& use,
                                                 const SlotRule& rule) {
  switch (solver) {
    case Solver::normalised_counts: return {"Dirichlet"};
    case Solver::ratio:
    case Solver::odds: return {"Beta"};
    case Solver::rate: {
      const bool rate = rule.statistics == Statistics::power;
      if (use.dependence.exponent == 1) {
        if (rate) return {"Gamma", "Exponential"};
        return {"InverseGamma"};
      }
      return {};
    }
    case Solver::moments:
      if (use.parts->slot_names.at(1) == "sd" || use.parts->slot_names.at(1) == "var" ||
          use.parts->slot_names.at(1) == "precision")
        return {"Normal"};
      return {};
    case Solver::scatter: {
      const std::string& slot = use.parts->slot_names[use.slot];
      if (use.dependence.exponent != 1 || !use.dependence.coefficients.empty()) return {};
      if (slot == "var") return {"InverseGamma"};
      if (slot == "precision") return {"Gamma", "Exponential"};
      if (slot == "cov") return {"InverseWishart"};
      if (slot == "precision_matrix") return {"Wishart"};
      return {};
    }
    case Solver::matrix_scale:
      if (use.dependence.exponent != 1 || !use.dependence.coefficients.empty()) return {};
      if (use.parts->family == "Wishart") return {"InverseWishart"};
      return {"Wishart"};
    case Solver::enumerate:
    case Solver::most_probable:
    case Solver::forward_backward:
    case Solver::best_path:
    case Solver::conditioning:
    case Solver::smoothing:
    case Solver::conjugate:
    case Solver::reparameterised:
    case Solver::score_function:
    case Solver::gradient:
    case Solver::held:
    case Solver::freedom:
    case Solver::correlation:
    case Solver::isotonic:
    case Solver::median:
    case Solver::least_squares:
    case Solver::reweighted:
    case Solver::concentration:
    case Solver::newton: break;
  }
  return {};
}

}  // namespace

bool is_smooth(const FactorParts& parts, size_t slot) {
  const auto names = [&](std::string_view name) {
    const auto& slots = parts.slot_names;
    return parts.family == name || std::find(slots.begin(), slots.end(), name) != slots.end();
  };
  if (names("Uniform")) return false;
  if (names("Laplace")) return parts.family == "Laplace" && parts.slot_names.at(slot) == "scale";
  const size_t bounds = (names("low") ? 1U : 0U) + (names("high") ? 1U : 0U);
  return parts.family != "Truncated" || slot + bounds < parts.slots.size();
}

bool prior_is_conjugate(const PlanContext& c, const Variable& v, Solver solver, const ParameterUse& use) {
  if (v.prior == no_node) return true;
  const Node& prior = c.function()[v.prior];
  for (size_t i = 1; i < prior.inputs.size(); ++i) {
    if (has_free_parameter(c, prior.inputs[i], v)) return false;
  }
  // A step takes the derivatives of any prior of independent elements.
  if (solver == Solver::concentration || solver == Solver::freedom)
    return find_family(prior.attributes.text) && prior.type.axes == v.type.axes;
  const std::string family = split_density(prior.attributes.text).family;
  const auto allowed = conjugate_families(solver, use, *use.parts->rule(use.slot));
  return std::find(allowed.begin(), allowed.end(), family) != allowed.end();
}

bool newton_applies(const PlanContext& c, const Variable& v, const std::vector<ParameterUse>& uses) {
  const bool has_coordinates =
      v.domain == Domain::real || v.domain == Domain::positive || v.domain == Domain::unit;
  if (!has_coordinates || uses.empty() || !v.mask.empty()) return false;
  if (v.prior != no_node) {
    const Node& prior = c.function()[v.prior];
    if (!find_family(prior.attributes.text) || prior.type.axes != v.type.axes) return false;
    for (size_t i = 1; i < prior.inputs.size(); ++i) {
      if (has_free_parameter(c, prior.inputs[i], v)) return false;
    }
  }
  return std::all_of(uses.begin(), uses.end(), [&](const ParameterUse& use) {
    const Node& density = c.function()[c.factor(*use.parts).log_density];
    return find_family(density.attributes.text) && is_smooth(*use.parts, use.slot) &&
           draws_elements(*use.parts) && !is_matrix_normal(c, *use.parts) &&
           is_element_wise(c, use.parts->slots[use.slot], v.node);
  });
}

void group_newton_blocks(PlanContext& c, const std::vector<std::vector<ParameterUse>>& uses) {
  const auto uses_of = [&](const Block& block) -> const std::vector<ParameterUse>& {
    size_t at = 0;
    for (const Variable& variable : c.model.variables) {
      if (variable.role != Role::parameter) continue;
      if (variable.name == block.name) return uses[at];
      ++at;
    }
    throw InternalError("block " + block.name + " is no parameter");
  };
  const auto shares_factor = [](const Block& a, const Block& b) {
    return std::any_of(a.factors.begin(), a.factors.end(), [&](int factor) {
      return std::find(b.factors.begin(), b.factors.end(), factor) != b.factors.end();
    });
  };
  // What steps with a Newton block must not jump to an optimum given the old value of the other.
  for (bool changed = true; changed;) {
    changed = false;
    for (Block& block : c.plan.blocks) {
      const bool fixed = block.solver == Solver::held || block.solver == Solver::newton ||
                         block.solver == Solver::least_squares || block.solver == Solver::reweighted;
      if (block.latent || fixed) continue;
      const Variable& v = c.model.variables[static_cast<size_t>(*c.model.find(block.name))];
      Block candidate = block;
      candidate.factors = {block.factor};
      const bool shares = std::any_of(c.plan.blocks.begin(), c.plan.blocks.end(), [&](const Block& other) {
        return other.solver == Solver::newton && shares_factor(candidate, other);
      });
      if (!shares || !newton_applies(c, v, uses_of(block))) continue;
      block.factors = candidate.factors;
      block.solver = Solver::newton;
      block.block_class = BlockClass::newton;
      block.reason = "in one factor with a parameter that has no closed form: a joint Newton step";
      changed = true;
    }
  }
  int groups = 0;
  for (size_t i = 0; i < c.plan.blocks.size(); ++i) {
    Block& block = c.plan.blocks[i];
    if (block.solver != Solver::newton) continue;
    const auto axes_of = [&](const Block& b) {
      return c.model.variables[static_cast<size_t>(*c.model.find(b.name))].type.axes;
    };
    for (size_t j = 0; j < i && block.group < 0; ++j) {
      const Block& other = c.plan.blocks[j];
      if (other.solver == Solver::newton && shares_factor(block, other) && axes_of(block) == axes_of(other))
        block.group = other.group;
    }
    if (block.group < 0) block.group = groups++;
  }
}

}  // namespace lvm::ir
