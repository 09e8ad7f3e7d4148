#pragma once
// q of a Gaussian latent whose steps form a chain, at level step: what compiled code gives to the smoother of
// the run time, and what it makes of its results (ir/program/gaussian_steps.h says what passes between them).

#include "backends/em/posterior.h"
#include "ir/program/gaussian_steps.h"

namespace lvm::em {

/// The latent of the plan that is smoothed; null: none.
const ir::NodeLatent* smoothed_latent(const Setting& setting);

RowPosterior smoothing_posterior(Builder& b, Expansion& expand, const Setting& setting,
                                 const std::vector<Emission>& emissions);

/// Writes the row outputs of `emissions` and, where rows do not differ in them, the same as derived values.
ir::GaussianSteps write_steps(Builder& b, const Setting& setting, const std::vector<Emission>& emissions);

/// A data variable whose mean is the latent itself, whatever the parameters are; empty: none.
std::string directly_observed(const Setting& setting, const std::vector<Emission>& emissions);

/// The data columns that the smoother gives.
std::vector<ir::DataSlot> step_slots(const ir::Module& module, const ir::NodeLatent& latent);

}  // namespace lvm::em
