#pragma once
// chain_rows: Model -> Model whose rows are the steps of its sequence.  Purpose: what a step says of earlier
// ones is said of variables of its own row, so that everything that is right for rows is right for steps.
// Before: a model with a `sequence`. After: `z[t-1]` is a variable of the row, with values along an axis of
// its own (`Model::lags`); factors that hold for some rows of a series alone say which (`Factor::steps`); the
// place of a row in its series is a `given` with the name of the sequence. What cannot be said so stands in
// `Model::unsupported`.
//
//   P(z[first]) = Categorical(start)   P(z[t] | z[t-1]) = Categorical(move[z[t-1]])       move: simplex[K, K]
//   ->  P(z) of step 0                  P(z | z[t-1]) from step 1                          z[t-1]:
//   category[K.1], move: simplex[K.1, K]

#include "ir/model/model.h"

namespace lvm::ir {

Model chain_rows(const Model& model);
/// The same of a model with a sequence, any other as it is.
Model by_steps(const Model& model);

/// How many steps before its own a row speaks of: 0 without lags.
int longest_lag(const Model& model);
/// The variable that is `of`, `steps` rows before; `of` itself for 0, -1 where no factor mentions it.
int lagged(const Model& model, int of, int steps);
/// The variable is a Lag.
bool is_lag(const Model& model, int variable);

}  // namespace lvm::ir
