#pragma once
// Fits that take rows in as they arrive: one step of incremental EM for each table (Neal and Hinton 1998;
// with a decay the stepwise EM of Cappé and Moulines 2009). What is kept of all rows before are their
// sufficient statistics, about the present means.

#include "api/state.h"

namespace lvm {

/// `fitted` with the sums of the rows that it was fitted to; a report with errors where the model's updates
/// need more than sums that can be moved to other means.
FittedModel with_sums(const Fit& fit);

/// The sums of the rows, at the parameters that they meet, are added to `decay` times those before, and the
/// parameters follow.
FittedModel updated(const FittedModel& fitted, const Data& data, double decay, int threads = 0);

}  // namespace lvm
