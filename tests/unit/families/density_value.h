#pragma once
// One row of the tables that tests/oracles/densities.py writes.

#include <cstddef>
#include <limits>
#include <vector>

namespace lvm::test {

struct DensityValue {
  const char* parameterisation;
  double value;
  std::vector<double> slots;
  double log_density;
  std::vector<std::size_t> free;  // the slots whose derivatives follow
  std::vector<double> first, second;
};

inline constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace lvm::test
