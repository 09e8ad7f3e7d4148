// Certificates of mean-field posteriors: each family of a latent that rows share, beside latents of rows and
// parameters of every kind.

#include "support.h"

namespace lvm::certified {
namespace {

// One model a line: declarations and factors; the factorisation is that of `auto`.
// clang-format off
const std::vector<std::string> shared = {
    "data y: count  latent r: positive global  P(r) = Gamma(2, rate: 3)  P(y | r) = Poisson(r)",
    "data y: count  given x: positive  latent r: positive global  P(r) = Exponential(rate: 3)  P(y | r, x) = Poisson(x * r)",
    "axis D = 3  data y: positive[D]  latent r: positive[D] global  P(r) = InverseGamma(2, scale: 3)  P(y | r) = Gamma(1.5, scale: r)",
    "axis K = 2  axis D = 2  data y: count[D] missing  latent w: simplex[K] global  latent r: positive[K, D] global  latent z: category[K]"
    "  P(w) = Dirichlet(0.5)  P(r) = Gamma(2, mean: 3)  P(z | w) = Categorical(w)  P(y | z, r) = Poisson(r[z])",
    "axis K = 3  axis D = 4  data y: bool[D] missing  latent w: simplex[K] global  latent p: unit[K, D] global  latent z: category[K]"
    "  P(w) = Dirichlet([1, 2, 3])  P(p) = Beta(0.5, b: 0.7)  P(z | w) = Categorical(w)  P(y | z, p) = Bernoulli(p[z])",
    "axis K = 2  data y: count  latent p: unit[K] global  param w: simplex[K]  latent z: category[K]  P(p) = Beta(2, b: 1)  P(z) = Categorical(w)  P(y | z, p) = Geometric(p[z])",
    "axis K = 2  axis J = 3  axis V = 3  data y: category[V]  latent w: simplex[K] global  latent m: simplex[K, J] global  latent p: simplex[J, V] global  latent a: category[K]  latent b: category[J]"
    "  P(w) = Dirichlet(1)  P(m) = Dirichlet(2)  P(p) = Dirichlet(0.5)  P(a | w) = Categorical(w)  P(b | a, m) = Categorical(m[a])  P(y | b, p) = Categorical(p[b])",
    "axis K = 2  axis V = 3  data y: count[V]  weight n = column(\"n\")  latent p: simplex[K, V] global  param w: simplex[K]  latent z: category[K]"
    "  P(p) = Dirichlet(0.5)  P(z) = Categorical(w)  P(y | z, p) = Multinomial(9, p: p[z])",
    "axis K = 2  axis D = 2  data y: real[D]  latent m: real[K, D] global  latent t: positive[K] global  param w: simplex[K]  latent z: category[K]"
    "  P(m) = Normal(0, var: 100)  P(t) = Gamma(2, rate: 2)  P(z) = Categorical(w)  P(y | z, m, t) = Normal(m[z], precision: t[z])",
    "axis K = 2  axis D = 2  data y: real[D]  latent m: real[K, D] global  latent v: positive[K, D] global  latent w: simplex[K] global  latent z: category[K]"
    "  P(w) = Dirichlet(1)  P(v) = InverseGamma(2, scale: 1)  P(m | v) = Normal(1, var: v / 0.3)  P(z | w) = Categorical(w)  P(y | z, m, v) = Normal(m[z], var: v[z])",
    "axis K = 2  axis D = 2  data y: real[D]  latent m: real[K, D] global  latent s: covariance[K, D] global  param w: simplex[K]  latent z: category[K]"
    "  P(s) = InverseWishart(5, scale: I)  P(m | s) = Normal(0, cov: s / 0.2)  P(z) = Categorical(w)  P(y | z, m, s) = Normal(m[z], cov: s[z])",
    "axis K = 2  axis D = 3  data y: real[D]  latent m: real[K, D] global  latent s: covariance[D] global  param w: simplex[K]  latent z: category[K]"
    "  P(s) = Wishart(5, scale: I)  P(m | s) = Normal(0, precision_matrix: 0.2 * s)  P(z) = Categorical(w)  P(y | z, m, s) = Normal(m[z], precision_matrix: s)",
    "axis K = 2  axis D = 2  data y: real[D]  param m: real[K, D]  latent s: covariance[D] global  latent w: simplex[K] global  latent z: category[K]"
    "  P(w) = Dirichlet(2)  P(s) = Wishart(4, scale: I)  P(z | w) = Categorical(w)  P(y | z, s) = Normal(m[z], precision_matrix: s)",
    "axis K = 2  data y: real missing  latent m: real[K] global  param v: positive  param w: simplex[K]  latent z: category[K]"
    "  P(m) = Normal(0, sd: 4)  P(z) = Categorical(w)  P(y | z, m) = Normal(m[z], var: v)",
    "data y: real  given x: real  param a: real  param b: real  latent t: positive global  P(t) = Gamma(2, rate: 1)  P(y | x, t) = Normal(a + b * x, precision: t)",
    "axis D = 3  axis L = 2  data y: real[D]  param w: real[D, L]  param b: real[D]  latent t: positive[D] global  latent z: real[L]"
    "  P(t) = Gamma(2, rate: 1)  P(z) = Normal(0, sd: 1)  P(y | z, t) = Normal(w * z + b, precision: t)",
    "data y: count  latent u: positive  latent r: positive global  P(r) = Gamma(2, rate: 1)  P(u | r) = Gamma(3, rate: r)  P(y | u) = Poisson(u)",
    "axis J = 2  data y: real  given x: real[J]  latent w: real[J] global  latent a: real global  param s: positive"
    "  P(w) = Normal(0, var: 2)  P(a) = Normal(1, sd: 5)  P(y | w, a, x) = Normal(a + dot(w, x), var: s)",
    "axis D = 3  axis L = 2  data y: real[D]  param b: real[D]  latent r: positive[L] global  latent t: positive global  latent w: real[D, L] global  latent z: real[L]"
    "  P(r) = Gamma(2, rate: 1)  P(t) = Gamma(2, rate: 1)  P(w | r) = Normal(0, precision: r)  P(z) = Normal(0, sd: 1)  P(y | z, w, t) = Normal(w * z + b, precision: t)",
    "axis D = 3  axis L = 2  data y: real[D] missing  param v: positive  param s: positive[D]  latent w: real[D, L] global  latent z: real[L]"
    "  P(w) = Normal(0, var: v)  P(z) = Normal(0, sd: 1)  P(y | z, w) = Normal(w * z, var: s)",
    "axis K = 2  data y: real  given x: real  param p: simplex[K]  latent a: real[K] global  latent b: real[K] global  latent v: positive global  param s: positive[K]  latent z: category[K]"
    "  P(v) = InverseGamma(2, scale: 1)  P(a | v) = Normal(0, var: v)  P(b) = Normal(0, sd: 3)  P(z) = Categorical(p)  P(y | z, a, b, x) = Normal(a[z] + b[z] * x, var: s[z])",
    "plate g = by(\"group\")  data y: real  given x: real  param a: real  param b: real  param s: positive  latent t: positive global  latent u: real per g"
    "  P(t) = Gamma(2, rate: 1)  P(u | t) = Normal(0, precision: t)  P(y | u, x) = Normal(a + b * x + u, sd: s)",
    "plate g = by(\"group\")  axis K = 2  axis V = 3  data y: category[V]  weight n = column(\"n\")  latent p: simplex[K, V] global  latent t: simplex[K] per g  latent z: category[K]"
    "  P(p) = Dirichlet(0.3)  P(t) = Dirichlet(0.5)  P(z | t) = Categorical(t)  P(y | z, p) = Categorical(p[z])",
};
// clang-format on

}  // namespace

TEST_CASE("posteriors that rows share are certified") {
  for (const std::string& body : shared) {
    INFO(body);
    const Model model = compile("model m { " + body + " }");
    INFO(model.report().render());
    REQUIRE(model.ok());
    CHECK(model.objective_name() == "elbo");
    for (const uint64_t seed : {1, 2}) check_all(certify(model, {.seed = seed}));
  }
}

}  // namespace lvm::certified
