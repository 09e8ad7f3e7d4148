// Labels that all rows, some or none have, and hard assignments: what follows from them in closed form.

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

struct Table {
  std::vector<double> y, c, n;
  Data data() const {
    return make_data({{"y", y.data(), 1}, {"c", c.data(), 1}, {"n", n.data(), 1}},
                     static_cast<int64_t>(y.size()));
  }
};

Table labelled_rows() {
  std::mt19937_64 engine(11);
  Table table;
  for (int row = 0; row < 60; ++row) {
    const int label = row % 3;
    table.y.push_back(2.0 * label + std::normal_distribution<double>()(engine));
    table.c.push_back(label);
    table.n.push_back(row % 4);
  }
  return table;
}

Model mixture(const std::string& axis, const std::string& form, bool weighted = false) {
  const Model model =
      compile("model labels {\n  axis K = " + axis + "\n  data y: real\n  data c: category[K] missing\n" +
              (weighted ? "  weight n\n" : "") +
              "  param w: simplex[K]\n  param m: real[K]\n  param v: positive[K]\n"
              "  P(c) = Categorical(w)\n  P(y | c) = Normal(m[c], var: v[c])\n  q(c | y) = " +
              form + "\n}\n");
  INFO(model.report().render());
  REQUIRE(model.ok());
  return model;
}

std::string failure_of(const BoundModel& bound, const FitOptions& options = {}) {
  const Fit failed = fit(bound, options);
  REQUIRE_FALSE(failed.ok());
  return failed.report().render();
}

}  // namespace

TEST_CASE("with a label in every row a fit is that of the classes by themselves") {
  const Table table = labelled_rows();
  for (const bool weighted : {false, true}) {
    for (const char* form : {"exact", "point"}) {
      INFO(form << ", weighted " << weighted);
      const Fit fit = fit_or_fail(bind_or_fail(mixture("levels", form, weighted), table.data()), {});
      CHECK(fit.converged);
      std::array<double, 3> n{}, sum{}, squares{};
      for (size_t i = 0; i < table.y.size(); ++i) {
        const double times = weighted ? table.n[i] : 1;
        const auto k = static_cast<size_t>(table.c[i]);
        n[k] += times;
        sum[k] += times * table.y[i];
        squares[k] += times * table.y[i] * table.y[i];
      }
      const double all = n[0] + n[1] + n[2];
      double objective = 0;
      for (size_t k = 0; k < 3; ++k) {
        const double mean = sum[k] / n[k], variance = squares[k] / n[k] - mean * mean;
        CHECK(values(fit, "w")[k] == Approx(n[k] / all).epsilon(1e-12));
        CHECK(values(fit, "m")[k] == Approx(mean).epsilon(1e-10).margin(1e-10));
        CHECK(values(fit, "v")[k] == Approx(variance).epsilon(1e-10));
        objective += n[k] * (std::log(n[k] / all) - 0.5 * (std::log(2 * M_PI * variance) + 1));
      }
      CHECK(fit.objective == Approx(objective).epsilon(1e-12));
      CHECK(fit.icl == Approx(8 * std::log(all) - 2 * objective).epsilon(1e-12));
    }
  }
}

TEST_CASE("labels in some rows: integer weights equal repeated rows") {
  Table table = labelled_rows();
  for (size_t i = 0; i < table.c.size(); ++i) table.c[i] = i % 5 == 0 ? table.c[i] : absent;
  Table repeated;
  for (size_t i = 0; i < table.y.size(); ++i) {
    for (int times = 0; times < static_cast<int>(table.n[i]); ++times) {
      repeated.y.push_back(table.y[i]);
      repeated.c.push_back(table.c[i]);
      repeated.n.push_back(1);
    }
  }
  const std::vector<Values> start = {
      {"w", {3}, {0.3, 0.3, 0.4}}, {"m", {3}, {0, 1, 3}}, {"v", {3}, {1, 1, 2}}};
  for (const char* form : {"exact", "point"}) {
    INFO(form);
    const FitOptions options{.iterations = 10, .tolerance = 0.0, .init = start};
    const Fit weighted = fit_or_fail(bind_or_fail(mixture("3", form, true), table.data()), options);
    const Fit plain = fit_or_fail(bind_or_fail(mixture("3", form), repeated.data()), options);
    CHECK(weighted.objective == Approx(plain.objective).epsilon(1e-12));
    for (const char* name : {"w", "m", "v"}) {
      for (size_t k = 0; k < 3; ++k)
        CHECK(values(weighted, name)[k] == Approx(values(plain, name)[k]).epsilon(1e-10).margin(1e-10));
    }
  }
}

