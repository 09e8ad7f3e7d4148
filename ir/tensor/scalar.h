#pragma once
// The value of each pointwise op on doubles: what the interpreter computes element by element and what
// constants fold to.

#include "ir/tensor/tensor.h"

namespace lvm::ir {

using Scalar1 = double (*)(double);
using Scalar2 = double (*)(double, double);

/// nullptr for ops that are not pointwise with that many inputs.
Scalar1 scalar1(Op op);
Scalar2 scalar2(Op op);

/// psi(x) and psi'(x) by upward recurrence and the asymptotic series (Abramowitz & Stegun 6.3.18, 6.4.12);
/// reflection below zero.
double digamma(double x);
double trigamma(double x);
/// NaN below 0.
double binet(double x);
double binet_slope(double x);
double binet_curve(double x);
double log_bessel(double x);
double bessel_ratio(double x);
double bessel_slope(double x);
double erfcx(double x);
/// gamma_draw.cpp. NaN for shapes that are not positive.
double log_gamma_draw(double shape, double noise);
double log_gamma_draw_slope(double shape, double log_value);

/// The greater, and NaN where either is.
double greater(double a, double b);

}  // namespace lvm::ir
