#pragma once
// Latents of the whole model (ir/passes/global_posteriors): their place in densities, what stands beside it,
// and their part of the bound.
//
// A log density that is linear in statistics of v has the expectation of its value at one v, the place, plus
// a correction that holds no value of a row but a weight: with natural parameters eta(v) and ln p = eta' T(y)
// - A(v) the place has eta = E eta, and the correction is A(place) - E A (Beal 2003, theorem 2.2). With psi
// the digamma function:
//
//   q(v)                       place                           correction, of a factor
//   Dirichlet(alpha)           exp(psi(alpha) - psi(sum))      none:  ln p is linear in ln v
//   Beta(a, b)                 sigmoid(t), t = psi(a) - psi(b) n (psi(b) - psi(a + b) + softplus(t)),  n
//   trials Gamma(shape, rate)         shape / rate                    a (psi(shape) - ln shape),  ln p = a ln
//   v - b v InverseGamma(shape, scale) scale / shape                   the same of 1 / v Normal(mean, var)
//   mean                            -1/2 var E[precision] Normal(mean, V / kappa)    mean -1/2 D / kappa
//   Wishart(df, scale)         df scale                        1/2 (psi(df/2) + … + psi((df - D + 1)/2) + D
//   ln(2 / df)) InverseWishart(df, scale)  scale / df                      the same
// (Bishop 2006, eq. 10.64-10.66, B.79-B.82).

#include <utility>
#include <vector>

#include "backends/em/solvers.h"

namespace lvm::em {

/// The latent of the whole model of this name; null: a parameter, or none.
const ir::Variable* global_named(const Setting& setting, const std::string& name);
bool has_globals(const Setting& setting);

NodeId place_of(Builder& b, const Setting& setting, const ir::Variable& global);

/// What stands beside the density of each element of the factor; no_node where nothing does. `expand`: into
/// `b`.
NodeId correction(Builder& b, Expansion& expand, const Setting& setting, const Emission& emission);

/// The new parameters of q, by their suffixes.
void write_posterior(UpdateContext& context, const ir::Variable& global,
                     const std::vector<std::pair<const char*, NodeId>>& parts);

/// The precision or variance in the prior of a latent of the whole model, from the squares that q of that
/// latent expects:
///   p(w | a) = Normal(m0, precision: a):  shape + n / 2,  rate + 1/2 sum of E[(w - m0)^2]   (Bishop 2006,
///   eq. 10.96-10.98).
void solve_shrinkage(UpdateContext& context, const ir::Block& block);

/// - sum of KL(q(v) || P(v)) over the latents of the whole model, of parameters alone. no_node: there are
/// none.
NodeId minus_divergence(UpdateContext& context);

}  // namespace lvm::em
