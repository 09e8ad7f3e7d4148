#pragma once
// Decimals to the nearest double, bit for bit as std::from_chars gives them, at the speed of memory.

#include <bit>
#include <cstdint>
#include <cstring>

namespace lvm::runtime {

/// The double nearest to `digits` · 10^`exponent`, or false where that takes more bits than are looked at (3
/// in 1000).
bool nearest_double(uint64_t digits, int64_t exponent, double& value);

/// A number that begins at `at`: an optional minus, digits with at most one point, an optional exponent.
/// Returns its end, or null for what is left to others: no digits, more than 19 significant ones, very large
/// exponents, and the rare close call of `nearest_double`. What follows the number is not looked at.
inline const char* read_fast_decimal(const char* at, const char* end, double& value);

namespace decimal {

inline uint64_t load(const char* at) {
  uint64_t bytes = 0;
  std::memcpy(&bytes, at, 8);
  return bytes;
}

/// How many of the eight characters are digits before the first other one.
inline int leading_digits(uint64_t bytes) {
  // A digit is 0x30 … 0x39: its high nibble is 3, and stays 3 when 6 is added. A carry out of a byte above
  // 0xF9 spoils only later bytes.
  const uint64_t odd = ((bytes & 0xF0F0F0F0F0F0F0F0u) ^ 0x3030303030303030u) |
                       (((bytes + 0x0606060606060606u) & 0xF0F0F0F0F0F0F0F0u) ^ 0x3030303030303030u);
  return std::countr_zero(odd) / 8;
}

/// The number that eight digits write: pairs, then fours, then all.
inline uint64_t eight_digits(uint64_t bytes) {
  bytes = (bytes & 0x0F0F0F0F0F0F0F0Fu) * 2561 >> 8;
  bytes = (bytes & 0x00FF00FF00FF00FFu) * 6553601 >> 16;
  return (bytes & 0x0000FFFF0000FFFFu) * 42949672960001u >> 32;
}

inline constexpr uint64_t powers_of_ten[9] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

inline constexpr double exact_powers[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                            1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/// Appends the digits at `at` to `digits`; overflows where there are more than 19, which the caller counts.
inline const char* read_digits(const char* at, const char* end, uint64_t& digits) {
  while (end - at >= 8) {
    const uint64_t bytes = load(at);
    const int count = leading_digits(bytes);
    if (count == 0) return at;  // a shift by 64 has no meaning in C++
    digits =
        digits * powers_of_ten[count] + eight_digits(bytes << (64 - 8 * count));  // zeros move in before them
    at += count;
    if (count < 8) return at;
  }
  for (; at != end && *at >= '0' && *at <= '9'; ++at) digits = digits * 10 + static_cast<uint64_t>(*at - '0');
  return at;
}

}  // namespace decimal

inline const char* read_fast_decimal(const char* at, const char* end, double& value) {
  static_assert(std::endian::native == std::endian::little);
  // Signs come as they like: they are moved as bits, which no branch predictor has to guess.
  const bool negative = at != end && *at == '-';
  at += negative ? 1 : 0;
  const char* begin = at;
  uint64_t digits = 0;
  at = decimal::read_digits(at, end, digits);
  int64_t count = at - begin;
  int64_t exponent = 0;
  if (at != end && *at == '.') {
    const char* fraction = ++at;
    at = decimal::read_digits(at, end, digits);
    exponent = fraction - at;
    count -= exponent;
  }
  if (count == 0) return nullptr;
  if (count > 19) {
    for (const char* zero = begin; zero != at && (*zero == '0' || *zero == '.'); ++zero)
      count -= *zero == '0' ? 1 : 0;
    if (count > 19) return nullptr;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    const char* mark = at++;
    const bool down = at != end && *at == '-';
    if (at != end && (*at == '-' || *at == '+')) ++at;
    uint64_t power = 0;
    const char* first = at;
    at = decimal::read_digits(at, end, power);
    if (at == first) {
      at = mark;  // "1e" is the number 1 and a letter
    } else if (at - first > 4) {
      return nullptr;
    }
    exponent += down ? -static_cast<int64_t>(power) : static_cast<int64_t>(power);
  }
  double magnitude = 0;
  if (digits <= (uint64_t{1} << 53) && exponent <= 0 && exponent >= -22) {
    // Both are exact, so that one division rounds correctly (Clinger 1990).
    magnitude = static_cast<double>(static_cast<int64_t>(digits)) / decimal::exact_powers[-exponent];
  } else if (!nearest_double(digits, exponent, magnitude)) {
    return nullptr;
  }
  value = std::bit_cast<double>(std::bit_cast<uint64_t>(magnitude) | uint64_t{negative} << 63);
  return at;
}

}  // namespace lvm::runtime
