#include "runtime/random.h"

#include <cmath>
#include <numbers>

namespace lvm::runtime {
namespace {

constexpr uint32_t multiplier_0 = 0xD2511F53, multiplier_1 = 0xCD9E8D57;
constexpr uint32_t weyl_0 = 0x9E3779B9, weyl_1 = 0xBB67AE85;  // golden ratio, sqrt(3) - 1
constexpr int rounds = 10;

uint32_t high(uint64_t x) {
  return static_cast<uint32_t>(x >> 32);
}
uint32_t low(uint64_t x) {
  return static_cast<uint32_t>(x);
}

/// The upper 53 bits as a multiple of 2^-53 in [0, 1).
double to_uniform(uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int i = 0; i < rounds; ++i) {
    const uint64_t p0 = uint64_t{multiplier_0} * counter[0];
    const uint64_t p1 = uint64_t{multiplier_1} * counter[2];
    counter = {high(p1) ^ counter[1] ^ key[0], low(p1), high(p0) ^ counter[3] ^ key[1], low(p0)};
    key = {key[0] + weyl_0, key[1] + weyl_1};
  }
  return counter;
}

std::array<uint32_t, 4> Random::block(int64_t row, uint32_t element) const {
  const auto r = static_cast<uint64_t>(row);
  const uint32_t place = (static_cast<uint32_t>(site_) << 16) | (high(r) & 0xFFFFu);
  return philox4x32({low(r), element, step_, place}, {low(seed_), high(seed_)});
}

uint64_t Random::bits(int64_t row, uint32_t element) const {
  const auto b = block(row, element);
  return (uint64_t{b[1]} << 32) | b[0];
}

double Random::uniform(int64_t row, uint32_t element) const {
  return to_uniform(bits(row, element));
}

std::array<double, 2> Random::normal_pair(int64_t row, uint32_t element) const {
  // Box & Muller 1958; 1 - u lies in (0, 1].
  const auto b = block(row, element);
  const double u = to_uniform((uint64_t{b[1]} << 32) | b[0]);
  const double angle = 2 * std::numbers::pi * to_uniform((uint64_t{b[3]} << 32) | b[2]);
  const double radius = std::sqrt(-2 * std::log(1 - u));
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

double Random::normal(int64_t row, uint32_t element) const {
  return normal_pair(row, element)[0];
}

int64_t Random::index(int64_t count, int64_t row, uint32_t element) const {
  // The upper half of a 128-bit product: the bias is below count / 2^64.
  const auto n = static_cast<uint64_t>(count);
  const uint64_t b = bits(row, element);
  const uint64_t low_product = (b & 0xFFFFFFFFu) * (n & 0xFFFFFFFFu);
  const uint64_t middle_0 = (b >> 32) * (n & 0xFFFFFFFFu) + (low_product >> 32);
  const uint64_t middle_1 = (b & 0xFFFFFFFFu) * (n >> 32) + (middle_0 & 0xFFFFFFFFu);
  return static_cast<int64_t>((b >> 32) * (n >> 32) + (middle_0 >> 32) + (middle_1 >> 32));
}

}  // namespace lvm::runtime
