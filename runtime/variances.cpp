#include "runtime/variances.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace lvm::runtime {
namespace {

using Slots = SlotValues;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double pi = 3.14159265358979323846;

double of_p(double p) {
  return p * (1 - p);
}
double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}
double square(double x) {
  return x * x;
}

struct Row {
  std::string_view parameterisation;
  Variance variance;
};

#define LVM_VARIANCE [](const Slots& s) -> double

/// Johnson, Kotz & Balakrishnan 1994–1995 (continuous), Johnson, Kemp & Kotz 2005 (discrete).
const Row rows[] = {{"Normal.mean.sd", LVM_VARIANCE{return square(s[1][0]);
}  // namespace
}  // namespace lvm::runtime
, {"Normal.mean.var", LVM_VARIANCE{return s[1][0];
}
}
, {"Normal.mean.precision", LVM_VARIANCE{return 1 / s[1][0];
}
}
, {"LogNormal.log_mean.log_sd",
   LVM_VARIANCE{return std::expm1(square(s[1][0])) * std::exp(2 * s[0][0] + square(s[1][0]));
}
}
, {"Laplace.location.scale", LVM_VARIANCE{return 2 * square(s[1][0]);
}
}
, {"Logistic.location.scale", LVM_VARIANCE{return square(pi * s[1][0]) / 3;
}
}
, {"StudentT.df.location.scale",
   LVM_VARIANCE{return s[0][0] > 2 ? square(s[2][0]) * s[0][0] / (s[0][0] - 2) : infinity;
}
}
, {"Uniform.low.high", LVM_VARIANCE{return square(s[1][0] - s[0][0]) / 12;
}
}
, {"Exponential.rate", LVM_VARIANCE{return 1 / square(s[0][0]);
}
}
, {"Exponential.scale", LVM_VARIANCE{return square(s[0][0]);
}
}
, {"Gamma.shape.rate", LVM_VARIANCE{return s[0][0] / square(s[1][0]);
}
}
, {"Gamma.shape.scale", LVM_VARIANCE{return s[0][0] * square(s[1][0]);
}
}
, {"Gamma.shape.mean", LVM_VARIANCE{return square(s[1][0]) / s[0][0];
}
}
, {"InverseGamma.shape.scale",
   LVM_VARIANCE{return s[0][0] > 2 ? square(s[1][0] / (s[0][0] - 1)) / (s[0][0] - 2) : infinity;
}
}
, {"Beta.a.b", LVM_VARIANCE{return s[0][0] * s[1][0] / (square(s[0][0] + s[1][0]) * (s[0][0] + s[1][0] + 1));
}
}
, {"Weibull.shape.scale", LVM_VARIANCE{return square(s[1][0]) * (std::tgamma(1 + 2 / s[0][0]) -
                                                                 square(std::tgamma(1 + 1 / s[0][0])));
}
}
, {"Bernoulli.p", LVM_VARIANCE{return of_p(s[0][0]);
}
}
, {"Bernoulli.logits", LVM_VARIANCE{return of_p(logistic(s[0][0]));
}
}
, {"Binomial.n.p", LVM_VARIANCE{return s[0][0] * of_p(s[1][0]);
}
}
, {"Binomial.n.logits", LVM_VARIANCE{return s[0][0] * of_p(logistic(s[1][0]));
}
}
, {"Poisson.rate", LVM_VARIANCE{return s[0][0];
}
}
, {"Poisson.log_rate", LVM_VARIANCE{return std::exp(s[0][0]);
}
}
, {"NegativeBinomial.mean.shape", LVM_VARIANCE{return s[0][0] + square(s[0][0]) / s[1][0];
}
}
, {"Geometric.p", LVM_VARIANCE{return (1 - s[0][0]) / square(s[0][0]);
}
}
,
}
;

#undef LVM_VARIANCE

}  // namespace

Variance find_variance(std::string_view parameterisation) {
  const auto* found = std::ranges::find(rows, parameterisation, &Row::parameterisation);
  return found == std::end(rows) ? nullptr : found->variance;
}

}  // namespace lvm::runtime
