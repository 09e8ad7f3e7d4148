#pragma once
// kmeans_assignment: the hard assignment that starts a run. k-means++ and a few Lloyd steps on the
// standardised data columns of at most 20,000 rows, then every row to its nearest centre (Arthur &
// Vassilvitskii 2007, with their greedy candidates).

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/bind.h"
#include "runtime/pool.h"

namespace lvm::runtime {

struct Clustering {
  int64_t states = 0;
  std::vector<std::string> features = {};  // variables that are looked at
  std::vector<std::string> angles = {};  // those of them that are looked at on the circle, as (cos x, sin x)
  const double* labels = nullptr;  // a state for rows that keep it, NaN for others; null: no row has one
};

/// One state in [0, states) a row; every state has a row when rows >= states. Where there are fewer distinct
/// rows than states the assignment is random. A state that has labels starts from the mean of its rows.
std::vector<double> kmeans_assignment(const BoundData& data, const Clustering& clustering, uint64_t seed,
                                      uint32_t restart, Pool& pool);

}  // namespace lvm::runtime
