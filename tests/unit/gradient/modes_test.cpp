// Layers that compute something else while networks are trained: draws of dropout, and batch_norm with its
// running statistics.

#include <cmath>

#include "runtime/batches.h"
#include "tests/unit/gradient/models.h"
#include "tests/unit/gradient/support.h"

namespace lvm {
namespace {

const test::GradientModel& model_named(const std::vector<test::GradientModel>& models,
                                       const std::string& name) {
  return *std::ranges::find(models, name, &test::GradientModel::name);
}

bool reads(const ir::Program& program, const char* function, const std::string& leaf) {
  return std::ranges::any_of(program.module.find(function)->nodes,
                             [&](const ir::Node& node) { return node.attributes.text == leaf; });
}

const std::vector<double>& values(const runtime::Fitted& fitted, const std::string& name) {
  return std::ranges::find(fitted.parameters, name, &runtime::FittedParameter::name)->values;
}

/// One tile of a table, and calls of a Program's functions on it.
struct Tile {
  const ir::Program& program;
  ir::Executable functions;
  runtime::BatchTile<double> tile;
  runtime::Numbers<double> derived, statistics, output;
  int32_t rows;

  Tile(const ir::Program& p, const runtime::BoundData& data, int32_t count)
      : program(p),
        functions(interpreter::interpret(p)),
        tile(p),
        derived(static_cast<size_t>(p.derived_doubles()), 1),
        statistics(static_cast<size_t>(p.statistic_doubles())),
        output(
            static_cast<size_t>((p.row_outputs.back().offset + p.row_outputs.back().size) * LVM_TILE_ROWS)),
        rows(count) {
    const runtime::RowMajorTable<double> table(p, data);
    std::vector<int64_t> all;
    for (int64_t row = 0; row < count; ++row) all.push_back(row);
    tile.fill(table, all, 3, runtime::Site::noise, 1);
  }
  double call(const char* name, const runtime::Numbers<double>& parameters, double* to) {
    lvm_frame frame{};
    frame.columns = tile.columns();
    frame.parameters = parameters.data();
    frame.derived = derived.data();
    frame.statistics = statistics.data();
    frame.output = to;
    frame.rows = rows;
    if (functions.contains(name)) REQUIRE(functions.at(name)(&frame) == 0);
    return statistics[static_cast<size_t>(
        std::ranges::find(program.statistics, "objective", &ir::Slot::name)->offset)];
  }
};

}  // namespace

TEST_CASE("only steps read the draws of dropout, new ones in each step") {
  const auto models = test::gradient_models();
  const test::GradientModel& model = model_named(models, "dropout");
  const test::Lowered made =
      test::lower(model.text, test::made_table(256, model.columns), {{"fit.batch", "256"}});
  const ir::Program& program = made.program();
  CHECK(program.trained_otherwise);
  const runtime::RowMajorTable<double> table(program, *made.lowered.data);
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < 256; ++row) rows.push_back(row);
  runtime::BatchTile<double> tile(program), again(program);
  tile.fill(table, rows, 3, runtime::Site::noise, 1);
  again.fill(table, rows, 3, runtime::Site::noise, 2);
  for (const auto& [name, stays] :
       std::vector<std::pair<std::string, double>>{{"noise.encode.h.dropout1", 0.8},
                                                   {"noise.encode.h.dropout2", 0.5},
                                                   {"noise.decode.dropout1", 0.75}}) {
    INFO(name);
    const auto slot = std::ranges::find(program.data, name, &ir::DataSlot::name);
    REQUIRE(slot != program.data.end());
    CHECK(reads(program, "step", name));
    CHECK_FALSE(reads(program, "bound", name));
    double sum = 0, changed = 0;
    const auto count = static_cast<double>(slot->size * 256);
    for (int64_t e = slot->offset; e < slot->offset + slot->size; ++e)
      for (int64_t row = 0; row < 256; ++row) {
        const bool first = static_cast<const double*>(tile.columns()[e])[row] < stays,
                   second = static_cast<const double*>(again.columns()[e])[row] < stays;
        sum += first ? 1 / stays : 0;
        changed += first != second;
      }
    // Means of independent draws: within five standard deviations.
    CHECK(std::abs(sum / count - 1) < 5 * std::sqrt((1 / stays - 1) / count));
    CHECK(std::abs(changed / count - 2 * stays * (1 - stays)) < 5 * 0.5 / std::sqrt(count));
  }
}

