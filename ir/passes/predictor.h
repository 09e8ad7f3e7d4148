#pragma once
// The linear predictor of a slot: the topmost expression that is affine in a set of parameters together, and
// of which the slot is a function element by element:   log(exposure) + a[z] + dot(beta[z], x),   the whole
// of a mean,   the inside of exp(…).

#include <optional>
#include <vector>

#include "ir/tensor/tensor.h"

namespace lvm::ir {

/// Affine in all leaves together: no product of two of them.
bool is_jointly_affine(const Function& function, NodeId expression, const std::vector<NodeId>& leaves);

/// none where the slot depends on the leaves in another way, or not at all.
std::optional<NodeId> find_predictor(const Function& function, NodeId slot,
                                     const std::vector<NodeId>& leaves);

}  // namespace lvm::ir
