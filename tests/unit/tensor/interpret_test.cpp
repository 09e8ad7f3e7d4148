// A Program behind lvm_frame: where columns are read and outputs are written.

#include <array>
#include <limits>

#include "tests/unit/tensor/support.h"

using namespace lvm;
using namespace lvm::ir;
using namespace lvm::test;

namespace {

/// y[row, D] and z[row] in, one function of each binding time.
Program small_program() {
  Program p;
  p.model = "small";
  p.method = "em";
  p.module = module_of(
      "function \"prepare\" prepare\n  %0 : positive[K] = parameter \"weight\"\n  %1 : real[K] = log %0\n  "
      "%2 : bool[K] = is_finite %1\n"
      "  %3 : real[D] = parameter \"shift\"\n  %4 : bool[D] = is_finite %3\n"
      "  derived \"log_weight\" %1\n  check \"weight\" %2\n  check \"shift\" %4\nend\n"
      "function \"rows\" rows\n  %0 : real[row, D] = data \"y\"\n  %1 : real[K] = derived \"log_weight\"\n  "
      "%2 : category<K>[row] = data \"z\"\n"
      "  %3 : bool[row, K] = one_hot [K] %2\n  %4 : real[K, D] = contract [row] %0, %3\n  %5 : real[row] = "
      "gather [K] %1, %2\n"
      "  %6 : real = sum [row] %5\n  %7 : real[row, D] = neg %0\n"
      "  statistic \"s\" %4\n  objective \"objective\" %6\n  row \"negative\" %7\n  row \"picked\" %5\nend\n"
      "function \"update\" update\n  %0 : real[K, D] = statistic \"s\"\n  %1 : real = statistic "
      "\"objective\"\n  %2 : real[K] = sum [D] %0\n"
      "  %3 : real[K] = add %2, %1\n  %4 : real[D] = parameter \"shift\"\n  parameter \"weight\" %3\n  "
      "parameter \"shift\" %4\nend\n");
  p.data = {{{"y", {2}}, Element::real}, {{"z", {}}, Element::category}};
  p.data[0].axes = {0, 2};
  p.data[1].axes = {0};
  p.parameters.resize(2);
  p.parameters[0].name = "weight";
  p.parameters[0].axes = {1};
  p.parameters[1].name = "shift";
  p.parameters[1].axes = {2};
  p.derived = {{"log_weight", {1}}};
  p.statistics = {{"s", {1, 2}}, {"objective", {}}};
  p.row_outputs = {{"negative", {0, 2}}, {"picked", {0}}};
  p.checks.resize(2);
  p.checks[0].name = "weight";
  p.checks[0].axes = {1};
  p.checks[1].name = "shift";
  p.checks[1].axes = {2};
  p.phases = {{"em", {"prepare", "rows", "update"}}};
  assign_offsets(p);
  return p;
}

constexpr double inf = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("slots are laid out one behind the other, rows left out") {
  const Program p = small_program();
  REQUIRE(verify(p.module).empty());
  CHECK(p.data_columns() == 3);
  CHECK(p.parameter_doubles() == 5);
  CHECK(p.derived_doubles() == 3);
  CHECK(p.statistic_doubles() == 7);
  CHECK(p.parameters[1].offset == 3);
  CHECK(p.statistics[1].offset == 6);
  CHECK(p.row_outputs[1].offset == 2);
  const std::string text = print(p);
  CHECK(text.find("phase em: prepare, rows, update\n") != std::string::npos);
  CHECK(text.find("statistic \"objective\" at 6, 1\n") != std::string::npos);
  CHECK(text.find(print(p.module)) != std::string::npos);
}

TEST_CASE("rows functions read only the rows of the tile and add to lane 0") {
  const Program p = small_program();
  const Executable functions = interpreter::interpret(p);
  // Beyond the third row stands what must not be read.
  const std::array<double, 8> y0 = {1, 2, 3, inf, inf, inf, inf, inf},
                              y1 = {10, 20, 30, inf, inf, inf, inf, inf}, z = {2, 0, 2, 1, 1, 1, 1, 1};
  const std::array<const void*, 3> columns = {y0.data(), y1.data(), z.data()};
  const std::array<double, 5> parameters = {1, 1, 1, 0, 0};
  const std::array<double, 3> derived = {-1, -2, -4};
  std::vector<double> statistics(7 * LVM_LANES, 100), output(3 * LVM_TILE_ROWS, 7);
  lvm_frame frame{};
  frame.columns = columns.data();
  frame.parameters = parameters.data();
  frame.derived = derived.data();
  frame.statistics = statistics.data();
  frame.output = output.data();
  frame.rows = 3;
  CHECK(functions.at("rows")(&frame) == 0);
  const std::vector<double> sums = {2, 20, 0, 0, 4, 40, -9};  // s[K][D], then the objective
  for (size_t e = 0; e < sums.size(); ++e) {
    CHECK(statistics[e * LVM_LANES] == 100 + sums[e]);
    CHECK(statistics[e * LVM_LANES + 1] == 100);
  }
  CHECK(output[0] == -1);
  CHECK(output[2] == -3);
  CHECK(output[3] == 7);
  CHECK(output[LVM_TILE_ROWS + 1] == -20);
  CHECK(output[2 * LVM_TILE_ROWS] == -4);
  CHECK(output[2 * LVM_TILE_ROWS + 1] == -1);
}

TEST_CASE("prepare writes derived values and returns the first failed check") {
  const Program p = small_program();
  const Executable functions = interpreter::interpret(p);
  std::array<double, 5> parameters = {1, std::exp(1.0), 1, 0, 0};
  std::array<double, 3> derived = {};
  lvm_frame frame{};
  frame.parameters = parameters.data();
  frame.output = derived.data();
  CHECK(functions.at("prepare")(&frame) == 0);
  CHECK(derived == std::array<double, 3>{0, 1, 0});
  parameters = {1, 1, 0, 0, 0};
  CHECK(functions.at("prepare")(&frame) == 3);  // 1 + offset 0 + element 2
  parameters = {1, 1, 1, 0, inf};
  CHECK(functions.at("prepare")(&frame) == 5);  // 1 + offset 3 + element 1
  parameters = {1, 0, 1, inf, 0};
  CHECK(functions.at("prepare")(&frame) == 2);
}

TEST_CASE("update reads statistics without lanes and writes parameters") {
  const Program p = small_program();
  const Executable functions = interpreter::interpret(p);
  const std::array<double, 5> parameters = {1, 1, 1, 8, 9};
  std::array<double, 7> statistics = {1, 2, 3, 4, 5, 6, 100};
  std::array<double, 5> next = {};
  lvm_frame frame{};
  frame.parameters = parameters.data();
  frame.statistics = statistics.data();
  frame.output = next.data();
  CHECK(functions.at("update")(&frame) == 0);
  CHECK(next == std::array<double, 5>{103, 107, 111, 8, 9});
}

TEST_CASE("a slot that does not fit its leaf is an internal error") {
  Program p = small_program();
  p.parameters[0].axes = {2};
  assign_offsets(p);
  const Executable functions = interpreter::interpret(p);
  const std::array<double, 5> parameters = {};
  std::array<double, 3> derived = {};
  lvm_frame frame{};
  frame.parameters = parameters.data();
  frame.output = derived.data();
  CHECK_THROWS_WITH(functions.at("prepare")(&frame), Catch::Contains("parameter.weight"));
  p.parameters.clear();
  CHECK_THROWS_AS(functions.at("prepare")(&frame), InternalError);
}
