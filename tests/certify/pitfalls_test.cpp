// The classic ways to a false closed form, as far as the language can say them. Each is refused, or climbed
// by a solver that is right: never by a rule that only looks alike.

#include "support.h"

namespace lvm::certified {
namespace {

struct Pitfall {
  std::string name, declarations, factors, given;
  std::string outcome;  // the code of the refusal, or "name solver, name solver"
};

std::string solvers(const Certification& found) {
  std::string text;
  for (const Certificate& c : found.certificates) {
    if (!c.latent && c.name != "weight") text += (text.empty() ? "" : ", ") + c.name + " " + c.solver;
  }
  return text;
}

const std::string normal = "data y: real  param m: real[K]  param s: positive[K]";
const std::string rate = "data y: count  param r: positive[K]";

// One case a line.
// clang-format off
const std::vector<Pitfall> pitfalls = {
    // constants that a table of names and pairs mistakes
    {"times 1, plus 0", normal, "P(y | z) = Normal(1 * m[z] + 0, sd: s[z])", "", "m least squares, s scatter"},
    {"twice the same", normal, "P(y | z) = Normal(m[z] + m[z], sd: s[z])", "", "m least squares, s scatter"},
    {"a product with itself", normal, "P(y | z) = Normal(m[z] * m[z], sd: s[z])", "", "m Newton, s Newton"},
    {"a square that is a power of the spread", normal, "P(y | z) = Normal(m[z], var: s[z] * s[z])", "", "m moments, s scatter"},
    // a variable as an index
    {"selected by a column", "axis C = 3  given c: category[C]  data y: real  param m: real[C]  param s: positive[K]", "P(y | z, c) = Normal(m[c], sd: s[z])", ", c", "m least squares, s scatter"},
    {"selected by a column of the states' axis", "given c: category[K]  data y: real  param m: real[K]  param s: positive[K]", "P(y | z, c) = Normal(m[c], sd: s[z])", ", c", "E0456"},
    {"a state in arithmetic", "data y: real  param m: real  param s: positive", "P(y | z) = Normal(m * z, sd: s)", "", "E0267"},
    // one variable in two slots
    {"mean and spread", "data y: real  param m: real[K]", "P(y | z) = Normal(m[z], sd: exp(m[z] / 100))", "", "m Newton"},
    {"mean and spread, by a parameter beside", "data y: positive  param m: positive[K]  param s: positive", "P(y | z) = Normal(m[z], sd: s * sqrt(m[z]))", "", "m Newton, s Newton"},
    {"both shapes", "data y: unit  param a: positive[K]", "P(y | z) = Beta(a[z], b: a[z])", "", "a Newton"},
    {"shape and rate", "data y: positive  param a: positive[K]", "P(y | z) = Gamma(a[z], rate: a[z])", "", "a Newton"},
    {"covariance in the mean", "axis D = 2  data y: real[D]  given x: real[D]  param s: covariance[K, D]", "P(y | z, x) = Normal(s[z] * x, cov: s[z])", ", x", "E0441"},
    // links
    {"an offset on a rate", rate, "P(y | z) = Poisson(r[z] + 0.5)", "", "r Newton"},
    {"a free offset on a rate", rate + "  param b: positive", "P(y | z) = Poisson(r[z] + b)", "", "r Newton, b Newton"},
    {"a free factor on a rate", rate + "  param b: positive", "P(y | z) = Poisson(r[z] * b)", "", "r Newton, b Newton"},
    {"an exponential of a product", "data y: count  given x: unit  param b: real[K]", "P(y | z, x) = Poisson(exp(b[z] * x))", ", x", "b Newton"},
    {"one over a rate", rate, "P(y | z) = Poisson(1 / r[z])", "", "r rate"},
    {"a power of a rate", rate, "P(y | z) = Poisson(r[z] ^ 2)", "", "r rate"},
    {"half a probability", "data y: count  param p: unit[K]", "P(y | z) = Binomial(40, p: p[z] * 0.5)", "", "p Newton"},
    {"the other probability", "data y: bool  param p: unit[K]", "P(y | z) = Bernoulli(1 - p[z])", "", "p Newton"},
    {"an offset on a spread", normal, "P(y | z) = Normal(m[z], sd: s[z] + 1)", "", "m Newton, s Newton"},
    {"a matrix on a covariance", "axis D = 2  data y: real[D]  param m: real[K, D]  param s: covariance[K, D]", "P(y | z) = Normal(m[z], cov: [[2, 0], [0, 1]] * s[z])", "", "E0278"},
    {"a factor on a covariance", "axis D = 2  data y: real[D]  param m: real[K, D]  param s: covariance[K, D]  param c: positive", "P(y | z) = Normal(m[z], cov: c * s[z])", "", "E0444"},
    {"a free factor on a mean", normal + "  param c: positive", "P(y | z) = Normal(c * m[z], sd: s[z])", "", "m Newton, s Newton, c Newton"},
    // conditional, and not joint
    {"a mean over several spreads", "data y: real  param m: real  param s: positive[K]", "P(y | z) = Normal(m, sd: s[z])", "", "m moments, s scatter"},
    {"a vector mean over several covariances", "axis D = 2  data y: real[D]  param m: real[D]  param s: covariance[K, D]", "P(y | z) = Normal(m, cov: s[z])", "", "E0444"},
    {"a prior that scales with the spread", "data y: real  param m: real[K] ~ Normal(0, sd: s)  param s: positive", "P(y | z) = Normal(m[z], sd: s)", "", "m moments, s scatter"},
    {"a prior whose scale is another parameter", "data y: real  param t: positive  param m: real[K] ~ Normal(0, sd: t)  param s: positive", "P(y | z) = Normal(m[z], sd: s)", "", "E0455"},
    {"a prior of a prior", "data y: real  param a: real  param m: real[K] ~ Normal(a, sd: 1)  param s: positive", "P(y | z) = Normal(m[z], sd: s)", "", "E0455"},
    {"a prior that only looks conjugate", "data y: real  param m: real[K]  param s: positive[K] ~ Gamma(2, rate: 1)", "P(y | z) = Normal(m[z], sd: s[z])", "", "m Newton, s Newton"},
    // truncation
    {"a truncated likelihood", "data y: positive  param r: positive[K]", "P(y | z) = Truncated(Exponential(r[z]), high: 3)", "", "r Newton"},
    {"a truncation that cuts nothing off", "data y: positive  param r: positive[K]", "P(y | z) = Truncated(Exponential(r[z]), low: 0)", "", "r Newton"},
    {"zeros beside a rate", "data y: count  param p: unit[K]  param r: positive[K]", "P(y | z) = ZeroInflated(p[z], Poisson(r[z]))", "", "p Newton, r Newton"},
    // order and axes
    {"axes declared in the other order", "axis D = columns  data y: real[D]  param m: real[D, K]  param s: positive[D, K]", "P(y | z) = Normal(m[z], sd: s[z])", "", "m moments, s scatter"},
    {"two axes of the same size", "axis D = 2  data y: real[D]  param m: real[D, K]  param s: covariance[K, D]", "P(y | z) = Normal(m[z], cov: s[z])", "", "m moments, s scatter"},
    {"a spread that lacks an axis of the mean", "axis D = columns  data y: real[D]  param m: real[K, D]  param s: positive", "P(y | z) = Normal(m[z], sd: s)", "", "m moments, s scatter"},
    // a child that comes twice
    {"one parameter, two factors", "data y: real  data x: real  param m: real[K]  param s: positive[K]", "P(y | z) = Normal(m[z], sd: s[z])  P(x | z) = Normal(m[z], sd: s[z])", ", x", "m Newton, s Newton"},
    {"a mean in two factors", "data y: real  data x: real  param m: real[K]  param s: positive[K]  param t: positive[K]", "P(y | z) = Normal(m[z], sd: s[z])  P(x | z) = Normal(m[z], sd: t[z])", ", x", "m Newton, s Newton, t Newton"},
    {"a share in two factors", "data y: bool  data x: bool  param p: unit[K]", "P(y | z) = Bernoulli(p[z])  P(x | z) = Bernoulli(p[z])", ", x", "p Newton"},
    {"a covariance in two factors", "axis D = 2  data y: real[D]  data x: real[D]  param m: real[K, D]  param n: real[K, D]  param s: covariance[D]", "P(y | z) = Normal(m[z], cov: s)  P(x | z) = Normal(n[z], cov: s)", ", x", "E0442"},
    // held
    {"a mean that is held", "data y: real  param m: real[K] = [0, 1] fixed  param s: positive", "P(y | z) = Normal(m[z], sd: s)", "", "m held, s scatter"},
};
// clang-format on

}  // namespace

TEST_CASE("what looks like a closed form and is none is refused, or climbed as it should be") {
  for (const Pitfall& p : pitfalls) {
    const std::string text = mixture(p.declarations, p.factors, p.given);
    INFO(p.name << "\n" << text);
    const Model model = compile(text);
    INFO(model.report().render());
    if (!model.ok()) {
      CHECK(model.report().messages().front().code == p.outcome);
      continue;
    }
    const Certification found = certify(model);
    CHECK(solvers(found) == p.outcome);
    check_all(found);
  }
}

}  // namespace lvm::certified