TEST_CASE("evaluation takes running statistics: with those of the batch it is the step's bound") {
  std::string text = model_named(test::gradient_models(), "batch norms").text;
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"batch_norm(y)", "batch_norm(y, momentum: 0)"},
                                                        {"9, bias: none)", "9, bias: none), momentum: 0"},
                                                        {"momentum: 0.8", "momentum: 0"}}) {
    REQUIRE(text.find(from) != std::string::npos);
    text.replace(text.find(from), from.size(), to);
  }
  const test::Lowered made = test::lower(text, test::made_table(40, 5));
  const ir::Program program = driver::plain_gradient(made.lowered);
  Tile tile(program, *made.lowered.data, 40);
  runtime::Numbers<double> at(static_cast<size_t>(program.parameter_doubles())), next(at);
  const runtime::Random random(5, runtime::Site::user, 1);
  for (size_t i = 0; i < at.size(); ++i) at[i] = 0.5 + 0.4 * random.normal(static_cast<int64_t>(i));
  for (const ir::ParameterSlot& slot : program.parameters)
    if (slot.follows) std::fill_n(at.begin() + slot.offset, slot.size, 1.0);
  tile.call("prepare", at, tile.derived.data());
  const double in_step = tile.call("step", at, tile.output.data());
  tile.call("optimise", at, next.data());
  CHECK(std::abs(tile.call("bound", at, tile.output.data()) - in_step) > 1);
  int64_t running = 0;
  for (const ir::ParameterSlot& slot : program.parameters) {
    if (!slot.follows) continue;
    for (int64_t i = slot.offset; i < slot.offset + slot.size; ++i)
      at[static_cast<size_t>(i)] = next[static_cast<size_t>(i)];
    ++running;
  }
  CHECK(running == 6);
  tile.call("prepare", at, tile.derived.data());
  CHECK(tile.call("bound", at, tile.output.data()) == Approx(in_step).epsilon(1e-12));
  // A row is evaluated by itself.
  const std::vector<double> together(tile.output.begin(), tile.output.begin() + 8);
  tile.rows = 8;
  tile.call("bound", at, tile.output.data());
  for (size_t row = 0; row < 8; ++row) CHECK(tile.output[row] == Approx(together[row]).epsilon(1e-12));
}

TEST_CASE("running statistics become those of the data") {
  const test::GradientModel model = model_named(test::gradient_models(), "batch norms");
  const runtime::Table table = test::made_table(200, model.columns);
  const test::Lowered made = test::lower(
      model.text, table, {{"fit.batch", "200"}, {"fit.epochs", "300"}, {"fit.precision", "double"}});
  const runtime::Fitted fitted = test::train(made, test::compiled(made, 2));
  const auto& mean = values(fitted, "encode.h.batch_norm1.mean");
  const auto& variance = values(fitted, "encode.h.batch_norm1.variance");
  REQUIRE(mean.size() == 5);
  const runtime::RowMajorTable<double> rows(made.program(), *made.lowered.data);
  for (size_t d = 0; d < 5; ++d) {
    double sum = 0, squares = 0;
    for (size_t r = 0; r < 200; ++r) sum += rows.blocks().front()[r * 5 + d] / 200;
    for (size_t r = 0; r < 200; ++r) squares += std::pow(rows.blocks().front()[r * 5 + d] - sum, 2) / 200;
    CHECK(mean[d] == Approx(sum).margin(1e-9));
    CHECK(variance[d] == Approx(squares).epsilon(1e-9));
  }
  // What evaluation computes was trained: better than the model's bound at the start.
  CHECK(fitted.objective > fitted.trace.front().objective);
  // They are no parameters that are estimated: 5 + 5, 45, 9 + 9, 2 (18 + 2), 16, 8 + 8, 40 + 5.
  CHECK(fitted.free_parameters == 190);
}

TEST_CASE("a batch of one row trains, on the biases alone") {
  const test::GradientModel model = model_named(test::gradient_models(), "batch norms");
  const test::Lowered made =
      test::lower(model.text, test::made_table(6, model.columns),
                  {{"fit.batch", "1"}, {"fit.epochs", "2"}, {"fit.precision", "double"}});
  const runtime::Fitted oracle = test::train(made, test::interpreted(made)),
                        fitted = test::train(made, test::compiled(made, 2));
  CHECK(std::isfinite(oracle.objective));
  CHECK(fitted.objective == Approx(oracle.objective).epsilon(1e-10));
}

TEST_CASE("batches of batch_norm are one tile at most, and moments need rows that are drawn once") {
  const test::GradientModel model = model_named(test::gradient_models(), "batch norms");
  const driver::Compiled compiled = driver::compile("test.lvm", model.text, {{"fit.batch", "257"}});
  CHECK(render_all(compiled.diagnostics, compiled.source.get()).find("set `batch` to 256 or less") !=
        std::string::npos);
}

}  // namespace lvm