TEST_CASE("a value that no row can have is named, and so is a row that no value allows") {
  Table table = labelled_rows();
  for (double& label : table.c) label = label == 2 ? 1 : label;
  CHECK(failure_of(bind_or_fail(mixture("3", "exact"), table.data())).find("component 3 has collapsed") !=
        std::string::npos);

  const Model model = compile(R"(model impossible {
    axis K = 2
    data y: real
    data c: category[K] missing
    param w: simplex[K] = [1, 0] fixed
    param m: real[K]
    P(c) = Categorical(w)
    P(y | c) = Normal(m[c], sd: 1)
  })");
  for (const Backend backend : {Backend::compiled, Backend::interpreter}) {
    FitOptions options;
    options.backend = backend;
    const std::string message = failure_of(bind_or_fail(model, table.data()), options);
    INFO(message);
    CHECK(message.find("its probability is 0 in row 2") != std::string::npos);
  }
}

TEST_CASE("without any label the number of values must be given") {
  Table table = labelled_rows();
  for (double& label : table.c) label = absent;
  const BoundModel bound = bind(mixture("levels", "exact"), table.data());
  REQUIRE_FALSE(bound.ok());
  CHECK(bound.report().render().find("give the number of values: `axis K = 3`") != std::string::npos);
}

TEST_CASE("a tie takes the first value, of one latent and of several") {
  const std::vector<double> y = {0, 1, 2, 3};
  const Data data = make_data({{"y", y.data(), 1}}, 4);
  const Model one = compile(R"(model tie {
    axis K = 3
    data y: real
    param w: simplex[K] = [0.2, 0.4, 0.4] fixed
    param m: real
    latent z: category[K]
    P(z) = Categorical(w)
    P(y) = Normal(m, sd: 1)
    q(z) = point
  })");
  const Model two = compile(R"(model ties {
    axis I = 2
    axis J = 3
    data y: real
    param m: real
    param s: simplex[I] = [0.5, 0.5] fixed
    param t: simplex[J] = [0.2, 0.4, 0.4] fixed
    param o: real[I, J] = [[0, 0, 0], [0, 0, 0]] fixed
    latent a: category[I]
    latent b: category[J]
    P(a) = Categorical(s)
    P(b) = Categorical(t)
    P(y | a, b) = Normal(m + o[a][b], sd: 1)
    q(a, b | y) = point
  })");
  for (const Backend backend : {Backend::compiled, Backend::interpreter}) {
    FitOptions options;
    options.backend = backend;
    const Fit of_one = fit_or_fail(bind_or_fail(one, data), options);
    const Fit of_two = fit_or_fail(bind_or_fail(two, data), options);
    CHECK(of_one.objective_name == "complete_log_likelihood");
    CHECK(of_one.responsibilities() == std::vector<double>{0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0});
    CHECK(of_two.responsibilities("a") == std::vector<double>{1, 0, 1, 0, 1, 0, 1, 0});
    CHECK(of_two.responsibilities("b") == of_one.responsibilities("z"));
    CHECK(of_two.responsibilities().empty());
    CHECK(of_one.responsibilities("a").empty());
  }
}

TEST_CASE("hard assignments have an ICL, and no AIC or BIC") {
  const Fit fit = fit_or_fail(bind_or_fail(mixture("3", "point"), labelled_rows().data()), {});
  CHECK(std::isnan(fit.aic));
  CHECK(std::isnan(fit.bic));
  CHECK(fit.icl == Approx(8 * std::log(60.0) - 2 * fit.objective).epsilon(1e-14));
}

}  // namespace lvm::numeric
