#pragma once
// The concentrations of a Dirichlet, all elements of an event together.

#include "backends/em/solvers.h"

namespace lvm::em {

/// With n the weight of the rows, t_v = sum of w ln y_v and A = sum of a_v,
///
///   Q = n lgamma(A) - n sum of lgamma(a_v) + sum of a_v t_v + ln P(a).
///
/// One guarded Newton step in u = ln a. Its Hessian is a diagonal and one product of vectors, so that it is
/// solved in closed form (Minka 2000, "Estimating a Dirichlet distribution", section 1).
void solve_concentration(UpdateContext& context, const ir::Block& block);

}  // namespace lvm::em
