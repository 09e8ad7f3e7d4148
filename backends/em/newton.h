#pragma once
// Parameters without a closed form that enter their factors element by element: shapes, degrees of freedom,
// concentrations, any differentiable expression. One guarded Newton step an iteration on
//
//   Q(v) = sum over rows and k of w ln p(y | v) + ln P(v),
//
// so that EM is generalised EM (Dempster, Laird & Rubin 1977): Q need only rise, and the run time halves the
// step where it does not.

#include "backends/em/solvers.h"

namespace lvm::em {

bool has_newton(const ir::Plan& plan);

/// Writes the new values of all Newton blocks of one group.
void solve_newton(UpdateContext& context, int group);

}  // namespace lvm::em
