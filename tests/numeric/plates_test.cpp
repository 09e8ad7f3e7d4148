// Latents of groups of rows: mixed models against direct maximisation of their marginal likelihood
// (tests/oracles/plates.py), and against the same model written with a column for each row of a group.

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "api/fitted.h"
#include "tests/numeric/fixture.h"

namespace lvm::numeric {
namespace {

Model sleep() {
  return compile_file(std::string(LVM_SOURCE_DIR) + "/examples/sleep.lvm");
}

/// Reaction, Days, Subject, row-major.
Data sleep_table(const std::vector<double>& rows) {
  std::vector<HostColumn> columns;
  const char* names[] = {"Reaction", "Days", "Subject"};
  for (size_t i = 0; i < 3; ++i) columns.push_back({names[i], rows.data() + i, 3});
  return make_data(columns, static_cast<int64_t>(rows.size() / 3));
}

std::vector<double> numbers(const Json& json) {
  std::vector<double> all;
  for (const Json& each : json.array()) all.push_back(each.number());
  return all;
}

}  // namespace

TEST_CASE("mixed models end where SciPy finds the marginal likelihood greatest, with its effects") {
  const Json all = fixture("plates");
  REQUIRE(all["cases"].array().size() == 2);
  for (const Json& test : all["cases"].array()) {
    INFO(test["name"].text());
    const std::vector<double> rows = numbers(test["rows"]);
    const Fit fit =
        fit_or_fail(bind_or_fail(sleep(), sleep_table(rows)), {.iterations = 100'000, .tolerance = 1e-10});
    CHECK(fit.converged);
    CHECK(fit.objective == Approx(test["log_likelihood"].number()).margin(1e-7).epsilon(0));
    check_parameters(fit, test["parameters"], 2e-4);
    const std::vector<double> effects = fit.moments("b").mean;
    REQUIRE(effects.size() == 2 * test["effects"].array().size());
    for (size_t g = 0; g < test["effects"].array().size(); ++g)
      for (size_t j = 0; j < 2; ++j)
        CHECK(effects[2 * g + j] == Approx(test["effects"].array()[g].array()[j].number()).margin(2e-3));
    CHECK(fit.total_weight == static_cast<double>(rows.size() / 3));
    CHECK(fit.bic == Approx(6 * std::log(static_cast<double>(rows.size() / 3)) - 2 * fit.objective));
  }
}

TEST_CASE("sleepstudy: the numbers that lme4 prints") {
  const Fit fit =
      fit_or_fail(bind_or_fail(sleep(), example("sleepstudy")), {.iterations = 100'000, .tolerance = 1e-9});
  const std::vector<double>& g = values(fit, "G");
  CHECK(fit.objective == Approx(-875.970).margin(0.0005));
  CHECK(std::sqrt(g[0]) == Approx(23.78).margin(0.005));
  CHECK(std::sqrt(g[3]) == Approx(5.72).margin(0.005));
  CHECK(g[1] / std::sqrt(g[0] * g[3]) == Approx(0.08).margin(0.005));
  CHECK(values(fit, "noise")[0] == Approx(25.59).margin(0.005));
  REQUIRE(fit.group_names.size() == 18);
  CHECK(fit.group_names.front() == "308");
}

TEST_CASE("a plate is the same as a column for each row of a group, in whatever order the rows come") {
  std::mt19937_64 engine(4);
  std::normal_distribution<double> normal;
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  struct Row {
    double y, group;
  };
  std::vector<Row> rows;
  std::vector<double> wide;
  for (int group = 0; group < 30; ++group) {
    const double z = 2 * normal(engine);
    for (int t = 0; t < 4; ++t) {
      const bool there = t <= group % 4;
      const double y = z + normal(engine);
      wide.push_back(there ? y : none);
      if (there) rows.push_back({y, static_cast<double>(group)});
    }
  }
  // Rows of other groups between: those of a group keep their order.
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::fmod(7 * a.group, 30) < std::fmod(7 * b.group, 30);
  });
  std::vector<double> tall;
  for (const Row& row : rows) tall.insert(tall.end(), {row.y, row.group});
  const std::string head = "model m { ", tail = R"(param m: real  param g: positive  param s: positive
    P(z) = Normal(m, sd: g)
    P(y | z) = Normal(z, sd: s)
    q(z | y) = exact })";
  const std::vector<Values> start = {{"m", {}, {0.1}}, {"g", {}, {1}}, {"s", {}, {2}}};
  const FitOptions options{.iterations = 30, .tolerance = 0.0, .init = start};
  const auto fit = [&](const std::string& text, const Data& data) {
    return fit_or_fail(bind_or_fail(compile(text), data), options);
  };
  const Fit a =
      fit(head + R"(plate group = by("y2")  data y: real = column("y1")  latent z: real per group  )" + tail,
          table(tall, 2));
  const Fit b = fit(head + R"(axis T = 4  data y: real[T] missing  latent z: real  )" + tail, table(wide, 4));
  CHECK(a.objective == Approx(b.objective).epsilon(1e-12));
  for (const char* name : {"m", "g", "s"})
    CHECK(values(a, name)[0] == Approx(values(b, name)[0]).epsilon(1e-10));
}

TEST_CASE("what is per a plate may not differ inside of a group, and every row has a group") {
  const Model model =
      compile(R"(model m { plate group = by("g")  data y: real = column("y")  given u: real per group
    param a: real  param b: real  param s: positive  latent z: real per group
    P(z | u) = Normal(a + b * u, sd: 1)
    P(y | z) = Normal(z, sd: s)
    q(z | y, u) = exact })");
  REQUIRE(model.ok());
  const auto bound = [&](std::vector<double> rows) {
    std::vector<HostColumn> columns;
    const char* names[] = {"g", "u", "y"};
    for (size_t i = 0; i < 3; ++i) columns.push_back({names[i], rows.data() + i, 3});
    return bind(model, make_data(columns, static_cast<int64_t>(rows.size() / 3)));
  };
  CHECK(bound({1, 5, 2, 1, 5, 3, 2, 6, 3}).ok());
  const BoundModel differs = bound({1, 5, 2, 1, 5.5, 3, 2, 6, 3});
  CHECK_FALSE(differs.ok());
  CHECK_THAT(
      differs.report().render(),
      Catch::Contains("E0545") &&
          Catch::Contains("`u` is one value per `group`, and in `1` it is 5 in one row and 5.5 in another"));
  const BoundModel lacks = bound({1, 5, 2, std::nan(""), 5, 3, 2, 6, 3});
  CHECK_FALSE(lacks.ok());
  CHECK_THAT(lacks.report().render(), Catch::Contains("E0544"));
}

}  // namespace lvm::numeric
