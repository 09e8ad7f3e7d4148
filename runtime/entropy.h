#pragma once
// How unsure a fit is of the states of its rows.

#include "runtime/fit.h"

namespace lvm::runtime {

/// The entropy -Σ_rows Σ_k r_k ln r_k of the posterior of a finite latent at given parameters, each row as
/// often as its weight says. None where the Program has no such posterior. Nothing is kept of a row: memory
/// does not grow with them.
std::optional<double> posterior_entropy(const ir::Program& program, const ir::Executable& functions,
                                        const BoundData& data, const std::vector<FittedParameter>& parameters,
                                        int threads);

}  // namespace lvm::runtime
