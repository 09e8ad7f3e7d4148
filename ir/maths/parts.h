#pragma once
// What several bodies share: splitting a real into exponent and fraction without the instructions that AVX2
// lacks (conversions of 64-bit integers, arithmetic shifts). Adding 1.5 * 2^52 leaves the nearest integer in
// the low bits.

#include "ir/maths/maths.h"

namespace lvm::maths {

inline constexpr double magic = 0x1.8p52;
inline constexpr double ln2_high = 0x1.62e42feep-1;  // 33 bits: k * ln2_high is exact for |k| < 2^20
inline constexpr double ln2_low = 0x1.a39ef35793c76p-33;
inline constexpr double log2_e = 0x1.71547652b82fep+0;
inline constexpr double infinity = __builtin_inf();
inline constexpr double not_a_number = __builtin_nan("");

/// exp(x) = 2^k (1 + tail), |tail| < 0.42; k as a real.
struct ExpParts {
  Value k, tail;
};
ExpParts split_exp(Builder& b, Value x);

/// 2^k for a real integer k in [-1022, 1023].
Value two_to(Builder& b, Value k);

/// x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), for normal x > 0; e as a real.
struct LogParts {
  Value e, f;
};
LogParts split_log(Builder& b, Value x);

/// log(1 + f) - f for the f of LogParts.
Value log_tail(Builder& b, Value f);

/// log x = high + low for normal x > 0, with an error below 1e-17.
struct LogInTwo {
  Value high, low;
};
LogInTwo log_in_two(Builder& b, Value x);

}  // namespace lvm::maths
