// M-step of the coefficients of a linear predictor. All free parameters of the slot are solved together, so
// one that does not fit makes the others no regression either.

#include <algorithm>

#include "ir/families/family.h"
#include "ir/families/members.h"
#include "ir/families/signatures.h"
#include "ir/passes/global_posteriors.h"
#include "ir/passes/plan_context.h"
#include "ir/passes/predictor.h"

namespace lvm::ir {
namespace {

constexpr int64_t most_columns = 32;  // of one design: its equations are solved as one matrix

bool contains(const std::vector<AxisId>& axes, AxisId axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

struct LinearSlot {
  const PlanContext& c;
  const FactorParts& parts;
  size_t slot;
  NodeId expression;
  std::vector<const Variable*> free;

  LinearSlot(const PlanContext& context, const ParameterUse& use)
      : c(context), parts(*use.parts), slot(use.slot), expression(use.parts->slots[use.slot]) {
    for (const Variable& v : c.model.variables) {
      if (v.role == Role::parameter && !v.fixed && depends_on(c.function(), expression, v.node))
        free.push_back(&v);
    }
  }

  std::vector<AxisId> axes_of(NodeId node) const { return c.enumerated_axes(node); }

  std::vector<AxisId> batch_of(const Variable& v, const std::vector<AxisId>& predictor) const {
    std::vector<AxisId> batch;
    for (const AxisId axis : v.type.axes) {
      if (contains(predictor, axis)) batch.push_back(axis);
    }
    return batch;
  }

  bool used_here_alone(const Variable& v) const {
    for (const FactorParts& other : c.factors) {
      for (size_t s = 0; s < other.slots.size(); ++s) {
        const bool here = other.index == parts.index && s == slot;
        if (!here && depends_on(c.function(), other.slots[s], v.node)) return false;
      }
    }
    return true;
  }

  /// One batch for all, at most one axis besides, few enough columns.
  bool fits(NodeId predictor) const {
    const std::vector<AxisId> axes = axes_of(predictor);
    int64_t columns = 0;
    for (const Variable* v : free) {
      const std::vector<AxisId> batch = batch_of(*v, axes);
      if (batch != batch_of(*free.front(), axes) || v->type.axes.size() > batch.size() + 1) return false;
      int64_t width = 1;
      for (const AxisId axis : v->type.axes) {
        if (!contains(batch, axis)) width = c.model.module.axis(axis).size;
      }
      columns += width == unknown_size ? 0 : width;
      if (v->domain != Domain::real || !v->mask.empty() || !used_here_alone(*v)) return false;
    }
    return columns <= most_columns;
  }

  bool priors_fit(bool normal_only) const {
    return std::all_of(free.begin(), free.end(), [&](const Variable* v) {
      if (v->prior == no_node) return true;
      const Node& prior = c.function()[v->prior];
      for (size_t i = 1; i < prior.inputs.size(); ++i) {
        for (const Variable& other : c.model.variables) {
          // The prior's spread of a latent may be fitted or a latent too: its expectation is all that counts
          // here.
          const bool shrinks = v->global && i == 2 && shrunk_by(c.model, other).has_value();
          if (other.role == Role::parameter && !other.fixed && !shrinks &&
              depends_on(c.function(), prior.inputs[i], other.node))
            return false;
        }
      }
      if (!find_family(prior.attributes.text) || prior.type.axes != v->type.axes) return false;
      return !normal_only || split_density(prior.attributes.text).family == "Normal";
    });
  }

  /// With a covariance matrix all elements of y have the same regressors, and its rows are not pooled.
  bool fits_matrix(const MatrixAxes& matrix) const {
    const std::vector<AxisId> batch = batch_of(*free.front(), axes_of(expression));
    if (!contains(batch, matrix.row) || !priors_free()) return false;
    for (const AxisId axis : axes_of(parts.slots.at(1))) {
      if (axis != matrix.row && axis != matrix.column && !contains(batch, axis)) return false;
    }
    for (const Variable& v : c.model.variables) {
      const bool of_rows = v.role == Role::data || v.role == Role::given;
      if (of_rows && v.type.has(matrix.row) && depends_on(c.function(), expression, v.node)) return false;
    }
    return true;
  }
  bool priors_free() const {
    return std::all_of(free.begin(), free.end(), [](const Variable* v) { return v->prior == no_node; });
  }

  /// P(z | x) = Categorical(logits: …) of the enumerated latent itself.
  bool is_gate() const {
    return parts.family == "Categorical" && parts.slot_names.at(slot) == "logits" &&
           c.is_enumerated(parts.value);
  }

  bool spread_of_parameters() const { return !c.depends_on_cells(parts.slots.at(1)); }

  std::optional<Solver> solver() const {
    std::vector<NodeId> leaves;
    for (const Variable* v : free) leaves.push_back(v->node);
    const auto predictor = find_predictor(c.function(), expression, leaves);
    const Node& density = c.function()[c.factor(parts).log_density];
    if (!predictor || !fits(*predictor) || !find_family(density.attributes.text)) return std::nullopt;
    const bool mean = parts.family == "Normal" && slot == 0 && *predictor == expression;
    const auto matrix =
        parts.family == "Normal" && parts.slots.size() > 1
            ? matrix_axes(c.model.module, c.function()[parts.slots[1]].type, c.function()[parts.value].type)
            : std::nullopt;
    if (matrix) {
      return mean && fits_matrix(*matrix) ? std::optional<Solver>(Solver::least_squares) : std::nullopt;
    }
    if (!is_smooth(parts, slot)) return std::nullopt;
    if (is_gate()) return priors_fit(false) ? std::optional<Solver>(Solver::reweighted) : std::nullopt;
    if (mean && spread_of_parameters() && priors_fit(true)) return Solver::least_squares;
    const auto& all = signatures();
    const bool element_wise = std::none_of(all.begin(), all.end(), [&](const Signature& s) {
      return s.family == parts.family && s.event_rank > 0 && parts.family != "Normal";
    });
    if (!element_wise || !priors_fit(false)) return std::nullopt;
    // Coefficients without an axis of their own enter element by element: they step with the other parameters
    // of the factor.
    const std::vector<AxisId> axes = axes_of(*predictor);
    const bool apart = std::any_of(free.begin(), free.end(), [&](const Variable* v) {
      return v->type.axes.size() > batch_of(*v, axes).size();
    });
    return apart ? std::optional<Solver>(Solver::reweighted) : std::nullopt;
  }
};

}  // namespace

std::optional<Solver> linear_solver(const PlanContext& c, const Variable& v,
                                    const std::vector<ParameterUse>& uses) {
  if (uses.size() != 1 || v.domain != Domain::real) return std::nullopt;
  return LinearSlot(c, uses.front()).solver();
}

}  // namespace lvm::ir
