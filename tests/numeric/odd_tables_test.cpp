// Tables that leave little to fit: one row, fewer rows than components, constant columns, rows that stand
// twice, scales from 1e-6 to 1e6, absent cells, weights of 0. A fit gets through, with an objective that is a
// number and never drops, or ends with an error that says why; and the interpreter says the same. LVM_LONG=1
// runs ten times as many.

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

struct OddTable {
  std::string form;
  int64_t K = 1, columns = 1;
  bool missing = false, weighted = false;
  std::vector<double> cells, weights;

  int64_t rows() const { return static_cast<int64_t>(cells.size()) / columns; }
};

OddTable odd_table(uint64_t seed) {
  std::mt19937_64 engine(seed * 7919 + 1);
  const auto whole = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine);
  };
  const auto chance = [&](double p) { return std::uniform_real_distribution<double>()(engine) < p; };
  std::normal_distribution<double> normal;
  OddTable table;
  table.form = gaussian_forms[seed % std::size(gaussian_forms)];
  table.K = whole(1, 5);
  table.columns = whole(1, 3);
  const int64_t rows = chance(0.2) ? 1 : whole(1, 12);
  std::vector<double> scale, offset;
  std::vector<bool> constant;
  for (int64_t d = 0; d < table.columns; ++d) {
    scale.push_back(std::pow(10.0, static_cast<double>(whole(-6, 6))));
    offset.push_back(scale.back() * static_cast<double>(whole(-3, 3)));
    constant.push_back(chance(0.15));
  }
  for (int64_t row = 0; row < rows; ++row) {
    const bool copy = row > 0 && chance(0.3);
    for (size_t d = 0; d < scale.size(); ++d) {
      const double fresh = offset[d] + (constant[d] ? 0 : scale[d] * normal(engine));
      table.cells.push_back(copy ? table.cells[table.cells.size() - scale.size()] : fresh);
    }
  }
  table.missing = chance(0.4);
  for (double& cell : table.cells) {
    if (table.missing && chance(0.2)) cell = std::numeric_limits<double>::quiet_NaN();
  }
  table.weighted = chance(0.4);
  for (int64_t row = 0; table.weighted && row < rows; ++row)
    table.weights.push_back(static_cast<double>(whole(0, 2)));
  return table;
}

/// The codes of its errors; the rest of a report holds numbers that differ in their last digits.
std::vector<std::string> errors_of(const Report& report) {
  std::vector<std::string> codes;
  for (const Message& message : report.messages()) {
    if (message.error) codes.push_back(message.code);
  }
  return codes;
}

void check_fit(const Fit& fit) {
  if (!fit.ok()) {
    CHECK_FALSE(errors_of(fit.report()).empty());
    return;
  }
  CHECK(std::isfinite(fit.objective));
  for (const Parameter& parameter : fit.parameters) {
    for (const double value : parameter.values) CHECK(std::isfinite(value));
  }
  for (size_t i = 1; i < fit.trace.size(); ++i)
    CHECK(fit.trace[i] >= fit.trace[i - 1] - 1e-9 * (1 + std::abs(fit.trace[i])));
}

}  // namespace

TEST_CASE("tables that leave little to fit get through, or are refused with a reason") {
  const uint64_t count = std::getenv("LVM_LONG") != nullptr ? 3000 : 300;
  int64_t through = 0, refused = 0;
  for (uint64_t seed = 0; seed < count; ++seed) {
    const OddTable odd = odd_table(seed);
    INFO("case " << seed << ": " << odd.form << ", K = " << odd.K << ", " << odd.rows() << " rows of "
                 << odd.columns << " columns" << (odd.missing ? ", absent cells" : "")
                 << (odd.weighted ? ", weights" : ""));
    std::vector<HostColumn> host;
    for (int64_t d = 0; d < odd.columns; ++d)
      host.push_back({"y" + std::to_string(d + 1), odd.cells.data() + d, odd.columns});
    if (odd.weighted) host.push_back({"n", odd.weights.data(), 1});
    const Data data = make_data(host, odd.rows());
    BindOptions binding;
    for (int64_t d = 0; d < odd.columns; ++d) binding.columns["y"].push_back("y" + std::to_string(d + 1));
    const BoundModel bound =
        bind(compile_mixture(odd.form, odd.K, odd.weighted ? Weights::column : Weights::none, odd.missing),
             data, binding);
    if (!bound.ok()) {
      CHECK_FALSE(errors_of(bound.report()).empty());
      ++refused;
      continue;
    }
    FitOptions options{.iterations = 60, .restarts = 2, .threads = 1};
    const Fit compiled = fit(bound, options);
    options.backend = Backend::interpreter;
    const Fit interpreted = fit(bound, options);
    INFO("compiled:\n" << compiled.report().render() << "\ninterpreted:\n" << interpreted.report().render());
    check_fit(compiled);
    check_fit(interpreted);
    CHECK(errors_of(compiled.report()) == errors_of(interpreted.report()));
    ++(compiled.ok() ? through : refused);
  }
  // Both ends are met.
  CHECK(through > 20);
  CHECK(refused > 20);
}

}  // namespace lvm::numeric
