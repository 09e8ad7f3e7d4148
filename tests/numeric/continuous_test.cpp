// Continuous latents that are integrated out exactly, against what tests/oracles/continuous.py finds without
// EM: the maxima of the marginal likelihoods, and their values at parameters that no fit has chosen.

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/numeric/fixture.h"

namespace lvm::numeric {
namespace {

BoundModel example_of(const Json& test, const Data& data, const BindOptions& options = {}) {
  const Model model =
      compile_file(std::string(LVM_SOURCE_DIR) + "/examples/" + test["model"].text() + ".lvm");
  REQUIRE(model.ok());
  return bind_or_fail(model, data, options);
}

BoundModel bound_of(const Json& test) {
  const std::string name = test["data"].text();
  if (!test.object().contains("columns")) return example_of(test, example(name));
  BindOptions options;
  const bool holes = test.object().contains("removed");
  for (const Json& column : test["columns"].array())
    options.columns["y"].push_back(holes ? "y" + std::to_string(options.columns["y"].size() + 1)
                                         : column.text());
  if (!holes) return example_of(test, example(name), options);
  return example_of(test, table_with_holes(test), options);
}

Fit fit_text(const std::string& text, const Data& data, const FitOptions& options) {
  const Model model = compile(text);
  REQUIRE(model.ok());
  return fit_or_fail(bind_or_fail(model, data), options);
}

}  // namespace

TEST_CASE("continuous latents: fits end where the marginal likelihood is greatest") {
  const Json all = fixture("continuous");
  REQUIRE(all["maxima"].array().size() == 9);
  for (const Json& test : all["maxima"].array()) {
    INFO(test["model"].text() << ", " << test["data"].text()
                              << (test.object().contains("removed") ? ", cells removed" : ""));
    const Fit fit =
        fit_or_fail(bound_of(test), {.iterations = 200'000, .tolerance = 1e-10, .accelerate = true});
    CHECK(fit.converged);
    CHECK(fit.objective == Approx(test["log_likelihood"].number()).margin(1e-6).epsilon(0));
    if (test.object().contains("parameters")) check_parameters(fit, test["parameters"], 1e-5);
  }
}

TEST_CASE("continuous latents: the objective is the marginal likelihood at any parameters") {
  const Json all = fixture("continuous");
  REQUIRE(all["values"].array().size() == 2);
  for (const Json& test : all["values"].array()) {
    INFO(test["model"].text());
    const FitOptions options{.iterations = 0, .tolerance = 0.0, .init = parameters_of(test["parameters"])};
    CHECK(fit_or_fail(bound_of(test), options).objective ==
          Approx(test["log_likelihood"].number()).epsilon(1e-12));
  }
}

TEST_CASE("continuous latents: whole weights equal repeated rows") {
  std::mt19937_64 engine(3);
  std::normal_distribution<double> normal;
  std::vector<double> weighted, repeated;
  for (int row = 0; row < 120; ++row) {
    const double z = normal(engine), count = row % 3;
    const std::vector<double> cells = {z + normal(engine), 2 * z + normal(engine), normal(engine) - z};
    weighted.insert(weighted.end(), cells.begin(), cells.end());
    weighted.push_back(count);
    for (int i = 0; i < row % 3; ++i) repeated.insert(repeated.end(), cells.begin(), cells.end());
  }
  const std::string body = R"(
    param w: real[D]  param b: real[D]  param s: positive[D]
    latent z: real
    P(z) = Normal(0, sd: 1)
    P(y | z) = Normal(w .* z + b, var: s)
    q(z | y) = exact })";
  const std::string columns = R"(model m { axis D = 3 data y: real[D] = columns("y1", "y2", "y3") )";
  const std::vector<Values> start = {{"w", {3}, {1, 1, -1}}, {"b", {3}, {0, 0, 0}}, {"s", {3}, {1, 1, 1}}};
  const FitOptions options{.iterations = 40, .tolerance = 0.0, .init = start};
  const Fit a = fit_text(columns + R"(weight n = column("y4"))" + body, table(weighted, 4), options);
  const Fit b = fit_text(columns + body, table(repeated, 3), options);
  CHECK(a.objective == Approx(b.objective).epsilon(1e-12));
  for (const char* name : {"w", "b", "s"})
    for (size_t i = 0; i < 3; ++i) CHECK(values(a, name)[i] == Approx(values(b, name)[i]).epsilon(1e-10));
}

TEST_CASE(
    "continuous latents: rows with the same mean and covariance stand for all, where a row without any cell "
    "makes a fit read each") {
  std::mt19937_64 engine(5);
  std::normal_distribution<double> normal;
  std::vector<double> cells;
  for (int row = 0; row < 400; ++row) {
    const double u = normal(engine), v = normal(engine);
    for (const double c : {1e3 + u, 2 * u + v, 50 - v, 1e-3 * u})
      cells.push_back(c + 0.5 * std::abs(c) * 1e-3 * normal(engine));
    cells.push_back(7);              // no variance at all
    cells.push_back(1 + row % 2);    // a covariate
    cells.push_back(0.5 + row % 3);  // a weight
  }
  const std::string text = R"(model m { axis D = 5  axis L = 2
    data y: real[D] = columns("y1".."y5") missing  given x: real = column("y6")  weight n = column("y7")
    param w: real[D, L]  param b: real[D]  param a: real[D]  param s: positive[D] = 0.3 fixed
    latent z: real[L]
    P(z) = Normal(0, sd: 1)
    P(y | z, x) = Normal(w * z + b + a * x, var: s)
    q(z | y, x) = exact })";
  const std::vector<Values> start = {{"w", {5, 2}, {1, 0, 2, 1, 0, -1, 0, 0, 0.1, 0}},
                                     {"b", {5}, {1e3, 0, 50, 0, 7}},
                                     {"a", {5}, {0, 0, 0, 0, 0}}};
  const FitOptions options{.iterations = 20, .tolerance = 0.0, .init = start};
  const Fit few = fit_text(text, table(cells, 7), options);
  for (const double c : std::vector<double>{NAN, NAN, NAN, NAN, NAN, 1, 1}) cells.push_back(c);
  const Fit all = fit_text(text, table(cells, 7), options);
  CHECK(few.objective == Approx(all.objective).epsilon(1e-11));
  for (const char* name : {"w", "b", "a"})
    for (size_t i = 0; i < values(few, name).size(); ++i)
      CHECK(values(few, name)[i] == Approx(values(all, name)[i]).epsilon(1e-8).margin(1e-9));
  REQUIRE(few.moments("z").mean.size() == 800);  // of the rows of the table
  for (size_t i = 0; i < 800; ++i)
    CHECK(few.moments("z").mean[i] == Approx(all.moments("z").mean[i]).epsilon(1e-7).margin(1e-8));
}

