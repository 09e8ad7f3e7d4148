// Compiled steps against the interpreter's, and the same bits on any number of threads.

#include <cmath>

#include "tests/unit/gradient/models.h"
#include "tests/unit/gradient/support.h"

namespace lvm {
namespace {

/// Two steps and a bit: the last batch is short, and none is a whole number of lanes.
const Settings settings = {{"fit.batch", "37"}, {"fit.epochs", "2"}, {"fit.precision", "double"}, {"fit.optimizer", "adam(rate: 0.01)"}};

double greatest_difference(const runtime::Fitted& a, const runtime::Fitted& b) {
  double greatest = std::abs(a.objective - b.objective) / (1 + std::abs(a.objective));
  REQUIRE(a.parameters.size() == b.parameters.size());
  for (size_t p = 0; p < a.parameters.size(); ++p) {
    REQUIRE(a.parameters[p].values.size() == b.parameters[p].values.size());
    for (size_t i = 0; i < a.parameters[p].values.size(); ++i)
      greatest = std::max(greatest, std::abs(a.parameters[p].values[i] - b.parameters[p].values[i]));
  }
  return greatest;
}

}  // namespace

TEST_CASE("a compiled step is the interpreter's, in double and in single") {
  for (const test::GradientModel& model : test::gradient_models()) {
    const runtime::Table table = test::made_table(90, model.columns, model.flags);
    const test::Lowered made = test::lower(model.text, table, settings);
    INFO(model.name);
    const runtime::Fitted oracle = test::train(made, test::interpreted(made));
    CHECK(greatest_difference(oracle, test::train(made, test::compiled(made, 1))) < 1e-10);
    Settings single = settings;
    single["fit.precision"] = "single";
    const test::Lowered narrow = test::lower(model.text, table, single);
    CHECK(narrow.program().single);
    CHECK(greatest_difference(oracle, test::train(narrow, test::compiled(narrow, 1))) < 2e-3);
  }
}

TEST_CASE("any number of threads gives the same bits") {
  for (const test::GradientModel& model : test::gradient_models()) {
    for (const char* precision : {"single", "double"}) {
      Settings own = settings;
      own["fit.precision"] = precision;
      own["fit.batch"] = model.whole_batches ? "250" : "300";  // more than a tile, and several stretches
      const test::Lowered made = test::lower(model.text, test::made_table(700, model.columns, model.flags), own);
      INFO(model.name << " " << precision);
      const runtime::Fitted one = test::train(made, test::compiled(made, 1));
      for (const int threads : {2, 4}) CHECK(greatest_difference(one, test::train(made, test::compiled(made, threads))) == 0);
    }
  }
}

TEST_CASE("tiles of a batch add up: a batch larger than a tile is the interpreter's too") {
  const test::GradientModel model = test::gradient_models().front();
  Settings own = settings;
  own["fit.batch"] = "600";
  const test::Lowered made = test::lower(model.text, test::made_table(600, 5), own);
  CHECK(greatest_difference(test::train(made, test::interpreted(made)), test::train(made, test::compiled(made, 2))) < 1e-10);
}

TEST_CASE("rows held out are not trained on, and the best parameters are kept") {
  const test::GradientModel model = test::gradient_models().front();
  Settings own = settings;
  own["fit.holdout"] = "0.2";
  own["fit.epochs"] = "300";
  own["fit.patience"] = "2";
  own["fit.optimizer"] = "adam(rate: 0.2)";
  const test::Lowered made = test::lower(model.text, test::made_table(100, 5), own);
  const runtime::Fitted fitted = test::train(made, test::compiled(made, 1));
  CHECK(fitted.rows == 80);
  CHECK(fitted.held_out_rows == 20);
  REQUIRE(fitted.held_out.has_value());
  CHECK(fitted.stop == runtime::Stop::patience);
  double best = -std::numeric_limits<double>::infinity();
  size_t at = 0;
  for (size_t i = 0; i < fitted.trace.size(); ++i) {
    if (fitted.trace[i].held_out > best) best = fitted.trace[at = i].held_out;
  }
  CHECK(at + 3 == fitted.trace.size());
}

}  // namespace lvm
