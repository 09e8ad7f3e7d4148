// Certificates of every family and every solver that can be fitted, on random rows.

#include <set>

#include "api/state.h"
#include "ir/families/family.h"
#include "support.h"

namespace lvm::certified {
namespace {

struct Case {
  std::string declarations, factors, given = "";
  /// "name solver" of what is to be certified beside `z` and `weight`.
  std::vector<std::string> solvers;
};

const std::string counts = "data y: count  ", reals = "data y: real  ", positives = "data y: positive  ",
                  units = "data y: unit  ", vectors = "axis D = columns  data y: real[D]  ",
                  matrices = "axis D = columns  data y: covariance[D]  ";

// One case a line.
// clang-format off
const std::vector<Case> cases = {
    // Normal: mean and spread, tied and not, held, by each of its slots
    {reals + "param m: real[K]  param s: positive[K]", "P(y | z) = Normal(m[z], sd: s[z])", "", {"m moments", "s scatter"}},
    {reals + "param m: real[K]  param s: positive", "P(y | z) = Normal(m[z], var: s)", "", {"m moments", "s scatter"}},
    {reals + "param m: real[K]  param s: positive[K]", "P(y | z) = Normal(m[z], precision: s[z])", "", {"m moments", "s scatter"}},
    {reals + "param m: real  param s: positive[K]", "P(y | z) = Normal(m, sd: s[z])", "", {"m moments", "s scatter"}},
    {reals + "param m: real[K] = [0, 1] fixed  param s: positive[K]", "P(y | z) = Normal(m[z], sd: s[z])", "", {"m held", "s scatter"}},
    {reals + "param m: real[K]  param s: positive = 2 fixed", "P(y | z) = Normal(m[z], sd: s)", "", {"m moments", "s held"}},
    {reals + "given x: positive  param m: real[K] = [0, 1] fixed  param s: positive[K]", "P(y | z, x) = Normal(m[z], sd: s[z] * x)", ", x", {"m held"}},
    {vectors + "param m: real[K, D]  param s: positive[K, D]", "P(y | z) = Normal(m[z], var: s[z])", "", {"m moments", "s scatter"}},
    {vectors + "param m: real[K, D]  param s: positive[K]", "P(y | z) = Normal(m[z], sd: s[z])", "", {"m moments", "s scatter"}},
    {vectors + "param m: real[K, D]  param s: positive[D]", "P(y | z) = Normal(m[z], precision: s)", "", {"m moments", "s scatter"}},
    {vectors + "param m: real[D]  param s: positive[K, D]", "P(y | z) = Normal(m, var: s[z])", "", {"m moments", "s scatter"}},
    {vectors + "param m: real[K, D]  param s: covariance[K, D]", "P(y | z) = Normal(m[z], cov: s[z])", "", {"m moments", "s scatter"}},
    {vectors + "param m: real[K, D]  param s: covariance[D]", "P(y | z) = Normal(m[z], cov: s)", "", {"m moments", "s scatter"}},
    {vectors + "param m: real[K, D]  param s: covariance[D]", "P(y | z) = Normal(m[z], cov: 2 * s)", "", {"m moments", "s scatter"}},
    {"axis D = 2  data y: real[D]  param m: real[K, D] = [[0, 0], [1, 2]] fixed  param s: covariance[K, D]", "P(y | z) = Normal(m[z], cov: s[z])", "", {"m held", "s scatter"}},
    {"axis D = 2  data y: real[D]  param m: real[K, D]  param s: covariance[D] = [[2, 1], [1, 3]] fixed", "P(y | z) = Normal(m[z], cov: s)", "", {"m moments", "s held"}},
    {"axis D = 2  data y: real[D]  param m: real[K, D]  param s: covariance[D] = [[2, 1], [1, 3]] fixed", "P(y | z) = Normal(m[z], precision_matrix: s)", "", {}},
    {"axis D = 2  data y: real[D]  param m: real[K, D] = [[0, 0], [1, 2]] fixed  param s: covariance[D] = [[2, 1], [1, 3]] fixed", "P(y | z) = Normal(m[z], cholesky: s)", "", {"m held"}},
    {"axis D = 2  axis R = 1  data y: real[D]  param m: real[K, D] = [[0, 0], [1, 2]] fixed  param W: real[K, D, R] = [[[1], [0.5]], [[0.2], [2]]] fixed  param s: positive = 0.7 fixed", "P(y | z) = Normal(m[z], factor: W[z], sd: s)", "", {"m held"}},
    // cells that may be absent
    {"axis D = columns  data y: real[D] missing  param m: real[K, D]  param s: positive[K, D]", "P(y | z) = Normal(m[z], var: s[z])", "", {"m moments", "s scatter"}},
    {"axis D = columns  data y: bool[D] missing  param p: unit[K, D]", "P(y | z) = Bernoulli(p[z])", "", {"p ratio"}},
    {"axis D = columns  data y: real[D] missing  param m: real[K, D]  param s: covariance[K, D]", "P(y | z) = Normal(m[z], cov: s[z])", "", {"m moments", "s scatter"}},
    {"axis D = columns  data y: real[D] missing  param m: real[K, D]  param s: covariance[D]", "P(y | z) = Normal(m[z], cov: s)", "", {"m moments", "s scatter"}},
    // weights of rows
    {reals + "weight w = column(\"n\")  param m: real[K]  param s: positive[K]", "P(y | z) = Normal(m[z], sd: s[z])", "", {"m moments", "s scatter"}},
    // shares
    {"axis D = columns  data y: bool[D]  param p: unit[K, D]", "P(y | z) = Bernoulli(p[z])", "", {"p ratio"}},
    {"data y: bool  param p: real[K]", "P(y | z) = Bernoulli(logits: p[z])", "", {"p Newton"}},
    {"axis V = levels  data y: category[V]  param p: simplex[K, V]", "P(y | z) = Categorical(p[z])", "", {"p normalised counts"}},
    {"axis D = columns  axis V = levels  data y: category[D, V]  param p: simplex[K, D, V]", "P(y | z) = Categorical(p[z])", "", {"p normalised counts"}},
    {counts + "param p: unit[K]", "P(y | z) = Binomial(40, p: p[z])", "", {"p odds"}},
    {counts + "given n: count  param p: unit[K]", "P(y | z, n) = Binomial(n + 60, p: p[z])", ", n", {"p odds"}},
    {"axis V = 3  data y: count[V]  param p: simplex[K, V]", "P(y | z) = Multinomial(20, p: p[z])", "", {"p normalised counts"}},
    {"axis V = 3  data y: count[V]  given n: count  param p: simplex[K, V]", "P(y | z, n) = Multinomial(n, p: p[z])", ", n", {}},
    {counts + "param p: real[K]", "P(y | z) = Binomial(40, logits: p[z])", "", {"p Newton"}},
    {counts + "param p: unit[K]", "P(y | z) = Geometric(p[z])", "", {"p odds"}},
    // rates and scales
    {counts + "param r: positive[K]", "P(y | z) = Poisson(r[z])", "", {"r rate"}},
    {counts + "given x: positive  param r: positive[K]", "P(y | z, x) = Poisson(r[z] * x)", ", x", {"r rate"}},
    {counts + "param r: real[K]", "P(y | z) = Poisson(log_rate: r[z])", "", {"r Newton"}},
    {positives + "param r: positive[K]", "P(y | z) = Exponential(r[z])", "", {"r rate"}},
    {positives + "param r: positive[K]", "P(y | z) = Exponential(scale: r[z])", "", {"r rate"}},
    {positives + "param r: positive[K]", "P(y | z) = Gamma(2, rate: r[z])", "", {"r rate"}},
    {positives + "param r: positive[K]", "P(y | z) = Gamma(2, scale: r[z])", "", {"r rate"}},
    {positives + "param r: positive[K]", "P(y | z) = Gamma(2, mean: r[z])", "", {"r rate"}},
    {positives + "param r: positive[K]", "P(y | z) = InverseGamma(2, scale: r[z])", "", {"r rate"}},
    {reals + "param m: real[K] = [-1, 1] fixed  param s: positive[K]", "P(y | z) = Laplace(m[z], scale: s[z])", "", {"m held", "s rate"}},
    {reals + "param m: real[K]  param s: positive[K]", "P(y | z) = Laplace(m[z], scale: s[z])", "", {"m median", "s rate"}},
    {vectors + "param m: real[K]  param s: positive", "P(y | z) = Laplace(m[z], scale: s)", "", {"m median", "s rate"}},
    {"axis D = 3  data y: real[D] missing  weight w = column(\"n\")  param m: real[D, K]  param s: positive[K, D]", "P(y | z) = Laplace(m[z], scale: s[z])", "", {"m median", "s rate"}},
    // no closed form
    {counts + "param m: positive[K]  param s: positive[K]", "P(y | z) = NegativeBinomial(m[z], shape: s[z])", "", {"m Newton", "s Newton"}},
    {positives + "param a: positive[K]  param r: positive[K]", "P(y | z) = Gamma(a[z], rate: r[z])", "", {"a Newton", "r Newton"}},
    {positives + "param a: positive[K]  param r: positive[K]", "P(y | z) = Gamma(a[z], mean: r[z])", "", {"a Newton", "r Newton"}},
    {positives + "param a: positive[K]  param r: positive[K]", "P(y | z) = InverseGamma(a[z], scale: r[z])", "", {"a Newton", "r Newton"}},
    {units + "param a: positive[K]  param b: positive[K]", "P(y | z) = Beta(a[z], b: b[z])", "", {"a Newton", "b Newton"}},
    {"axis V = 3  data y: simplex[V]  param a: positive[K, V]", "P(y | z) = Dirichlet(a[z])", "", {"a concentration"}},
    {positives + "param m: real[K]  param s: positive[K]", "P(y | z) = LogNormal(m[z], log_sd: s[z])", "", {}},
    {reals + "param m: real[K]  param s: positive[K]", "P(y | z) = Logistic(m[z], scale: s[z])", "", {"m Newton", "s Newton"}},
    {reals + "param m: real[K]  param s: positive[K]", "P(y | z) = StudentT(5, location: m[z], scale: s[z])", "", {"m Newton", "s Newton"}},
    {positives + "param a: positive[K]  param s: positive[K]", "P(y | z) = Weibull(a[z], scale: s[z])", "", {"a Newton", "s Newton"}},
    {reals + "param m: real[K]  param c: positive[K]", "P(y | z) = VonMises(m[z], concentration: c[z])", "", {"m Newton", "c Newton"}},
    {units + "param p: unit[K]", "P(y | z) = ContinuousBernoulli(p[z])", "", {"p Newton"}},
    {units + "param p: real[K]", "P(y | z) = ContinuousBernoulli(logits: p[z])", "", {"p Newton"}},
    {reals + "param m: real[K]  param s: real[K]", "P(y | z) = Normal(m[z], sd: exp(s[z]))", "", {"m Newton", "s Newton"}},
    {positives + "param m: positive[K]  param s: positive", "P(y | z) = Normal(m[z], sd: s * sqrt(m[z]))", "", {"m Newton", "s Newton"}},
    {counts + "param p: unit  param r: positive[K]", "P(y | z) = ZeroInflated(p, Poisson(r[z]))", "", {"p Newton", "r Newton"}},
    {reals + "param m: real[K]  param s: positive[K]", "P(y | z) = Truncated(Normal(m[z], sd: s[z]), low: -20, high: 20)", "", {"m Newton", "s Newton"}},
    {positives + "param r: positive[K]", "P(y | z) = Truncated(Exponential(r[z]), low: 0.5)", "", {"r Newton"}},
    {reals, "P(y) = Uniform(-200, high: 200)", "", {}},
    // in order
    {reals + "param m: ordered[K]  param s: positive[K]", "P(y | z) = Normal(m[z], sd: s[z])", "", {"m moments", "s scatter"}},
    {reals + "param m: ordered[K] ~ Normal(0, var: s / 3)  param s: positive[K]", "P(y | z) = Normal(m[z], var: s[z])", "", {"m moments", "s scatter"}},
    {"axis D = 3  data y: real[D]  param m: ordered[D, K] ~ Normal(0, sd: 2)  param s: positive[K, D]", "P(y | z) = Normal(m[z], sd: s[z])", "", {"m moments", "s scatter"}},
    {"axis D = 5  data y: real[D] missing  param m: ordered[K, D]  param s: positive[D]", "P(y | z) = Normal(m[z], precision: s)", "", {"m moments", "s scatter"}},
    {counts + "param m: ordered[K]", "P(y | z) = Poisson(log_rate: m[z])", "", {"m isotonic"}},
    {counts + "param m: ordered[K]", "P(y | z) = Binomial(40, logits: m[z])", "", {"m isotonic"}},
    {"axis D = 4  data y: bool[D]  param m: ordered[D, K]", "P(y | z) = Bernoulli(logits: m[z])", "", {"m isotonic"}},
    // regressions
    {reals + "given x: real  param a: real[K]  param b: real[K]  param s: positive[K]", "P(y | z, x) = Normal(a[z] + b[z] * x, sd: s[z])", ", x", {"a least squares", "b least squares", "s scatter"}},
    {reals + "given x: real  param a: real  param b: real[K]  param s: positive[K]", "P(y | z, x) = Normal(a + b[z] * x, sd: s[z])", ", x", {}},
    {reals + "axis J = columns  given x: real[J]  param a: real[K]  param b: real[K, J]  param s: positive", "P(y | z, x) = Normal(a[z] + dot(b[z], x), sd: s)", ", x", {"a least squares", "b least squares", "s scatter"}},
    {vectors + "axis J = 2  given x: real[J]  param a: real[K, D]  param b: real[K, D, J]  param s: covariance[D]", "P(y | z, x) = Normal(b[z] * x + a[z], cov: s)", ", x", {"a least squares", "b least squares", "s scatter"}},
    {counts + "given x: real  param a: real[K]  param b: real", "P(y | z, x) = Poisson(log_rate: a[z] + b * tanh(x))", ", x", {"a Newton", "b Newton"}},
    {counts + "axis J = 2  given x: unit[J]  param a: real[K]  param b: real[K, J]", "P(y | z, x) = Poisson(log_rate: a[z] + dot(b[z], x))", ", x", {"a reweighted", "b reweighted"}},
    {"data y: bool  given x: real  param a: real[K]  param b: real[K]", "P(y | z, x) = Bernoulli(logits: a[z] + b[z] * tanh(x))", ", x", {}},
    {vectors + "param m: real[K, D]  param s: correlation[K, D]", "P(y | z) = Normal(m[z], cov: s[z])", "", {"m moments", "s correlation"}},
    {"axis D = columns  data y: real[D] missing  param m: real[K, D]  param s: correlation[D]", "P(y | z) = Normal(m[z], cov: s)", "", {"m moments", "s correlation"}},
    // matrices
    {matrices + "param f: positive[K]  param s: covariance[K, D]", "P(y | z) = Wishart(f[z], scale: s[z])", "", {"f freedom", "s mean matrix"}},
    {matrices + "param f: positive[K]  param s: covariance[D]", "P(y | z) = Wishart(f[z], scale: s)", "", {"f freedom", "s mean matrix"}},
    {matrices + "param f: positive  param s: covariance[K, D]", "P(y | z) = Wishart(f, scale: s[z])", "", {"f freedom", "s mean matrix"}},
    {matrices + "param s: covariance[K, D]", "P(y | z) = Wishart(4, scale: s[z] / 4)", "", {"s mean matrix"}},
    {matrices + "given n: positive  param s: covariance[K, D]", "P(y | z, n) = Wishart(2 + n, scale: s[z])", ", n", {"s mean matrix"}},
    {matrices + "param f: positive[K]", "P(y | z) = Wishart(f[z], scale: I)", "", {"f freedom"}},
    {matrices + "weight w = column(\"n\")  param f: positive[K]  param s: covariance[K, D]", "P(y | z) = InverseWishart(f[z], scale: s[z])", "", {"f freedom", "s mean matrix"}},
    {matrices + "param s: covariance[K, D]", "P(y | z) = InverseWishart(7, scale: s[z])", "", {"s mean matrix"}},
    {matrices + "param f: positive[K] ~ Gamma(3, rate: 0.5)  param s: covariance[D] ~ InverseWishart(6, scale: I)", "P(y | z) = Wishart(f[z], scale: s)", "", {"f freedom", "s mean matrix"}},
    {matrices + "param f: positive[K] ~ Gamma(3, rate: 0.5)  param s: covariance[K, D] ~ Wishart(3, scale: 4 * I)", "P(y | z) = InverseWishart(f[z], scale: s[z])", "", {"f freedom", "s mean matrix"}},
    // priors
    {reals + "param m: real[K] ~ Normal(1, sd: 0.5)  param v: positive[K] ~ InverseGamma(3, scale: 2)", "P(y | z) = Normal(m[z], var: v[z])", "", {"m moments", "v scatter"}},
    {reals + "param m: real[K]  param t: positive[K] ~ Gamma(5, rate: 3)", "P(y | z) = Normal(m[z], precision: t[z])", "", {"m moments", "t scatter"}},
    {"axis D = 2  data y: real[D]  param m: real[K, D]  param s: covariance[K, D] ~ InverseWishart(9, scale: diag([1, 6]))", "P(y | z) = Normal(m[z], cov: s[z])", "", {"m moments", "s scatter"}},
    {"axis D = 2  data y: real[D]  param s: covariance[K, D] ~ InverseWishart(5, scale: diag([1, 2]))  param m: real[K, D] ~ Normal(0.5, cov: s / 3)", "P(y | z) = Normal(m[z], cov: s[z])", "", {"m moments", "s scatter"}},
    {"axis D = 2  data y: real[D]  const o: real[D] = [1, 2]  param s: covariance[D] ~ Wishart(5, scale: diag([1, 2]))  param m: real[K, D] ~ Normal(o, precision_matrix: 3 * s)", "P(y | z) = Normal(m[z], precision_matrix: s)", "", {"m moments", "s scatter"}},
    {"axis D = 2  data y: real[D] missing  param s: covariance[K, D]  param m: real[K, D] ~ Normal(0.5, cov: s / 3)", "P(y | z) = Normal(m[z], cov: s[z])", "", {"m moments", "s scatter"}},
    {reals + "param v: positive[K] ~ InverseGamma(3, scale: 2)  param m: real[K] ~ Normal(1, sd: sqrt(v) / 2)", "P(y | z) = Normal(m[z], var: v[z])", "", {"m moments", "v scatter"}},
    {vectors + "param t: positive[K] ~ Gamma(3, rate: 2)  param m: real[K, D] ~ Normal(1, precision: 3 * t)", "P(y | z) = Normal(m[z], precision: t[z])", "", {"m moments", "t scatter"}},
    {"axis D = columns  data y: bool[D]  param p: unit[K, D] ~ Beta(2, b: 1.5)", "P(y | z) = Bernoulli(p[z])", "", {"p ratio"}},
    {"axis V = 3  data y: category[V]  param p: simplex[K, V] ~ Dirichlet(2.5)", "P(y | z) = Categorical(p[z])", "", {"p normalised counts"}},
    {"axis V = 3  data y: count[V]  param p: simplex[K, V] ~ Dirichlet(2.5)", "P(y | z) = Multinomial(20, p: p[z])", "", {"p normalised counts"}},
    {"axis V = 3  data y: simplex[V]  param a: positive[K, V] ~ Gamma(2, rate: 0.5)", "P(y | z) = Dirichlet(a[z])", "", {"a concentration"}},
    {counts + "param r: positive[K] ~ Gamma(3, rate: 2)", "P(y | z) = Poisson(r[z])", "", {"r rate"}},
    {positives + "param r: positive[K] ~ InverseGamma(3, scale: 2)", "P(y | z) = Exponential(scale: r[z])", "", {"r rate"}},
    {reals + "param m: real[K]  param s: positive[K] ~ LogNormal(1, log_sd: 0.1)", "P(y | z) = Normal(m[z], sd: s[z])", "", {"m Newton", "s Newton"}},
    {reals + "given x: real  param a: real[K] ~ Normal(3, sd: 2)  param b: real[K] ~ Normal(1, sd: 0.5)  param s: positive[K]", "P(y | z, x) = Normal(a[z] + b[z] * x, sd: s[z])", ", x", {"a least squares", "b least squares", "s scatter"}},
};
// clang-format on

/// Models that are no mixture of two with plain weights.
const std::vector<std::string> others = {
    "model m { axis D = columns data y: real[D] param a: real[D] param s: covariance[D] P(y) = Normal(a, "
    "cov: s) }",
    "model m { data y: count param r: positive P(y) = Poisson(3 * r) }",
    "model m { axis D = 3 data y: simplex[D] param a: positive[D] = [1, 2, 3] fixed P(y) = Dirichlet(a) }",
    R"(model m {
      axis K = 3
      axis J = 2
      given x: real[J]
      data y: real
      param a: real[K]
      param b: real[K, J] ~ Normal(0, sd: 3)
      param m: real[K]
      param s: positive
      latent z: category[K]
      P(z | x) = Categorical(logits: a + b * x)
      P(y | z) = Normal(m[z], sd: s)
      q(z | y, x) = exact
    })",
    R"(model m {
      axis K = 3
      axis D = columns
      axis V = levels
      data y: real[D]
      data c: category[V]
      data f: bool
      param weight: simplex[K] ~ Dirichlet(2)
      param m: real[D, K]
      param s: positive[D, K]
      param p: simplex[K, V]
      param f1: unit
      latent z: category[K]
      P(z)     = Categorical(weight)
      P(y | z) = Normal(m[z], sd: s[z])
      P(c | z) = Categorical(p[z])
      P(f)     = Bernoulli(f1)
      q(z | y, c) = exact
    })",
};

