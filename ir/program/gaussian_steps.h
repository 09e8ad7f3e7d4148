#pragma once
// What passes between compiled code and the Kalman smoother of the run time.

#include <cstdint>
#include <string>

namespace lvm::ir {

/// A Gaussian latent of steps that depend on earlier steps. Rows are steps in order, series behind series.
/// The state of a step is its own elements, then those of the step before, of `order` steps. Beside the other
/// functions a Program has
///   `emissions`  a tile of rows, parameters -> row outputs: what a row says of its step, ln P(data | z) =
///   -z'Jz / 2 + h'z + …,
///                and the law of the step given the ones before,  z_t = sum over k of A_k z_{t-k} + b + N w,
///                w ~ N(0, I).
/// What rows do not differ in are derived values of the same names. The first `laws` - 1 steps of a series
/// have laws of their own. Between `emissions` and any function that reads the posterior the run time smooths
/// the series, and gives a row as data columns the means and roots of the steps 0, 1, … `order` before it
/// given all data, its own mean given the data up to it, and what ln P(data | data of earlier steps) is
/// beyond ln P(data | z) at that mean.
struct GaussianSteps {
  std::string latent;
  int64_t size = 1;  // elements of one step
  int64_t order = 1;
  int64_t laws = 2;
  int64_t states() const { return size * order; }
};

inline constexpr const char* steps_precision_slot = "chain.precision";  // J [size, size]
inline constexpr const char* steps_linear_slot = "chain.linear";        // h [size]
inline constexpr const char* steps_filtered_slot = "chain.filtered";    // data columns, [size]
inline constexpr const char* steps_evidence_slot = "chain.evidence";    // data column
inline std::string transition_slot(int64_t law, int64_t steps) {
  return "chain.transition." + std::to_string(law) + "." + std::to_string(steps);
}
inline std::string offset_slot(int64_t law) {
  return "chain.offset." + std::to_string(law);
}
inline std::string noise_slot(int64_t law) {
  return "chain.noise." + std::to_string(law);
}
inline std::string smoothed_mean_slot(int64_t steps) {
  return "chain.mean." + std::to_string(steps);
}  // data columns, [size]
inline std::string smoothed_root_slot(int64_t steps) {
  return "chain.root." + std::to_string(steps);
}  // data columns, [size, 2 states]

}  // namespace lvm::ir
