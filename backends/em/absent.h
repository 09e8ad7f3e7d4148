#pragma once
// Absent cells in the M-step: what keeps a parameter from being estimated from nothing, and the statistics of
// vectors that are observed in part.

#include "backends/em/solvers.h"

namespace lvm::em {

/// Checks that each element of a free parameter has observed cells behind it.
void check_cells(UpdateContext& context);

/// The statistics of the rows of one pattern, completed. Of d = y - mean with zeros where a cell is absent,
/// E[d | observed] = A d and C = Cov[d | observed] are the same for all of these rows, so that
///
///   sum of w E[d] = A s1,     sum of w E[d d'] = A s2 A' + n C
///
/// need the rows no more: they are read by the same kernel as complete ones. Without outputs where no
/// statistic needs it; asks for no statistic that the table lacks.
ir::Function impute(ir::Module& module, const Setting& setting, const std::vector<Emission>& emissions,
                    StatisticTable& statistics);
/// Adds A and C of each factor that `impute` reads to the function over rows.
void write_imputation(Builder& combined, Expansion& expand, const std::vector<Emission>& emissions,
                      const StatisticTable& statistics);

}  // namespace lvm::em
