#include "tests/numeric/fixture.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>

namespace lvm::numeric {
namespace {

/// Nested arrays of one parameter to its shape and values.
void flatten(const Json& json, size_t depth, Values& into) {
  const auto* items = std::get_if<Json::Array>(&json.value);
  if (!items) {
    into.values.push_back(json.number());
    return;
  }
  if (into.shape.size() == depth) into.shape.push_back(static_cast<int64_t>(items->size()));
  for (const Json& item : *items) flatten(item, depth + 1, into);
}

}  // namespace

Json fixture(const std::string& name) {
  std::ifstream in(std::string(LVM_SOURCE_DIR) + "/tests/oracles/" + name + ".json", std::ios::binary);
  INFO("fixture " << name);
  REQUIRE(in.good());
  return parse_json(std::string(std::istreambuf_iterator<char>(in), {}));
}

namespace {

/// The columns of an example as a row-major table.
std::vector<double> example_rows(const std::string& name, const std::vector<std::string>& columns) {
  std::ifstream in(std::string(LVM_SOURCE_DIR) + "/examples/data/" + name + ".csv");
  const auto cells = [&] {
    std::vector<std::string> list;
    std::string line;
    if (!std::getline(in, line)) return list;
    std::istringstream parts(line);
    for (std::string cell; std::getline(parts, cell, ',');) list.push_back(cell);
    return list;
  };
  const std::vector<std::string> names = cells();
  std::vector<double> rows;
  for (std::vector<std::string> row = cells(); !row.empty(); row = cells()) {
    for (size_t i = 0; i < names.size(); ++i) {
      if (std::find(columns.begin(), columns.end(), names[i]) != columns.end())
        rows.push_back(std::stod(row[i]));
    }
  }
  REQUIRE_FALSE(rows.empty());
  return rows;
}

}  // namespace

Data table_with_holes(const Json& test) {
  std::vector<std::string> columns;
  for (const Json& column : test["columns"].array()) columns.push_back(column.text());
  std::vector<double> rows = example_rows(test["data"].text(), columns);
  for (const Json& cell : test["removed"].array()) {
    rows[static_cast<size_t>(cell.number())] = std::numeric_limits<double>::quiet_NaN();
  }
  return table(rows, static_cast<int64_t>(columns.size()));
}

Data table_of(const Json& columns) {
  std::vector<std::vector<double>> cells;
  std::vector<HostColumn> host;
  for (const auto& [name, column] : columns.object()) {
    std::vector<double>& values = cells.emplace_back();
    for (const Json& cell : column.array())
      values.push_back(cell.is_null() ? std::numeric_limits<double>::quiet_NaN() : cell.number());
  }
  size_t next = 0;
  for (const auto& [name, column] : columns.object()) host.push_back({name, cells[next++].data(), 1});
  return make_data(host, static_cast<int64_t>(cells.front().size()));
}

std::vector<Values> parameters_of(const Json& json) {
  std::vector<Values> result;
  for (const auto& [name, nested] : json.object()) {
    Values values{.name = name, .shape = {}, .values = {}};
    flatten(nested, 0, values);
    result.push_back(std::move(values));
  }
  return result;
}

namespace {

/// What element `i` of a parameter is measured against: a covariance by its two standard deviations,
/// probabilities down to 1e-6.
double magnitude(const Values& expected, size_t i) {
  const double own = std::abs(expected.values[i]);
  if (expected.name == "cov") {
    const auto D = static_cast<size_t>(expected.shape.back());
    const size_t matrix = i / (D * D) * D * D, row = i / D % D, column = i % D;
    return std::sqrt(expected.values[matrix + row * (D + 1)] * expected.values[matrix + column * (D + 1)]);
  }
  return expected.name == "weight" || expected.name == "p" ? std::max(own, 1e-6) : own;
}

}  // namespace

void check_parameters(const Fit& fit, const Json& expected_json, double tolerance) {
  for (const Values& expected : parameters_of(expected_json)) {
    const std::vector<double>& actual = values(fit, expected.name);
    REQUIRE(actual.size() == expected.values.size());
    double worst = 0;
    size_t place = 0;
    for (size_t i = 0; i < actual.size(); ++i) {
      const double error = std::abs(actual[i] - expected.values[i]) / magnitude(expected, i);
      if (!(error <= worst)) worst = error, place = i;
    }
    INFO(expected.name << " element " << place << ": " << actual[place] << ", the oracle "
                       << expected.values[place]);
    CHECK(worst <= tolerance);
  }
}

}  // namespace lvm::numeric
