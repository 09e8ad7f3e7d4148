#pragma once
// kmeans_assignment: the hard assignment that starts a run. k-means++ and a few Lloyd steps on the standardised data columns of at
// most 20,000 rows, then every row to its nearest centre (Arthur & Vassilvitskii 2007, with their greedy candidates).

#include <cstdint>
#include <vector>

#include "runtime/bind.h"
#include "runtime/pool.h"

namespace lvm::runtime {

/// One state in [0, states) a row; every state has a row when rows >= states. Columns of role `data` alone are looked at.
/// Where there are fewer distinct rows than states the assignment is random.
std::vector<double> kmeans_assignment(const BoundData& data, int64_t states, uint64_t seed, uint32_t restart, Pool& pool);

}  // namespace lvm::runtime
