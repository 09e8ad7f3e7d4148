// Mixtures of counts, and of items with levels (latent class analysis), against the plain EM of
// tests/oracles/items.py from the same start.

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/numeric/fixture.h"
#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

constexpr double tolerance = 1e-8;

/// A file of numbers in examples/data: its columns by name.
std::map<std::string, std::vector<double>> numbers_of(const std::string& name) {
  std::ifstream in(std::string(LVM_SOURCE_DIR) + "/examples/data/" + name + ".csv");
  std::string line, cell;
  REQUIRE(std::getline(in, line));
  std::vector<std::string> header;
  for (std::stringstream cells(line); std::getline(cells, cell, ',');) header.push_back(cell);
  std::map<std::string, std::vector<double>> columns;
  while (std::getline(in, line)) {
    size_t i = 0;
    for (std::stringstream cells(line); std::getline(cells, cell, ','); ++i)
      columns[header.at(i)].push_back(std::stod(cell));
  }
  return columns;
}

/// How many thresholds are at most x; x itself where there are none.
double cut(double x, const Json::Array& thresholds) {
  if (thresholds.empty()) return x;
  return static_cast<double>(
      std::ranges::count_if(thresholds, [&](const Json& each) { return each.number() <= x; }));
}

Data data_of(const Json& test) {
  if (test.object().contains("cells")) return table_of(test["cells"]);
  const auto numbers = numbers_of(test["data"].text());
  std::map<std::string, std::vector<double>> levels;
  for (const auto& [name, spec] : test["table"].object()) {
    for (const double x : numbers.at(spec.array().at(0).text()))
      levels[name].push_back(cut(x, spec.array().at(1).array()));
  }
  std::vector<HostColumn> host;
  for (const auto& [name, cells] : levels) host.push_back({name, cells.data(), 1});
  return make_data(host, static_cast<int64_t>(levels.begin()->second.size()));
}

void check_case(const Json& test) {
  INFO(test["name"].text());
  const Model model = compile(test["text"].text());
  INFO(model.report().render());
  REQUIRE(model.ok());
  const BoundModel bound = bind_or_fail(model, data_of(test));
  FitOptions options{.iterations = 0, .tolerance = 0.0, .init = parameters_of(test["start"])};
  const auto check_value = [](double actual, const Json& expected) {
    CHECK(actual == Approx(expected.number()).epsilon(tolerance).margin(0));
  };
  check_value(fit_or_fail(bound, options).objective, test["start_log_likelihood"]);
  options.iterations = static_cast<int64_t>(test["updates"].number());
  const Fit after = fit_or_fail(bound, options);
  check_value(after.objective, test["after"]["log_likelihood"]);
  check_parameters(after, test["after"]["parameters"], tolerance);
  if (!test.object().contains("converged")) return;
  options.iterations = 100'000;
  options.tolerance = 1e-9;
  const Fit end = fit_or_fail(bound, options);
  CHECK(end.converged);
  check_value(end.objective, test["converged"]);
}

void check_cases(const std::string& of, size_t count) {
  const Json all = fixture("items");
  size_t found = 0;
  for (const Json& test : all.array()) {
    if (!test["name"].text().starts_with(of)) continue;
    ++found;
    check_case(test);
  }
  CHECK(found == count);
}

}  // namespace

TEST_CASE("mixtures of Poissons of the discoveries equal the oracle") {
  check_cases("discoveries", 3);
}

TEST_CASE("latent classes of faithful, cut into levels, equal the oracle") {
  check_cases("faithful", 4);
}

TEST_CASE("latent classes of a survey with absent answers equal the oracle") {
  check_cases("survey", 1);
}

TEST_CASE("latent classes of the digits, cut into four levels, equal the oracle") {
  check_cases("digits", 1);
}

}  // namespace lvm::numeric
