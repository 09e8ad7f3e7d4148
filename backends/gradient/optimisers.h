#pragma once
// One step of an optimiser, element by element, as Tensor. Equations stand beside each rule.

#include <string>
#include <vector>

#include "ir/model/gradient_settings.h"
#include "ir/tensor/tensor.h"

namespace lvm::gradient {

/// The names of what an optimiser remembers of each parameter, all of the parameter's shape and 0 at first:
/// "mean", "square".
std::vector<std::string_view> states(const ir::Optimiser& optimiser);

/// What a rule sees of one parameter: w to be raised along g.
struct OptimiserStep {
  ir::Builder& b;
  const ir::Optimiser& optimiser;
  ir::NodeId parameter, gradient;
  std::vector<ir::NodeId> states;  // in the order of `states`; the rule writes their next values here
  ir::NodeId rate;                 // a scalar
};

/// Scalars of a step that all parameters share: written by `prepare`, read by the rule as derived values.
struct SharedScalar {
  std::string name;  // "optimiser.mean"
  ir::NodeId value;
};
/// From the number of the step, counted from 1.
std::vector<SharedScalar> shared_scalars(ir::Builder& builder, const ir::Optimiser& optimiser,
                                         ir::NodeId step);

/// The next value of the parameter.
ir::NodeId step(OptimiserStep& at);

}  // namespace lvm::gradient
