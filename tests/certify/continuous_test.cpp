// Certificates of continuous latents with exact posteriors: every prior, link and kind of row that the plan
// accepts.

#include "support.h"

namespace lvm::certified {
namespace {

struct Case {
  std::string declarations, latents, factors, given;
};

const std::string vectors = "axis D = 3  data y: real[D]  ", normal = "P(z) = Normal(0, sd: 1)  ";

// One case a line.
// clang-format off
const std::vector<Case> gaussian = {
    {vectors + "param w: real[D]  param b: real[D]  param s: positive[D]", "z: real", normal + "P(y | z) = Normal(w .* z + b, sd: s)", "y"},
    {vectors + "axis L = 2  param w: real[D, L]  param b: real[D]  param s: positive[D]", "z: real[L]", normal + "P(y | z) = Normal(w * z + b, var: s)", "y"},
    {vectors + "axis L = 2  param w: real[D, L]  param s: positive", "z: real[L]", normal + "P(y | z) = Normal(w * z, precision: s)", "y"},
    {"axis D = 3  data y: real[D] missing  axis L = 2  param w: real[D, L]  param b: real[D]  param s: positive[D]", "z: real[L]", normal + "P(y | z) = Normal(w * z + b, var: s)", "y"},
    {vectors + "axis L = 2  param w: real[D, L]  param b: real[D]  param s: covariance[D]", "z: real[L]", normal + "P(y | z) = Normal(w * z + b, cov: s)", "y"},
    {vectors + "axis L = 2  const w: real[D, L] = [[1, 0], [0.5, 1], [0, 2]]  param g: covariance[L]  param m: real[L]  param s: positive[D]", "z: real[L]", "P(z) = Normal(m, cov: g)  P(y | z) = Normal(w * z, var: s)", "y"},
    {vectors + "param m: real  param g: positive  param s: positive", "z: real", "P(z) = Normal(m, var: g)  P(y | z) = Normal(z, var: s)", "y"},
    {vectors + "given x: real[D]  param g: positive  param b: real  param s: positive", "z: real", "P(z) = Normal(0, sd: g)  P(y | z, x) = Normal(b + x .* z, sd: s)", "y, x"},
    {"axis J = 2  data y: real  given x: real[J]  param g: covariance[J]  param b: real  param s: positive", "z: real[J]", "P(z) = Normal(0, cov: g)  P(y | z, x) = Normal(b + dot(x, z), var: s)", "y, x"},
    {vectors + "data u: real  param w: real[D]  param s: positive[D]  param c: real  param t: positive", "z: real", normal + "P(y | z) = Normal(w .* z, var: s)  P(u | z) = Normal(c * z, sd: t)", "y, u"},
    {"data u: positive  data y: real  param c: real  param s: positive", "z: real", normal + "P(u | z) = LogNormal(0.3 * z, log_sd: 0.5)  P(y | z) = Normal(c * z, var: s)", "u, y"},
    {vectors + "weight n = column(\"n\")  param w: real[D]  param s: positive[D]", "z: real", normal + "P(y | z) = Normal(w .* z, var: s)", "y"},
    {vectors + "axis K = 2  param p: simplex[K]  param w: real[K, D]  param b: real[K, D]  param s: positive[K, D]", "z: real  latent c: category[K]", normal + "P(c) = Categorical(p)  P(y | z, c) = Normal(w[c] .* z + b[c], var: s[c])", "y"},
    {vectors + "axis K = 2  axis L = 2  param p: simplex[K]  param w: real[K, D, L]  param b: real[K, D]  param s: positive[D]", "z: real[L]  latent c: category[K]", normal + "P(c) = Categorical(p)  P(y | z, c) = Normal(w[c] * z + b[c], var: s)", "y"},
    {vectors + "axis K = 2  param p: simplex[K]  param m: real[K]  param v: positive[K]  param b: real[D] = [0, 1, 2] fixed  param s: positive[D]", "z: real  latent c: category[K]", "P(c) = Categorical(p)  P(z | c) = Normal(m[c], var: v[c])  P(y | z) = Normal(z + b, var: s)", "y"},
};
const std::vector<Case> conjugate = {
    {"data n: count  param r: positive", "u: positive", "P(u) = Gamma(2, rate: 3)  P(n | u) = Poisson(r * u)", "n"},
    {"data n: count  given x: positive  param a: positive  param r: positive", "u: positive", "P(u) = Gamma(a, rate: r)  P(n | u, x) = Poisson(x * u)", "n, x"},
    {"axis D = 3  data n: count[D] missing  param r: positive[D]", "u: positive", "P(u) = Gamma(2, scale: 3)  P(n | u) = Poisson(r * u)", "n"},
    {"axis D = 3  data n: count[D]  param r: positive[D]", "u: positive[D]", "P(u) = Gamma(2, mean: 1.5)  P(n | u) = Poisson(r .* u)", "n"},
    {"data t: positive  param r: positive", "u: positive", "P(u) = Exponential(rate: 2)  P(t | u) = Exponential(rate: r * u)", "t"},
    {"data t: positive  param r: positive", "u: positive", "P(u) = InverseGamma(3, scale: 2)  P(t | u) = Exponential(scale: r * u)", "t"},
    {"data t: positive  param r: positive", "u: positive", "P(u) = InverseGamma(3, scale: r)  P(t | u) = Gamma(2, mean: u)", "t"},
    {"data t: positive  param r: positive", "u: positive", "P(u) = Gamma(3, rate: 2)  P(t | u) = Gamma(2, rate: r * u)", "t"},
    {"data t: positive  param r: positive", "u: positive", "P(u) = Gamma(3, rate: 2)  P(t | u) = InverseGamma(2, scale: r * u)", "t"},
    {vectors + "param m: real[D]  param s: positive[D]", "u: positive", "P(u) = Gamma(2, rate: 2)  P(y | u) = Normal(m, var: s / u)", "y"},
    {vectors + "param m: real  param s: positive", "u: positive", "P(u) = Gamma(2, rate: 2)  P(y | u) = Normal(m, sd: s / sqrt(u))", "y"},
    {vectors + "param m: real  param s: positive", "u: positive[D]", "P(u) = InverseGamma(2, scale: s)  P(y | u) = Normal(m, var: u)", "y"},
    {"data n: count", "p: unit", "P(p) = Beta(2, b: 3)  P(n | p) = Binomial(60, p: p)", "n"},
    {"axis D = 4  data y: bool[D] missing  weight w = column(\"n\")", "p: unit", "P(p) = Beta(2, b: 3)  P(y | p) = Bernoulli(p)", "y"},
    {"data n: count", "p: unit", "P(p) = Beta(3, b: 2)  P(n | p) = Geometric(p)", "n"},
    {"axis V = 4  data y: category[V]  param a: positive[V]", "p: simplex[V]", "P(p) = Dirichlet(a)  P(y | p) = Categorical(p)", "y"},
    {"axis D = 5  axis V = 3  data y: category[D, V] missing", "p: simplex[V]", "P(p) = Dirichlet(2)  P(y | p) = Categorical(p)", "y"},
    {"axis V = 3  data y: category[V]  data x: count[V]  param a: positive[V]", "p: simplex[V]", "P(p) = Dirichlet(a)  P(y | p) = Categorical(p)  P(x | p) = Multinomial(9, p: p)", "y, x"},
    {"axis D = 4  axis V = 3  axis K = 2  data y: category[D, V]  param w: simplex[K]  const a: positive[K, V] = [[1, 2, 3], [3, 0.5, 1]]", "p: simplex[V]  latent c: category[K]", "P(c) = Categorical(w)  P(p | c) = Dirichlet(a[c])  P(y | p) = Categorical(p)", "y"},
    {vectors + "axis K = 2  param w: simplex[K]  param m: real[K, D]  param s: positive[K]", "u: positive  latent c: category[K]", "P(c) = Categorical(w)  P(u) = Gamma(2, rate: 2)  P(y | c, u) = Normal(m[c], var: s[c] / u)", "y"},
};
// clang-format on

std::string text_of(const Case& c) {
  const bool finite = c.latents.find("latent c") != std::string::npos;
  const std::string name = c.latents.substr(0, 1);
  return "model m { " + c.declarations + "  latent " + c.latents + "  " + c.factors + "  q(" +
         (finite ? "c, " : "") + name + " | " + c.given + ") = exact }";
}

void check_cases(const std::vector<Case>& cases, std::string_view solver) {
  for (const Case& c : cases) {
    const std::string text = text_of(c);
    INFO(text);
    const Model model = compile(text);
    INFO(model.report().render());
    REQUIRE(model.ok());
    for (const uint64_t seed : {1, 2}) {
      const Certification certification = certify(model, {.seed = seed});
      check_all(certification);
      const std::string name = c.latents.substr(0, 1);
      const auto of_latent = std::ranges::find(certification.certificates, name, &Certificate::name);
      REQUIRE(of_latent != certification.certificates.end());
      CHECK(of_latent->solver == solver);
    }
  }
}

const std::vector<std::string> plates = {
    R"(model m { plate g = by("school")  data y: real  given x: real  param a: real  param b: real  param v: positive  param s: positive
      latent u: real per g
      P(u) = Normal(0, var: v)
      P(y | u, x) = Normal(a + b * x + u, sd: s)
      q(u | y, x) = exact })",
    R"(model m { plate g = by("school", "year")  axis J = 2  data y: real  given x: real  given w: real per g  param f: real[J]  param c: real  param v: covariance[J]
      param s: positive  latent u: real[J] per g
      P(u) = Normal(0, cov: v)
      P(y | u, x, w) = Normal(dot(f + u, [1, x]) + c * w, sd: s)
      q(u | y, x, w) = exact })",
    R"(model m { plate g = by("patient")  data n: count  given t: positive  param r: positive
      latent u: positive per g
      P(u) = Gamma(2, mean: 1)
      P(n | u, t) = Poisson(r * t * u)
      q(u | n, t) = exact })",
    R"(model m { plate g = by("group")  axis K = 2  data y: real  given x: real  param p: simplex[K]  param a: real[K]  param b: real[K]  param s: positive
      latent c: category[K] per g
      P(c) = Categorical(p)
      P(y | c, x) = Normal(a[c] + b[c] * x, sd: s)
      q(c | y, x) = exact })",
    R"(model m { plate g = by("group")  axis K = 2  axis V = 3  data y: category[V]  param p: simplex[K]  param w: simplex[K, V]
      latent c: category[K] per g
      P(c) = Categorical(p)
      P(y | c) = Categorical(w[c])
      q(c | y) = exact })",
};

}  // namespace

TEST_CASE("latents of groups are certified") {
  for (const std::string& text : plates) {
    INFO(text);
    const Model model = compile(text);
    INFO(model.report().render());
    REQUIRE(model.ok());
    for (const uint64_t seed : {1, 2}) check_all(certify(model, {.seed = seed}));
  }
}

TEST_CASE("Gaussian latents are certified") {
  check_cases(gaussian, "conditioning");
}

TEST_CASE("conjugate latents are certified") {
  check_cases(conjugate, "conjugate");
}

}  // namespace lvm::certified
