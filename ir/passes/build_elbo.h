#pragma once
// build_elbo: Model -> Tensor@elbo.  Purpose: write  sum over rows of w { E_q[ sum of ln P ] + H[q] }  (+ ln
// P(theta)) as one function "elbo". Before: a Model without errors.  After: level elbo; the output is
// `objective`; one `expect` and one `entropy` for each block of q; the log density of each factor is also a
// result, named as its variable.

#include "ir/model/model.h"

namespace lvm::ir {

Module build_elbo(const Model& model);

/// A bool a row: the factor with these steps holds for it.
NodeId holds_in_row(Builder& builder, const Model& model, const Steps& steps);

/// w x, and 0 where the row's weight is 0, whatever x is there: a row that does not count may have ln P =
/// -inf. `x` itself where rows have no weights.
NodeId times_row_weight(Builder& builder, const Model& model, NodeId x);

}  // namespace lvm::ir