TEST_CASE("continuous latents: what made a large table is found") {
  std::mt19937_64 engine(9);
  std::normal_distribution<double> normal;
  std::gamma_distribution<double> gamma(3, 1.0 / 3);
  std::vector<double> rows;
  constexpr int count = 100'000;
  for (int row = 0; row < count; ++row) {
    const double u = gamma(engine);
    rows.push_back(std::poisson_distribution<int>(5 * u)(engine));
  }
  const Fit fit =
      fit_text(R"(model m { data n: count  param shape: positive  param mean: positive  latent u: positive
    P(u) = Gamma(shape, mean: mean)
    P(n | u) = Poisson(u)
    q(u | n) = exact })",
               table(rows, 1), {.iterations = 10'000, .tolerance = 1e-6});
  // Standard errors of the mean: sqrt((5 + 25 / 3) / 1e5), and of the shape about 0.02.
  CHECK(values(fit, "mean")[0] == Approx(5).margin(5 * 0.0116));
  CHECK(values(fit, "shape")[0] == Approx(3).margin(5 * 0.02));
}

TEST_CASE(
    "continuous latents: factor analysis without loadings is independent Normals, and elements of weight 0 "
    "say nothing") {
  const Data data = example("faithful");
  const Fit free =
      fit_text(R"(model m { axis D = columns  data y: real[D]  param b: real[D]  param s: positive[D]
    P(y) = Normal(b, var: s) })",
               data, {.iterations = 50});
  const Fit held = fit_text(R"(model m { axis D = columns  data y: real[D]  param w: real[D] = 0 fixed
    param b: real[D]  param s: positive[D]  latent z: real
    P(z) = Normal(0, sd: 1)
    P(y | z) = Normal(w .* z + b, var: s)
    q(z | y) = exact })",
                            data, {.iterations = 50});
  CHECK(held.objective == Approx(free.objective).epsilon(1e-12));
}

TEST_CASE("continuous latents: compiled code equals the interpreter, and threads change no bit") {
  for (const auto& [name, data] :
       std::vector<std::pair<std::string, std::string>>{{"factor_analysis", "wine"},
                                                        {"factor_mixture", "wine"},
                                                        {"robust", "wine"},
                                                        {"policies", "claims"},
                                                        {"litters", "litters"}}) {
    INFO(name);
    const Model model = compile_file(std::string(LVM_SOURCE_DIR) + "/examples/" + name + ".lvm");
    const BoundModel bound = bind_or_fail(model, example(data));
    const FitOptions options{.iterations = 5, .tolerance = 0.0, .threads = 1};
    FitOptions interpreted = options, threads = options;
    interpreted.backend = Backend::interpreter;
    threads.threads = 3;
    const Fit a = fit_or_fail(bound, options), b = fit_or_fail(bound, interpreted),
              c = fit_or_fail(bound, threads);
    CHECK(a.objective == Approx(b.objective).epsilon(1e-11));
    CHECK(a.objective == c.objective);
    for (size_t i = 0; i < a.parameters.size(); ++i) CHECK(a.parameters[i].values == c.parameters[i].values);
  }
}

}  // namespace lvm::numeric
