// The same fits as mclust and flexmix make from the same start (tests/oracles/peers.R).

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/numeric/fixture.h"

namespace lvm::numeric {
namespace {

const FitOptions to_the_end{.iterations = 200'000, .tolerance = 1e-9};

FitOptions from(const Json& start) {
  FitOptions options = to_the_end;
  options.init = parameters_of(start);
  return options;
}

std::vector<std::string> measurements(const std::string& data) {
  if (data == "iris") return {"Sepal.Length", "Sepal.Width", "Petal.Length", "Petal.Width"};
  std::vector<std::string> names;
  for (int i = 1; i <= 13; ++i) names.push_back("x" + std::to_string(i));
  return names;
}

/// The rows of a regression as columns y, x1, x2.
Data regression_table(const Json& test) {
  std::vector<double> rows;
  for (size_t i = 0; i < test["y"].array().size(); ++i) {
    rows.push_back(test["y"].array()[i].number());
    for (const Json& x : test["x"].array()[i].array()) rows.push_back(x.number());
  }
  return table(rows, 3);
}

std::string regression_text(const std::string& distribution) {
  return "model regressions {\n  axis K = 2\n  axis J = 2\n  data n: count = column(\"y1\")\n"
         "  given x: real[J] = columns(\"y2\", \"y3\")\n  param weight: simplex[K]\n  param a: real[K]\n"
         "  param b: real[K, J]\n  latent z: category[K]\n  P(z) = Categorical(weight)\n  P(n | z, x) = " +
         distribution + "\n  q(z | n, x) = exact\n}\n";
}

}  // namespace

TEST_CASE("mclust's EII, VII, EEI, VVI, EEE and VVV on iris and wine") {
  const Json all = fixture("peers");
  REQUIRE(all["gaussian"].array().size() == 24);
  for (const Json& test : all["gaussian"].array()) {
    const std::string &data = test["data"].text(), &form = test["form"].text();
    const auto K = static_cast<int64_t>(test["K"].number());
    INFO(data << ", " << form << ", K = " << K);
    const BoundModel bound =
        bind_or_fail(compile_mixture(form, K), example(data), {.columns = {{"y", measurements(data)}}});
    const Fit fit = fit_or_fail(bound, from(test["start"]));
    CHECK(fit.converged);
    CHECK(fit.objective == Approx(test["log_likelihood"].number()).epsilon(1e-8).margin(0));
  }
}

TEST_CASE("flexmix's mixtures of Poisson and logistic regressions") {
  const Json all = fixture("peers");
  REQUIRE(all["regression"].array().size() == 2);
  for (const Json& test : all["regression"].array()) {
    const bool counts = test["family"].text() == "poisson";
    INFO(test["family"].text());
    const Model model = compile(regression_text(counts ? "Poisson(log_rate: a[z] + dot(b[z], x))"
                                                       : "Binomial(10, logits: a[z] + dot(b[z], x))"));
    const Fit fit = fit_or_fail(bind_or_fail(model, regression_table(test)), from(test["start"]));
    CHECK(fit.converged);
    CHECK(fit.objective == Approx(test["log_likelihood"].number()).epsilon(0).margin(1e-6));
    for (size_t k = 0; k < 2; ++k) {
      const auto& coefficients = test["coefficients"].array()[k].array();
      CHECK(values(fit, "weight")[k] == Approx(test["weight"].array()[k].number()).epsilon(1e-5));
      CHECK(values(fit, "a")[k] == Approx(coefficients[0].number()).margin(1e-5));
      for (size_t j = 0; j < 2; ++j)
        CHECK(values(fit, "b")[2 * k + j] == Approx(coefficients[1 + j].number()).margin(1e-5));
    }
  }
}

}  // namespace lvm::numeric
