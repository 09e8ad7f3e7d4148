#pragma once
// Random mixtures with random data and a start, from one seed: every form, sizes from tiny to thousands of
// rows, any scale and offset.

#include <cstdint>
#include <string>
#include <vector>

#include "api/lvm.h"

namespace lvm::numeric {

struct RandomMixture {
  std::string form;
  int64_t rows = 0, columns = 0, K = 0;
  std::vector<double> data;     // rows x columns, row-major
  std::vector<double> weights;  // of the rows, some 0; empty: none
  bool missing = false;         // some cells are NaN
  std::vector<Values> start;
  /// The rounding of a mean, in standard deviations of its column, at worst: eps * |mean| / sd.
  double mean_rounding = 0;

  std::string describe() const;
  BindOptions binding() const;
  Model model() const;
  Data table() const;
  /// How many rows the fit counts.
  double total_weight() const;
};

/// Case number `seed`; the forms take turns.
RandomMixture random_mixture(uint64_t seed, int64_t most_rows);
/// Takes cells out of its data, in each column another part of them and at most half; NaN stands for them.
void remove_cells(RandomMixture& mixture, uint64_t seed);

}  // namespace lvm::numeric
