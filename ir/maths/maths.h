#pragma once
// Functions of one real as Loop bodies, at the width of their argument. At most 2 ULP over the whole range,
// subnormal results included; NaN stays NaN. Where a page of reasons is needed it stands in the file of the
// function.

#include "ir/loop/builder.h"

namespace lvm::maths {

using loop::Builder;
using loop::Value;

Value exp(Builder& b, Value x);
/// exp of what is not above 0, where results below the least normal number may be 0: the terms of a sum that
/// has a term 1.
Value exp_of_nonpositive(Builder& b, Value x);
Value expm1(Builder& b, Value x);
Value log(Builder& b, Value x);
/// log of a normal number > 0, infinity or NaN; something finite for any other.
Value log_of_normal(Builder& b, Value x);
Value log1p(Builder& b, Value x);
Value tanh(Builder& b, Value x);
Value sigmoid(Builder& b, Value x);
Value softplus(Builder& b, Value x);
Value erf(Builder& b, Value x);
/// exp(x^2) erfc(x), within 6 ULP.
Value erfcx(Builder& b, Value x);
/// For |x| < 3e9; beyond, the error grows by 1e-17 |x|.
Value cos(Builder& b, Value x);
Value sin(Builder& b, Value x);
/// Beyond 2 ULP its relative error grows by 1e-17 |y|.
Value pow(Builder& b, Value x, Value y);
/// Near its zeros at x < 0 the error is absolute: 4e-16 (1 + |log|sin(pi x)||).
Value lgamma(Builder& b, Value x);
/// For x > 0; NaN elsewhere.
Value digamma(Builder& b, Value x);
Value trigamma(Builder& b, Value x);
/// Binet's function, what Stirling's formula leaves of lgamma, and its first two derivatives, for x >= 0; NaN
/// below. Within 6 ULP, or 5e-16 below 1.
Value binet(Builder& b, Value x);
Value binet_slope(Builder& b, Value x);
Value binet_curve(Builder& b, Value x);
/// log I0 - |x|, I1 / I0 and its derivative, within 6, 8 and 12 ULP.
Value log_bessel(Builder& b, Value x);
Value bessel_ratio(Builder& b, Value x);
Value bessel_slope(Builder& b, Value x);

/// ln z of z ~ Gamma(shape, 1) at the quantile of a standard normal number, and its derivative in the shape:
/// within 2e-11, relative to the width of ln z and to the derivative, for shapes from 1e-3 to 1e6 and noise
/// within 7.
Value log_gamma_draw(Builder& b, Value shape, Value noise);
Value log_gamma_draw_slope(Builder& b, Value shape, Value log_value);

}  // namespace lvm::maths
