#pragma once
// Absent cells in the gradient route: of independent elements the terms are left out, which integrates them
// out exactly.

#include <functional>

#include "ir/model/model.h"

namespace lvm::gradient {

/// ln p of a value whose cells may be absent: 0 where they are. `density` reads a number that is inside every
/// support in their place, so that no derivative meets a NaN. Any other value goes through as it is.
ir::NodeId of_observed(ir::Builder& builder, const ir::Model& model, ir::NodeId value,
                       const std::function<ir::NodeId(ir::NodeId)>& density);

}  // namespace lvm::gradient
