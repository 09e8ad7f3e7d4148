#include "runtime/decimal.h"

#include <array>

namespace lvm::runtime {
namespace {

__extension__ using Wide = unsigned __int128;

/// 10^q is in [top, top + 2) · 2^exponent, and top has its highest bit set.
struct Power {
  uint64_t top = 0;
  int64_t exponent = 0;
};

constexpr int64_t most_power = 280;  // so that all results are normal: 19 digits times 10^±280

/// 10^q for |q| <= most_power. Each step cuts off less than four units of the last of 128 bits, so that after
/// 280 steps the upper 64 bits are at most one too small.
constexpr std::array<Power, 2 * most_power + 1> make_powers() {
  std::array<Power, 2 * most_power + 1> powers;
  const auto put = [&](int64_t q, Wide bits, int64_t exponent) {
    powers[static_cast<size_t>(q + most_power)] = {static_cast<uint64_t>(bits >> 64), exponent + 64};
  };
  constexpr Wide one = Wide{1} << 127;
  Wide bits = one;
  int64_t exponent = -127;
  put(0, bits, exponent);
  for (int64_t q = 1; q <= most_power; ++q) {
    // 10 = 1.25 · 2^3
    const Wide quarter = bits >> 2;
    exponent += 3;
    if (bits > ~Wide{0} - quarter) {
      bits = (bits >> 1) + (quarter >> 1);
      ++exponent;
    } else {
      bits += quarter;
    }
    put(q, bits, exponent);
  }
  bits = one;
  exponent = -127;
  for (int64_t q = 1; q <= most_power; ++q) {
    // Divided by 10 with three bits more than are kept: bits / 10 · 2^3 = bits · 8 / 10.
    Wide quotient = bits / 10, rest = bits % 10;
    quotient = quotient * 8 + rest * 8 / 10;
    exponent -= 3;
    if ((quotient >> 127) == 0) {
      quotient = quotient * 2 + (rest * 8 % 10) * 2 / 10;
      --exponent;
    }
    bits = quotient;
    put(-q, bits, exponent);
  }
  return powers;
}

constexpr std::array<Power, 2 * most_power + 1> powers = make_powers();

}  // namespace

// With `digits` normalised to w (highest bit set) the value is in [w · top, w · top + 2 w) · 2^e, two bounds
// that differ by less than 2^65 of 2^127. Where both round to the same double, that is the nearest one; no
// tie lies between them.
bool nearest_double(uint64_t digits, int64_t exponent, double& value) {
  if (digits == 0) {
    value = 0;
    return true;
  }
  if (exponent < -most_power || exponent > most_power) return false;
  const Power& power = powers[static_cast<size_t>(exponent + most_power)];
  const int zeros = std::countl_zero(digits);
  const Wide product = static_cast<Wide>(digits << zeros) * power.top;
  const auto high = static_cast<uint64_t>(product >> 64);
  const int shift = (high >> 63) != 0 ? 11 : 10;
  const uint64_t half = uint64_t{1} << (shift - 1);
  const uint64_t rest = high & (2 * half - 1);
  constexpr uint64_t slack = 3;  // 2 w and what stands below `high`
  if (rest + slack >= half && rest <= half) return false;
  const uint64_t mantissa = (high >> shift) + (rest > half ? 1 : 0);
  const int64_t scale = power.exponent - zeros + 64 + shift;
  value = static_cast<double>(static_cast<int64_t>(mantissa)) *
          std::bit_cast<double>(static_cast<uint64_t>(scale + 1023) << 52);
  return true;
}

}  // namespace lvm::runtime