/// Several latents, labels, hard EM, masks.
const std::vector<std::string> latents = {
    R"(model m {
      axis A = 2  axis B = 3
      axis D = columns
      data y: real[D]
      param a: simplex[A]
      param move: simplex[A, B]
      param m: real[A, D]
      param s: positive[A, D]
      data x: count
      param r: positive[B]
      latent u: category[A]
      latent v: category[B]
      P(u) = Categorical(a)
      P(v | u) = Categorical(move[u])
      P(y | u) = Normal(m[u], sd: s[u])
      P(x | v) = Poisson(r[v])
      q(u, v | y, x) = exact
    })",
    R"(model m {
      axis A = 2  axis B = 2
      data y: real
      data x: real
      param a: simplex[A]
      param b: simplex[B]
      param m: real[A]
      param n: real[B]
      param s: positive[A]
      latent u: category[A]
      latent v: category[B]
      P(u) = Categorical(a)
      P(v) = Categorical(b)
      P(y | u) = Normal(m[u], sd: s[u])
      P(x | v) = Normal(n[v], sd: 1)
      q(u, v | y, x) = exact
    })",
    R"(model m {
      axis K = 3
      data y: real
      data c: category[K] missing
      param a: simplex[K]
      param m: real[K]
      param s: positive[K]
      P(c) = Categorical(a)
      P(y | c) = Normal(m[c], sd: s[c])
    })",
    R"(model m {
      data y: count
      param p: unit
      param r: positive
      latent b: bool
      P(b) = Bernoulli(p)
      P(y | b) = Poisson(r + 4 * b)
      q(b | y) = exact
    })",
    R"(model m {
      axis K = 2
      axis D = columns
      data y: real[D]
      param a: simplex[K]
      param m: real[K, D]
      param s: covariance[K, D]
      latent z: category[K]
      P(z) = Categorical(a)
      P(y | z) = Normal(m[z], cov: s[z])
      q(z | y) = point
    })",
    // effects of two latents that add up, and that multiply
    R"(model m {
      axis A = 2  axis B = 2
      data y: real
      param a: simplex[A]
      param b: simplex[B]
      param m: real[A]
      param n: real[B]
      param s: positive
      latent u: category[A]
      latent v: category[B]
      P(u) = Categorical(a)
      P(v) = Categorical(b)
      P(y | u, v) = Normal(m[u] + n[v], sd: s)
      q(u, v | y) = exact
    })",
    R"(model m {
      axis A = 2  axis B = 2
      data y: count
      param a: simplex[A]
      param b: simplex[B]
      param r: positive[A]
      param t: positive[B]
      latent u: category[A]
      latent v: category[B]
      P(u) = Categorical(a)
      P(v) = Categorical(b)
      P(y | u, v) = Poisson(r[u] * t[v])
      q(u, v | y) = exact
    })",
    // labels under a latent, and a gate above labels
    R"(model m {
      axis K = 3  axis V = 2
      data y: real
      data c: category[V] missing
      param w: simplex[K]
      param p: simplex[K, V]
      param m: real[K, V]
      param s: positive
      latent z: category[K]
      P(z) = Categorical(w)
      P(c | z) = Categorical(p[z])
      P(y | z, c) = Normal(m[z, c], sd: s)
      q(z, c | y) = exact
    })",
    R"(model m {
      axis K = 3
      data y: real
      data c: category[K] missing
      given x: real
      param a: real[K]
      param b: real[K]
      param m: real[K]
      param s: positive
      P(c | x) = Categorical(logits: a + b * x)
      P(y | c) = Normal(m[c], sd: s)
    })",
    R"(model m {
      axis K = 2
      axis V = 3
      data y: category[V]
      param a: simplex[K]
      param p: simplex[K, V] mask [[1, 1, 0], [1, 1, 1]]
      latent z: category[K]
      P(z) = Categorical(a)
      P(y | z) = Categorical(p[z])
      q(z | y) = exact
    })",
};

