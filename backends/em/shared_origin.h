#pragma once
// Moments about one origin for all states of a latent. About each state's own mean a row has other
// differences, and other products of differences, in every state; about an origin they are formed once.
//
//   m = mean - origin,   t1 = sum of w (y - o),   t2 = sum of w (y - o)(y - o)'
//   s1 = t1 - n m,       s2 = t2 - m t1' - t1 m' + n m m'
//
// The origin is the mean of the states' means. What s2 loses to rounding grows with the squared distance of
// a mean from it, in standard deviations: `separation`, which the run time holds against a bound.

#include "backends/em/statistics.h"

namespace lvm::em {

/// Where in the list the factors are whose moments `rows_about_origin` takes so: their means are of
/// parameters alone and no statistic joins states of different means; few elements, because of long vectors
/// the pairs are too many to keep.
std::vector<size_t> with_shared_origin(const Setting& setting, const std::vector<Emission>& emissions,
                                       const StatisticTable& statistics);

/// The function `recentre`. Asks for the statistics that it needs: made before they are written.
ir::Function recentre(ir::Module& module, const Setting& setting, const std::vector<Emission>& emissions,
                      StatisticTable& statistics, const std::vector<size_t>& shared);

}  // namespace lvm::em
