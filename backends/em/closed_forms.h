#pragma once
// Closed forms that a family states as data (RateForm, OddsForm): a ratio of expected terms.

#include "backends/em/solvers.h"

namespace lvm::em {

/// slot = c v^k in  ln p = A ln r - B r, r = slot^s:   v^(k s) = (sum w A + a) / (sum w B c^s + b),  a and b
/// from a conjugate prior.
void solve_rate(UpdateContext& context, const ir::Block& block);

/// ln p = A ln v + B ln(1 - v):   v = (sum w A + a) / (sum w (A + B) + a + b).
void solve_odds(UpdateContext& context, const ir::Block& block);

}  // namespace lvm::em
