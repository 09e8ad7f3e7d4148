// The derivative of the bound against central differences of the bound itself, both by the interpreter, and the draws held fixed.

#include <cmath>

#include "runtime/batches.h"
#include "tests/unit/gradient/models.h"
#include "tests/unit/gradient/support.h"

namespace lvm {
namespace {

/// A Program whose optimiser is plain: one step moves each coordinate by its gradient.
struct Probe {
  ir::Program program;
  ir::Executable functions;
  runtime::BatchTile<double> tile;
  std::vector<double> derived, statistics, output;
  int64_t rows;

  Probe(const test::Lowered& made, int64_t count)
      : program(test::interpreted(made).program), functions(interpreter::interpret(program)), tile(program),
        derived(static_cast<size_t>(program.derived_doubles())), statistics(static_cast<size_t>(program.statistic_doubles())),
        output(static_cast<size_t>(program.parameter_doubles()) + LVM_TILE_ROWS * 64), rows(count) {
    const runtime::RowMajorTable<double> table(program, *made.lowered.data);
    std::vector<int64_t> all;
    for (int64_t row = 0; row < rows; ++row) all.push_back(row);
    tile.fill(table, all, 3, runtime::Site::noise, 1);
    for (const ir::Slot& slot : program.derived) {
      const bool rows_slot = slot.name == ir::batch_rows_slot || slot.name == ir::data_rows_slot;
      derived[static_cast<size_t>(slot.offset)] = rows_slot ? static_cast<double>(rows) : slot.name == ir::divergence_slot ? 0.7 : 1;
    }
  }

  void call(const char* name, const std::vector<double>& parameters, double* to) {
    if (!functions.contains(name)) return;
    lvm_frame frame{};
    frame.columns = tile.columns();
    frame.parameters = parameters.data();
    frame.derived = derived.data();
    frame.statistics = statistics.data();
    frame.output = to;
    frame.rows = static_cast<int32_t>(rows);
    REQUIRE(functions.at(name)(&frame) == 0);
  }

  double statistic(const std::string& name) const {
    for (const ir::Slot& slot : program.statistics) {
      if (slot.name == name) return statistics[static_cast<size_t>(slot.offset)];
    }
    return 0;
  }

  /// What is climbed, a row: with a weight on the divergence, and the prior's share.
  double climbed(const std::vector<double>& parameters, bool weighted) {
    call("prepare", parameters, derived.data());
    call("step", parameters, nullptr);
    const double bound = weighted ? statistic("reconstruction") - 0.7 * statistic("divergence") : statistic("objective");
    call("prior", parameters, derived.data());
    double prior = 0;
    for (const ir::Slot& slot : program.derived) {
      if (slot.name == ir::log_prior_slot) prior = derived[static_cast<size_t>(slot.offset)];
    }
    return (bound + prior) / static_cast<double>(rows);
  }
};

}  // namespace

TEST_CASE("the derivative of the bound is that of central differences") {
  for (const test::GradientModel& model : test::gradient_models()) {
    const test::Lowered made = test::lower(model.text, test::made_table(23, model.columns, model.flags), {{"fit.optimizer", "sgd(rate: 1)"}});
    INFO(model.name);
    Probe probe(made, 23);
    const bool weighted = model.text.find("beta") != std::string::npos;
    std::vector<double> at(static_cast<size_t>(probe.program.parameter_doubles()));
    const runtime::Random random(5, runtime::Site::user, 1);
    for (size_t i = 0; i < at.size(); ++i) at[i] = 0.4 * random.normal(static_cast<int64_t>(i));
    probe.climbed(at, weighted);
    std::vector<double> moved = at;
    probe.call("optimise", at, moved.data());
    int64_t checked = 0;
    for (const ir::ParameterSlot& slot : probe.program.parameters) {
      for (int64_t i = slot.offset; i < slot.offset + slot.size; ++i) {
        const auto place = static_cast<size_t>(i);
        constexpr double h = 1e-5;
        std::vector<double> above = at, below = at;
        above[place] += h;
        below[place] -= h;
        const double difference = (probe.climbed(above, weighted) - probe.climbed(below, weighted)) / (2 * h);
        INFO(slot.name << " " << i - slot.offset);
        CHECK(std::abs(moved[place] - at[place] - difference) < 1e-6 * (1 + std::abs(difference)));
        ++checked;
      }
    }
    CHECK(checked > 5);
  }
}

}  // namespace lvm
