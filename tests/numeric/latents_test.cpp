// Several finite latents a row, labels in some rows, hard EM: against the plain EM of
// tests/oracles/latents.py, which goes over every combination of values by itself.

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/numeric/ascent.h"
#include "tests/numeric/fixture.h"
#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

constexpr double tolerance = 1e-9;

BoundModel bound_case(const Json& test) {
  Model model = compile(test["text"].text(), {.file_name = test["name"].text(), .settings = {}});
  INFO(model.report().render());
  REQUIRE(model.ok());
  return bind_or_fail(model, table_of(test["table"]));
}

FitOptions from_start(const Json& test, int64_t updates) {
  return {.iterations = updates, .tolerance = 0.0, .threads = 1, .init = parameters_of(test["start"])};
}

void check_parameters(const Fit& fit, const std::vector<Values>& expected) {
  for (const Values& each : expected) {
    const std::vector<double>& actual = values(fit, each.name);
    REQUIRE(actual.size() == each.values.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      INFO(each.name << " element " << i);
      CHECK(actual[i] == Approx(each.values[i]).epsilon(tolerance).margin(tolerance));
    }
  }
}

std::vector<Values> parameters_of(const Fit& fit) {
  std::vector<Values> list;
  for (const Parameter& p : fit.parameters) list.push_back({p.name, p.shape, p.values});
  return list;
}

void check_case(const Json& test) {
  INFO(test["name"].text());
  const BoundModel bound = bound_case(test);
  const auto updates = static_cast<int64_t>(test["updates"].number());
  const Fit start = fit_or_fail(bound, from_start(test, 0));
  CHECK(start.objective == Approx(test["start_objective"].number()).epsilon(tolerance).margin(0));
  FitOptions options = from_start(test, updates);
  const Fit compiled = fit_or_fail(bound, options);
  CHECK(compiled.objective_name == test["objective_name"].text());
  CHECK(compiled.objective == Approx(test["objective"].number()).epsilon(tolerance).margin(0));
  check_parameters(compiled, parameters_of(test["parameters"]));
  for (size_t i = 1; i < compiled.trace.size(); ++i)
    CHECK(compiled.trace[i] >= compiled.trace[i - 1] - 1e-12 * std::abs(compiled.trace[i]));

  options.backend = Backend::interpreter;
  const Fit interpreted = fit_or_fail(bound, options);
  CHECK(interpreted.objective == Approx(compiled.objective).epsilon(1e-12).margin(0));
  check_parameters(interpreted, parameters_of(compiled));
}

const Json& case_named(const Json& all, std::string_view name) {
  for (const Json& test : all.array()) {
    if (test["name"].text() == name) return test;
  }
  FAIL("no case " << name);
  return all;
}

}  // namespace

TEST_CASE("finite latents equal a plain EM over all combinations of values") {
  const Json all = fixture("latents");
  for (const Json& test : all.array()) check_case(test);
}

TEST_CASE("finite latents: a start by k-means climbs, and gives the same bits on any number of threads") {
  const Json all = fixture("latents");
  for (const Json& test : all.array()) {
    INFO(test["name"].text());
    const BoundModel bound = bound_case(test);
    FitOptions options{.iterations = 30, .tolerance = 0.0, .restarts = 2, .threads = 1};
    const Fit one = fit_or_fail(bound, options);
    CHECK(std::isfinite(one.objective));
    CHECK(one.objective > test["start_objective"].number());
    for (const int threads : {2, 7}) {
      options.threads = threads;
      const Fit several = fit_or_fail(bound, options);
      CHECK(std::bit_cast<uint64_t>(several.objective) == std::bit_cast<uint64_t>(one.objective));
      for (const Parameter& p : one.parameters) CHECK(p.values == values(several, p.name));
    }
  }
}

TEST_CASE("without any label a partly observed category is a latent") {
  const Json all = fixture("latents");
  const Json& test = case_named(all, "labelled");
  Json no_labels = test;
  auto& columns = std::get<Json::Object>(std::get<Json::Object>(no_labels.value).at("table").value);
  auto& labels = std::get<Json::Array>(columns.at("c").value);
  for (Json& cell : labels) cell.value = nullptr;
  const Fit partly = fit_or_fail(bound_case(no_labels), from_start(test, 15));

  std::string text = test["text"].text();
  const std::string declared = "data c: category[K] missing";
  text.replace(text.find(declared), declared.size(), "latent c: category[K]");
  const Model plain = compile(text);
  columns.erase("c");
  const Fit latent = fit_or_fail(bind_or_fail(plain, table_of({columns})), from_start(test, 15));
  CHECK(partly.objective == Approx(latent.objective).epsilon(1e-12).margin(0));
  check_parameters(partly, parameters_of(latent));
}

