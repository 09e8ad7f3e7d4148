// What is drawn anew for each batch: noise of latents, and flags with the probabilities of the table.

#include <cmath>

#include "runtime/batches.h"
#include "tests/unit/gradient/support.h"

namespace lvm {
namespace {

const char* const anew = R"(model m {
  axis D = columns
  data   y: bool[D] = binarise(scale(columns("*"), -1..3), stochastic)
  param  W: real[D]
  param  g: real[D]
  latent z: real
  P(z) = Normal(0, sd: 1)
  P(y | z) = Bernoulli(logits: W * z)
  q(z | y) = Normal(dot(g, y), sd: 1)
})";

constexpr double given[] = {-1, 0, 1, 2, 3, 1};  // probabilities 0, 1/4, 1/2, 3/4, 1, 1/2
constexpr int64_t columns = 6, rows = 40;

runtime::Table flags_table() {
  std::vector<std::vector<double>> cells;
  std::vector<runtime::HostColumn> list;
  for (const double value : given) cells.emplace_back(static_cast<size_t>(rows), value);
  for (size_t c = 0; c < cells.size(); ++c) list.push_back({"y" + std::to_string(c + 1), cells[c].data(), 1});
  return runtime::make_table(list, rows);
}

template <class Real>
std::vector<Real> drawn(const test::Lowered& made, uint32_t step, const std::vector<int64_t>& order) {
  const runtime::RowMajorTable<Real> table(made.program(), *made.lowered.data);
  runtime::BatchTile<Real> tile(made.program());
  tile.fill(table, order, 11, runtime::Site::noise, step);
  const int64_t first = made.program().data.front().offset;
  std::vector<Real> cells;
  for (int64_t c = 0; c < columns; ++c) {
    const auto* column = static_cast<const Real*>(tile.columns()[first + c]);
    cells.insert(cells.end(), column, column + order.size());
  }
  return cells;
}

std::vector<int64_t> all_rows() {
  std::vector<int64_t> order(static_cast<size_t>(rows));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  return order;
}

}  // namespace

TEST_CASE("flags are drawn anew in each step, with the probabilities of the table") {
  const test::Lowered made = test::lower(anew, flags_table());
  constexpr uint32_t steps = 400;
  std::vector<double> ones(columns, 0);
  for (uint32_t step = 1; step <= steps; ++step) {
    const std::vector<double> cells = drawn<double>(made, step, all_rows());
    for (size_t i = 0; i < cells.size(); ++i) {
      REQUIRE((cells[i] == 0 || cells[i] == 1));
      ones[i / rows] += cells[i];
    }
  }
  for (size_t c = 0; c < ones.size(); ++c) {
    const double p = (given[c] + 1) / 4, draws = steps * static_cast<double>(rows);
    INFO(p);
    CHECK(std::abs(ones[c] / draws - p) <=
          5 * std::sqrt(p * (1 - p) / draws));  // and exactly where p is 0 or 1
  }
  CHECK(drawn<double>(made, 1, all_rows()) != drawn<double>(made, 2, all_rows()));
}

TEST_CASE("a row's draws do not depend on the rows beside it") {
  const test::Lowered made = test::lower(anew, flags_table());
  const std::vector<float> all = drawn<float>(made, 3, all_rows());
  const std::vector<int64_t> some = {17, 4, 39};
  const std::vector<float> few = drawn<float>(made, 3, some);
  for (size_t c = 0; c < columns; ++c) {
    for (size_t i = 0; i < some.size(); ++i)
      CHECK(few[c * some.size() + i] == all[c * rows + static_cast<size_t>(some[i])]);
  }
}

TEST_CASE("a model of flags that are drawn anew trains, compiled as interpreted") {
  const test::Lowered made = test::lower(
      anew, flags_table(), {{"fit.epochs", "3"}, {"fit.batch", "16"}, {"fit.precision", "double"}});
  const runtime::Fitted oracle = test::train(made, test::interpreted(made)),
                        fast = test::train(made, test::compiled(made, 1));
  for (size_t p = 0; p < oracle.parameters.size(); ++p) {
    for (size_t i = 0; i < oracle.parameters[p].values.size(); ++i)
      CHECK(fast.parameters[p].values[i] ==
            Approx(oracle.parameters[p].values[i]).epsilon(1e-10).margin(1e-12));
  }
}

}  // namespace lvm
