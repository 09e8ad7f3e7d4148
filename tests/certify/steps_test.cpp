// Certificates of Gaussian chains: every kind of transition, emission and row that the plan accepts, against
// the dense Gaussian of all steps of short series by the joint as it is written; and models that are refused.
// Put together at random: structures_test.cpp.

#include <cmath>
#include <random>

#include "support.h"

namespace lvm::certified {
namespace {

std::string model(const std::string& body, const std::string& given = "y") {
  return "model m { sequence t by \"g\" order \"t\" " + body + " q(z | " + given + ") = exact }";
}

const std::string number =
    "data y: real missing  param s: positive  latent z: real  P(y[t] | z[t]) = Normal(z[t], var: s)  ";
const std::string vector =
    "axis D = 3  axis S = 2  data y: real[D] missing  param c: real[D, S]  param s: positive[D]  latent z: "
    "real[S]  P(y[t] | z[t]) = Normal(c * z[t], var: s)  ";

// One model each.
// clang-format off
const std::vector<std::string> accepted = {
    model(number + "param q: positive  P(z[first]) = Normal(0, sd: 30)  P(z[t] | z[t-1]) = Normal(z[t-1], var: q)"),
    model(number + "param q: positive  param a: real  param b: real  P(z[first]) = Normal(0, sd: 3)  P(z[t] | z[t-1]) = Normal(a * z[t-1] + b, sd: q)"),
    model(number + "param m: real  param v: positive  param a: real  P(z[first]) = Normal(m, var: v)  P(z[t] | z[t-1]) = Normal(a * z[t-1], precision: v)"),
    model(vector + "param a: real[S, S]  P(z[first]) = Normal(0, sd: 1)  P(z[t] | z[t-1]) = Normal(a * z[t-1], sd: 1)"),
    model(vector + "param a: real[S, S]  param q: positive[S]  P(z[first]) = Normal(0, sd: 1)  P(z[t] | z[t-1]) = Normal(a * z[t-1], var: q)"),
    model(vector + "param q: covariance[S]  P(z[first]) = Normal(0, sd: 1)  P(z[t] | z[t-1]) = Normal(0.9 * z[t-1], cov: q)"),
    model(vector + "param a: real[S, S]  param q: covariance[S]  param m: real[S]  P(z[first]) = Normal(m, sd: 1)  P(z[t] | z[t-1]) = Normal(a * z[t-1], cov: q)"),
    model(vector + "param a: real[S]  param q: positive  P(z[first]) = Normal(0, sd: 2)  P(z[t] | z[t-1]) = Normal(a .* z[t-1], sd: q)"),
    // Inputs to the transition, to its spread and to the emission.
    model(number + "given x: real  given w: positive  param q: positive  param a: real  param b: real  P(z[first] | x[first]) = Normal(x[first], sd: 3)  P(z[t] | z[t-1], x[t], w[t]) = Normal(a * z[t-1] + b * x[t], var: q * w[t])", "y, x, w"),
    model("given x: real  data y: real missing  param s: positive  param q: positive  param c: real  latent z: real  P(y[t] | z[t], x[t]) = Normal(x[t] * z[t] + c * x[t], var: s)  P(z[first]) = Normal(0, sd: 3)  P(z[t] | z[t-1], x[t]) = Normal(x[t] * z[t-1], var: q)", "y, x"),
    // A whole covariance of the emission, several emissions, one through a logarithm.
    model("axis D = 3  data y: real[D]  param c: real[D]  param r: covariance[D]  param q: positive  latent z: real  P(y[t] | z[t]) = Normal(c .* z[t], cov: r)  P(z[first]) = Normal(0, sd: 1)  P(z[t] | z[t-1]) = Normal(0.8 * z[t-1], sd: q)"),
    model("data u: real  data y: positive missing  param c: real  param r: positive  param q: positive  latent z: real  P(u[t] | z[t]) = Normal(c * z[t], var: r)  P(y[t] | z[t]) = LogNormal(0.3 * z[t], log_sd: 0.5)  P(z[first]) = Normal(0, sd: 1)  P(z[t] | z[t-1]) = Normal(0.8 * z[t-1], sd: q)", "u, y"),
    // Two steps back, a season, and a second step with a law of its own.
    model(number + "param q: positive  param a: real  param b: real  P(z[first]) = Normal(0, sd: 3)  P(z[first+1] | z[first]) = Normal(a * z[first], sd: 2)  P(z[t] | z[t-1], z[t-2]) = Normal(a * z[t-1] + b * z[t-2], var: q)"),
    model(number + "param q: positive  P(z[first]) = Normal(0, sd: 3)  P(z[first+1]) = Normal(1, sd: 2)  P(z[t] | z[t-2]) = Normal(z[t-2], var: q)"),
    model(vector + "param q: positive  P(z[first]) = Normal(0, sd: 3)  P(z[first+1] | z[first]) = Normal(z[first], sd: 1)  P(z[t] | z[t-1], z[t-2]) = Normal(1.5 * z[t-1] - 0.6 * z[t-2], var: q)"),
    // A prior, and a column that nothing joins to the chain.
    model(number + "param q: positive ~ InverseGamma(3, scale: 2)  param a: real ~ Normal(0, sd: 1)  P(z[first]) = Normal(0, sd: 3)  P(z[t] | z[t-1]) = Normal(a * z[t-1], var: q)"),
    model(number + "data n: count  param r: positive  P(n) = Poisson(r)  param q: positive  P(z[first]) = Normal(0, sd: 3)  P(z[t] | z[t-1]) = Normal(0.7 * z[t-1], var: q)", "y, n"),
};
// clang-format on

const std::vector<std::string> refused = {
    model(
        number +
        "param q: positive  P(z[first]) = Normal(0, sd: 1)  P(z[t] | z[t-1]) = Normal(tanh(z[t-1]), var: q)"),
    model(number + "param q: positive  P(z[first]) = Normal(0, sd: 1)  P(z[t] | z[t-1]) = Normal(z[t-1], sd: "
                   "q * exp(z[t-1]))"),
    model("data y: real  param q: positive  latent z: real  P(y[t] | z[t]) = Normal(0, sd: exp(z[t]))  "
          "P(z[first]) = Normal(0, sd: 1)  P(z[t] | z[t-1]) = Normal(z[t-1], sd: q)"),
    model("data y: count  param q: positive  latent z: real  P(y[t] | z[t]) = Poisson(log_rate: z[t])  "
          "P(z[first]) = Normal(0, sd: 1)  P(z[t] | z[t-1]) = Normal(z[t-1], sd: q)"),
    model("data y: real  param q: positive  latent z: positive  P(y[t] | z[t]) = Normal(0, precision: z[t])  "
          "P(z[first]) = Gamma(2, rate: 1)  P(z[t] | z[t-1]) = Gamma(2, rate: q * z[t-1])"),
};

/// Series that chains may have made, so that fits of them end inside: of rows without any memory the noise of
/// the best fit is often 0, where EM creeps.
Data series(const std::string& text, uint64_t seed) {
  constexpr int count = 40, steps = 7;
  const bool missing = text.find(" missing") != std::string::npos,
             positive = text.find("y: positive") != std::string::npos,
             second = text.find("z[t-2]") != std::string::npos;
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  const std::vector<std::string> names = {"g", "t", "x", "w", "n", "u", "y", "y1", "y2", "y3"};
  std::vector<std::vector<double>> columns(names.size());
  for (int g = 0; g < count; ++g) {
    const double begin = second ? 3 : 1;
    double z[3] = {begin * normal(engine), begin * normal(engine), begin * normal(engine)}, before[3] = {};
    for (int t = 0; t < steps; ++t) {
      const auto seen = [&](int i) {
        const double y = (positive ? 0.3 : 1) * z[i] + normal(engine);
        return missing && engine() % 8 == 0 ? std::nan("") : positive ? std::exp(y) : y;
      };
      const double x = normal(engine);
      const double row[] = {double(g),
                            double(t),
                            x,
                            std::exp(0.5 * normal(engine)),
                            double(engine() % 5),
                            0.7 * z[0] + 0.6 * normal(engine),
                            seen(0),
                            seen(0),
                            seen(1),
                            seen(2)};
      for (size_t c = 0; c < names.size(); ++c) columns[c].push_back(row[c]);
      for (size_t i = 0; i < 3; ++i) {
        const double now = z[i];
        z[i] = (second ? 1.2 * now - 0.6 * before[i] : 0.8 * now + 0.3 * x) + normal(engine);
        before[i] = now;
      }
    }
  }
  std::vector<HostColumn> host;
  const bool wide = text.find("y: real[D]") != std::string::npos;
  for (size_t c = 0; c < names.size(); ++c)
    if (names[c] != "y" || !wide) host.push_back({names[c], columns[c].data(), 1});
  return make_data(host, count * steps);
}

}  // namespace

TEST_CASE("Gaussian chains are certified, of every kind that is accepted") {
  for (const std::string& text : accepted) {
    INFO(text);
    const Model m = compiled(text);
    for (const uint64_t seed : {1, 2}) {
      const BoundModel bound = bind(m, series(text, seed));
      INFO(bound.report().render());
      REQUIRE(bound.ok());
      const Certification found = certify(bound, {.seed = seed});
      check_all(found);
      REQUIRE_FALSE(found.certificates.empty());
      CHECK(found.certificates.front().solver == "Kalman smoother");
    }
  }
}

TEST_CASE("Gaussian chains: models that are not affine, or not Gaussian, are refused") {
  for (const std::string& text : refused) {
    INFO(text);
    const Model m = compile(text);
    CHECK_FALSE(m.ok());
    CHECK(m.report().render().find("error[E04") != std::string::npos);
  }
}

}  // namespace lvm::certified
