#pragma once
// The slots of a Program, from the Model and from the outputs of its functions.

#include "backends/em/emission.h"
#include "ir/program/program.h"

namespace lvm::em {

std::vector<ir::DataSlot> data_slots(const ir::Model& model);
std::vector<ir::ParameterSlot> parameter_slots(const ir::Model& model, const ir::Plan& plan);
/// One slot for each output of the kinds, in their order.
std::vector<ir::Slot> output_slots(const ir::Module& module, const ir::Function& function,
                                   ir::OutputKind kind);
int64_t element_count(const ir::Module& module, const std::vector<AxisId>& axes);
/// How many entries a mask holds at zero.
int64_t masked_entries(const ir::Variable& parameter);
/// Of loadings of a latent whose law no rotation changes: L (L - 1) / 2 for each of them, counted on the
/// first parameter that has the latent's axis. 0 of all others.
int64_t rotations(const ir::Model& model, const ir::Plan& plan, const ir::Variable& parameter);
/// Dimensions that the data determine: K - 1 of a simplex, D (D + 1) / 2 of a covariance.
int64_t free_dimensions(const ir::Model& model, const ir::Variable& parameter);

}  // namespace lvm::em
