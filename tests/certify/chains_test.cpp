// Certificates of chains: every kind that the plan accepts, against all paths of short series by the joint as
// it is written.

#include "support.h"

namespace lvm::certified {
namespace {

const std::string chain = R"(
  param start: simplex[K]
  latent z: category[K]
  P(z[first]) = Categorical(start)
  )";
const std::string moves = "param move: simplex[K, K]  P(z[t] | z[t-1]) = Categorical(move[z[t-1]])  ";
const std::string normal =
    "data y: real  param mean: real[K]  param sd: positive[K]  P(y[t] | z[t]) = Normal(mean[z[t]], sd: "
    "sd[z[t]])  ";

std::string model(const std::string& declarations, const std::string& q = "q(z | y) = exact",
                  const std::string& sequence = R"(by "g" order "t")") {
  return "model m { axis K = 3  sequence t " + sequence + " " + declarations + " " + q + " }";
}

// One model each.
// clang-format off
const std::vector<std::string> exact = {
    model(chain + moves + normal),
    model(chain + moves + normal, "q(z | y) = exact", ""),
    model(chain + moves + "data y: count missing  param rate: positive[K]  P(y[t] | z[t]) = Poisson(rate[z[t]])"),
    model(chain + moves + "axis D = 2  data y: real[D] missing  param mean: real[K, D]  param cov: covariance[D]  P(y[t] | z[t]) = Normal(mean[z[t]], cov: cov)"),
    model(chain + moves + "axis D = 2  data y: bool[D]  data n: count  param p: unit[K, D]  param r: positive  P(y | z) = Bernoulli(p[z])  P(n) = Poisson(r)"),
    model(chain + "param move: simplex[K, K] mask [[1, 1, 0], [0, 1, 1], [1, 0, 1]]  P(z[t] | z[t-1]) = Categorical(move[z[t-1]])  " + normal),
    model(chain + "const stay: positive[K, K] = [[3, 1.5, 1.5], [1.5, 3, 1.5], [1.5, 1.5, 3]]  param move: simplex[K, K] ~ Dirichlet(stay)  P(z[t] | z[t-1]) = Categorical(move[z[t-1]])  " + normal),
    model(chain + "param move: simplex[K, K] = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]] fixed  P(z[t] | z[t-1]) = Categorical(move[z[t-1]])  " + normal),
    // Transitions that differ from row to row.
    model(chain + "given x: real  param a: real[K, K] ~ Normal(0, sd: 1)  param b: real[K, K] ~ Normal(0, sd: 1)  P(z[t] | z[t-1], x[t]) = Categorical(logits: a[z[t-1]] + b[z[t-1]] * x[t])  " + normal, "q(z | y, x) = exact"),
    // The step before in the emission: of the data, and of the chain.
    model(chain + moves + "data y: real  param a: real[K]  param b: real[K]  param sd: positive[K]  P(y[first]) = Normal(0, sd: 10)  P(y[t] | z[t], y[t-1]) = Normal(a[z[t]] + b[z[t]] * y[t-1], sd: sd[z[t]])"),
    model(chain + moves + "data y: count  param begin: positive[K]  param rate: positive[K, K] ~ Gamma(2, rate: 1)  P(y[first] | z[first]) = Poisson(begin[z[first]])  P(y[t] | z[t], z[t-1]) = Poisson(rate[z[t-1], z[t]])"),
    // Emissions that are mixtures themselves.
    model(chain + moves + "axis M = 2  data y: real  param share: simplex[K, M]  param mean: real[K, M]  param sd: positive[K]  latent c: category[M]  P(c[t] | z[t]) = Categorical(share[z[t]])  P(y[t] | z[t], c[t]) = Normal(mean[z[t], c[t]], sd: sd[z[t]])", "q(z, c | y) = exact"),
    // Two chains whose emissions meet, a chain that looks at another, and one that nothing joins beside it.
    R"(model m { axis A = 2  axis B = 2  sequence t by "g" order "t"  data y: real  param sa: simplex[A]  param ma: simplex[A, A]  param sb: simplex[B]  param mb: simplex[B, B]
       param mean: real[A, B]  param sd: positive  latent a: category[A]  latent b: category[B]
       P(a[first]) = Categorical(sa)  P(a[t] | a[t-1]) = Categorical(ma[a[t-1]])  P(b[first]) = Categorical(sb)  P(b[t] | b[t-1]) = Categorical(mb[b[t-1]])
       P(y[t] | a[t], b[t]) = Normal(mean[a[t], b[t]], sd: sd)  q(a, b | y) = exact })",
    R"(model m { axis A = 2  axis B = 2  sequence t by "g" order "t"  data y: real  data n: count  param sa: simplex[A]  param ma: simplex[A, A]  param sb: simplex[B]  param mb: simplex[B, A, B]
       param mean: real[A]  param rate: positive[B]  param sd: positive  latent a: category[A]  latent b: category[B]
       P(a[first]) = Categorical(sa)  P(a[t] | a[t-1]) = Categorical(ma[a[t-1]])  P(b[first]) = Categorical(sb)  P(b[t] | b[t-1], a[t]) = Categorical(mb[b[t-1], a[t]])
       P(y[t] | a[t]) = Normal(mean[a[t]], sd: sd)  P(n[t] | b[t]) = Poisson(rate[b[t]])  q(a, b | y, n) = exact })",
    model(chain + moves + normal + "axis M = 2  data n: count  param w: simplex[M]  param rate: positive[M]  latent c: category[M]  P(c) = Categorical(w)  P(n | c) = Poisson(rate[c])", "q(z | y, n) = exact  q(c | y, n) = exact"),
    // Order 2, with its first two steps.
    R"(model m { axis K = 2  sequence t by "g" order "t"  data y: real  param s: simplex[K]  param s2: simplex[K, K]  param move: simplex[K, K, K]  param mean: real[K]  param sd: positive[K]
       latent z: category[K]  P(z[first]) = Categorical(s)  P(z[first+1] | z[first]) = Categorical(s2[z[first]])  P(z[t] | z[t-1], z[t-2]) = Categorical(move[z[t-1], z[t-2]])
       P(y[t] | z[t]) = Normal(mean[z[t]], sd: sd[z[t]])  q(z | y) = exact })",
    // Labels of some steps.
    R"(model m { axis K = 3  sequence t by "g" order "t"  data y: real  data z: category[K] missing  param start: simplex[K]  param move: simplex[K, K]  param mean: real[K]  param sd: positive[K]
       P(z[first]) = Categorical(start)  P(z[t] | z[t-1]) = Categorical(move[z[t-1]])  P(y[t] | z[t]) = Normal(mean[z[t]], sd: sd[z[t]])  q(z | y) = exact })",
    // No chain at all: rows that are steps, and data that depend on the step before.
    R"(model m { sequence t by "g" order "t"  data y: real  param a: real  param b: real  param sd: positive  P(y[first]) = Normal(0, sd: 10)  P(y[t] | y[t-1]) = Normal(a + b * y[t-1], sd: sd) })",
};
// clang-format on

}  // namespace

TEST_CASE("chains are certified") {
  for (const std::string& text : exact) {
    INFO(text);
    const Model model = compile(text);
    INFO(model.report().render());
    REQUIRE(model.ok());
    check_all(certify(model, {.seed = 1}));
  }
}

TEST_CASE("best paths are certified") {
  const Model point = compile(model(chain + moves + normal, "q(z | y) = point"));
  REQUIRE(point.ok());
  const Certification found = certify(point, {.seed = 2});
  check_all(found);
  REQUIRE(found.certificates.front().solver == "best path");
}

}  // namespace lvm::certified
