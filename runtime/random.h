#pragma once
// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as
// easy as 1, 2, 3"). A number is a pure function of (seed, site, step, row, element), so that it is the same
// for any split of the work.

#include <array>
#include <cstdint>

namespace lvm::runtime {

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// The places in lvm that draw.
enum class Site : uint16_t {
  kmeans_sample,
  kmeans_seed,
  random_assignment,
  user,
  initial_value,
  shuffle,
  noise,
  held_out_noise,
  score_noise
};

class Random {
 public:
  Random(uint64_t seed, Site site, uint32_t step) : seed_(seed), site_(site), step_(step) {}
  uint64_t bits(int64_t row, uint32_t element = 0) const;
  /// Four independent words of 32 bits; the first two make `bits`.
  std::array<uint32_t, 4> block(int64_t row, uint32_t element = 0) const;
  /// In [0, 1), a multiple of 2^-53.
  double uniform(int64_t row, uint32_t element = 0) const;
  double normal(int64_t row, uint32_t element = 0) const;
  /// Two for the price of one; the first is `normal` of the same place.
  std::array<double, 2> normal_pair(int64_t row, uint32_t element = 0) const;
  /// In [0, count).
  int64_t index(int64_t count, int64_t row, uint32_t element = 0) const;

 private:
  uint64_t seed_;
  Site site_;
  uint32_t step_;
};

}  // namespace lvm::runtime