TEST_CASE("the posterior of each latent sums to one, and is a point mass where the row has a label") {
  const Json all = fixture("latents");
  const Json& labelled = case_named(all, "labelled");
  const Fit fit = fit_or_fail(bound_case(labelled), from_start(labelled, 5));
  const std::vector<double> q = fit.responsibilities("c");
  const auto& labels = labelled["table"]["c"].array();
  REQUIRE(q.size() == 3 * labels.size());
  for (size_t row = 0; row < labels.size(); ++row) {
    for (size_t k = 0; k < 3; ++k) {
      if (labels[row].is_null()) continue;
      CHECK(q[3 * row + k] == (labels[row].number() == static_cast<double>(k) ? 1 : 0));
    }
    CHECK(q[3 * row] + q[3 * row + 1] + q[3 * row + 2] == Approx(1));
  }
  const Json& chain = case_named(all, "chain");
  const Fit both = fit_or_fail(bound_case(chain), from_start(chain, 5));
  CHECK(both.responsibilities("a").size() == 2 * chain["table"]["y"].array().size());
  CHECK(both.responsibilities("b").size() == 3 * chain["table"]["y"].array().size());
}

namespace {

/// Counts in two groups of groups, with a covariate that shifts both.
Data counts_and_reals() {
  std::mt19937_64 engine(5);
  std::vector<double> rows;
  for (int row = 0; row < 400; ++row) {
    const int a = row % 2, b = row % 3 == 0 ? 1 : 0;
    const double x = static_cast<double>(row % 17) / 8 - 1;
    const double rate = std::exp(0.5 + 1.5 * a + 0.8 * b);
    rows.push_back(std::poisson_distribution<int>(rate)(engine));
    rows.push_back(4.0 * b + x + std::normal_distribution<double>(0, 0.7)(engine));
    rows.push_back(x);
  }
  return table(rows, 3);
}

void check_top(const std::string& declarations, const std::string& factors,
               const std::vector<std::string>& parameters) {
  INFO(declarations << factors);
  const Model model = compile("model top {\n  axis A = 2\n  axis B = 2\n" + declarations +
                              "\n  latent a: category[A]\n  latent b: category[B]\n" + factors + "\n}\n");
  INFO(model.report().render());
  REQUIRE(model.ok());
  const BoundModel bound = bind_or_fail(model, counts_and_reals());
  const Fit fit = fit_or_fail(bound, {.iterations = 20'000, .tolerance = 1e-10});
  CHECK(fit.converged);
  for (const std::string& name : parameters) {
    for (size_t i = 0; i < values(fit, name).size(); ++i) {
      INFO(name << " " << i);
      CHECK(gain(bound, fit, name, i) < 1e-6);
    }
  }
}

}  // namespace

TEST_CASE(
    "two latents that meet in one slot, in a regression or in a gate end at the top of their likelihood") {
  const std::string shares = "  P(a) = Categorical(s)\n  P(b) = Categorical(t)\n";
  const std::string tables = "  param s: simplex[A]\n  param t: simplex[B]\n";
  const std::string data = "  data y1: count\n  data y2: real\n";
  check_top(data + tables + "  param u: real[A]\n  param w: real[B]\n  param m: real[B]\n  param v: positive",
            shares + "  P(y1 | a, b) = Poisson(log_rate: u[a] + w[b])\n  P(y2 | b) = Normal(m[b], var: v)\n",
            {"m", "v"});
  check_top(
      data + tables +
          "  given y3: real\n  param u: real[A]\n  param m: real[B]\n  param c: real[B]\n  param v: "
          "positive[B]",
      shares +
          "  P(y1 | a) = Poisson(log_rate: u[a])\n  P(y2 | b, y3) = Normal(m[b] + c[b] * y3, var: v[b])\n",
      {"u", "m", "c", "v"});
  check_top(data +
                "  axis J = 1\n  given x: real[J] = columns(\"y3\")\n  param s: simplex[A]\n"
                "  param g: real[A, B] ~ Normal(0, sd: 3)\n  param h: real[A, B, J] ~ Normal(0, sd: 3)\n"
                "  param u: positive[A]\n  param m: real[B]\n  param v: positive",
            "  P(a) = Categorical(s)\n  P(b | a, x) = Categorical(logits: g[a] + h[a] * x)\n"
            "  P(y1 | a) = Poisson(rate: u[a])\n  P(y2 | b) = Normal(m[b], var: v)\n",
            {"g", "h", "u", "m", "v"});
}

}  // namespace lvm::numeric
