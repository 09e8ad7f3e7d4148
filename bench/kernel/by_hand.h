#pragma once
// The E-step and the sums of a Gaussian mixture as one would write them by hand for AVX2 or AVX-512: what
// compiled code is measured against.

#include <cstdint>
#include <vector>

namespace lvm::bench {

/// ln w - D/2 ln 2π - ln |L|, the means, and the rows of L^-1 (the lower triangle, D (D + 1) / 2 each;
/// diagonal: D reciprocal deviations).
struct Mixture {
  int64_t components = 0, columns = 0;
  bool diagonal = false;
  std::vector<double> log_norm, mean, whiten;
};

/// Sums over rows of r, r d and r d d' (row-major K, D, D, its lower triangle; diagonal: r d²), d from the
/// component's mean.
struct Sums {
  double objective = 0;
  std::vector<double> n, s1, s2;
};

using AddRows = void (*)(const Mixture& mixture, const double* const* columns, int64_t rows, Sums& sums);

/// The kernel for the mixture, or null: there is one for 2, 8, 32 or 64 columns (diagonal: 8). Columns are
/// aligned to 64 bytes, and rows are a multiple of 16.
namespace avx2 {
AddRows rows_adder(const Mixture& mixture);
}
namespace avx512 {
AddRows rows_adder(const Mixture& mixture);
}

}  // namespace lvm::bench
