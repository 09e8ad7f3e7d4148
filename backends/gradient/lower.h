#pragma once
// lower_gradient: (Model, Tensor@canonical, Plan) -> Program of the method "gradient": the bound, its
// derivative, and the step of the optimiser.  Before: all sizes known.  After: level step, verified; slots
// laid out; row-major (ir/program/program.h).

#include "ir/passes/plan.h"
#include "ir/program/program.h"

namespace lvm::gradient {

ir::Program lower_gradient(const ir::Model& model, const ir::Module& canonical, const ir::Plan& plan);

/// The text of `lvmc explain`. The work a row is counted in the Program, where there is one.
std::string explain(const ir::Model& model, const ir::Plan& plan, const ir::Program* program);

}  // namespace lvm::gradient
