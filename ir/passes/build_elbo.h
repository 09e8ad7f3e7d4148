#pragma once
// build_elbo: Model -> Tensor@elbo.  Purpose: write  E_q[ sum of ln P ] + H[q]  (+ ln P(theta)) as one function "elbo".
// Before: a Model without errors.  After: level elbo; the output is `objective`; one `expect` and one `entropy` for each block of q;
// the log density of each factor is also a result, named as its variable.

#include "ir/model/model.h"

namespace lvm::ir {

Module build_elbo(const Model& model);

}  // namespace lvm::ir
