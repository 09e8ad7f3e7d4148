#pragma once
// lower_em: (Model, Tensor@canonical, Plan) -> Program with the functions prepare, rows, start and update of
// one EM iteration. Before: all sizes of fixed axes known (data bound).  After: level step, verified; slots
// laid out.

#include "ir/passes/plan.h"
#include "ir/program/program.h"

namespace lvm::em {

ir::Program lower_em(const ir::Model& model, const ir::Module& canonical, const ir::Plan& plan);

/// The text of `lvmc explain`: the bound, each block's solver and reason, its update equation, cost a row,
/// free parameters.
std::string explain(const ir::Model& model, const ir::Module& elbo, const ir::Plan& plan);

}  // namespace lvm::em