void note(const ir::Model& model, std::set<std::string>& parameterisations) {
  for (const ir::Node& node : model.function().nodes)
    if (node.op == ir::Op::logpdf) parameterisations.insert(node.attributes.text);
}

}  // namespace

TEST_CASE("several latents, labels, hard EM and masks are certified") {
  for (const std::string& text : latents) {
    INFO(text);
    const Model model = compile(text);
    INFO(model.report().render());
    CHECK(model.ok());
    if (model.ok()) check_all(certify(model));
  }
}

TEST_CASE("the posterior and the updates of every family are certified") {
  std::set<std::string> solvers, parameterisations;
  for (const std::string& text : others) {
    INFO(text);
    const Model model = compiled(text);
    check_all(certify(model));
    note(*model.state->compiled.model, parameterisations);
  }
  for (const Case& c : cases) {
    const std::string text = mixture(c.declarations, c.factors, c.given);
    INFO(text);
    const Model model = compile(text);
    INFO(model.report().render());
    CHECK(model.ok());
    if (!model.ok()) continue;
    const Certification found = certify(model);
    check_all(found);
    std::set<std::string> seen;
    for (const Certificate& certificate : found.certificates) {
      seen.insert(certificate.name + " " + certificate.solver);
      solvers.insert(certificate.solver);
    }
    for (const std::string& solver : c.solvers) {
      INFO(solver);
      CHECK(seen.contains(solver));
    }
    note(*model.state->compiled.model, parameterisations);
  }
  CHECK(solvers == std::set<std::string>{"concentration", "correlation", "enumerate", "freedom", "held",
                                         "isotonic", "least squares", "mean matrix", "median", "moments",
                                         "Newton", "normalised counts", "odds", "rate", "ratio", "reweighted",
                                         "scatter"});
  // Of the wrapped families one of each kind stands for the others.
  for (const ir::Family& family : ir::families()) {
    const std::string name(family.parameterisation);
    if (name.find("D(") != std::string::npos) continue;
    if (name.starts_with("GumbelSoftmax")) continue;  // that one is a law of draws alone
    INFO(name);
    CHECK(parameterisations.contains(name));
  }
}

}  // namespace lvm::certified
