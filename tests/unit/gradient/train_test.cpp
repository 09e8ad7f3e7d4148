// Compiled steps against the interpreter's, and the same bits on any number of threads.

#include <cmath>

#include "runtime/bfloat16.h"
#include "tests/unit/gradient/models.h"
#include "tests/unit/gradient/support.h"

namespace lvm {
namespace {

/// Two steps and a bit: the last batch is short, and none is a whole number of lanes.
const Settings settings = {{"fit.batch", "37"},
                           {"fit.epochs", "2"},
                           {"fit.precision", "double"},
                           {"fit.optimizer", "adam(rate: 0.01)"}};

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
    CHECK(narrow.program().single != model.double_alone);
    CHECK(greatest_difference(oracle, test::train(narrow, test::compiled(narrow, 1))) < 2e-3);
  }
}

TEST_CASE("the gradient of a step in bfloat16 is the interpreter's, as far as 8 bits go") {
  if (!runtime::has_bfloat16()) {
    WARN("this processor has no bfloat16 products");
    return;
  }
  // One step of the whole table: what the parameters move by is the gradient.
  Settings step = {{"fit.batch", "90"},
                   {"fit.epochs", "1"},
                   {"fit.optimizer", "sgd(rate: 0.01)"},
                   {"fit.precision", "bf16"}};
  int narrow = 0;
  for (const test::GradientModel& model : test::gradient_models()) {
    const test::Lowered made =
        test::lower(model.text, test::made_table(90, model.columns, model.flags), step);
    if (!made.program().narrow_products) continue;
    INFO(model.name);
    const runtime::Fitted oracle = test::train(made, test::interpreted(made)),
                          fitted = test::train(made, test::compiled(made, 1));
    step["fit.optimizer"] = "sgd(rate: 1e-300)";
    const test::Lowered still =
        test::lower(model.text, test::made_table(90, model.columns, model.flags), step);
    step["fit.optimizer"] = "sgd(rate: 0.01)";
    const runtime::Fitted start = test::train(still, test::interpreted(still));
    double square = 0, wrong = 0;
    for (size_t p = 0; p < oracle.parameters.size(); ++p) {
      for (size_t i = 0; i < oracle.parameters[p].values.size(); ++i) {
        square += std::pow(oracle.parameters[p].values[i] - start.parameters[p].values[i], 2);
        wrong += std::pow(fitted.parameters[p].values[i] - oracle.parameters[p].values[i], 2);
      }
    }
    // An operand is wrong by 2^-8 of itself at most, and of a gradient no more than four products with two
    // operands each stand one behind the other in these networks, and as many again in its derivative.
    constexpr double operands = 16;
    CHECK(std::sqrt(wrong) <= operands * 0x1p-8 * std::sqrt(square));
    narrow += std::sqrt(wrong) > 0x1p-11 * std::sqrt(square) ? 1 : 0;
  }
  CHECK(narrow >= 3);  // that have products of matrices at all
}

TEST_CASE("the biases of layers move at a rate of their own") {
  const std::vector<test::GradientModel> models = test::gradient_models();
  const auto model = std::ranges::find(models, std::string("networks of flags"), &test::GradientModel::name);
  REQUIRE(model != models.end());
  const auto trained = [&](const std::string& optimiser) {
    const Settings own = {
        {"fit.batch", "90"}, {"fit.epochs", "1"}, {"fit.precision", "double"}, {"fit.optimizer", optimiser}};
    const test::Lowered made =
        test::lower(model->text, test::made_table(90, model->columns, model->flags), own);
    return test::train(made, test::compiled(made, 1)).parameters;
  };
  const auto start = trained("sgd(rate: 1e-300)"), alike = trained("sgd(rate: 0.1)"),
             twice = trained("sgd(rate: 0.1, bias_rate: 2)");
  int biases = 0;
  for (size_t p = 0; p < start.size(); ++p) {
    INFO(start[p].name);
    const bool bias = start[p].name.ends_with(".bias");
    biases += bias ? 1 : 0;
    for (size_t i = 0; i < start[p].values.size(); ++i)
      CHECK(twice[p].values[i] - start[p].values[i] ==
            Approx((bias ? 2 : 1) * (alike[p].values[i] - start[p].values[i])).margin(1e-14));
  }
  CHECK(biases > 0);
}

TEST_CASE("any number of threads gives the same bits") {
  for (const test::GradientModel& model : test::gradient_models()) {
    for (const char* precision : {"single", "double", "bf16"}) {
      if (precision == std::string("bf16") && !runtime::has_bfloat16()) continue;
      Settings own = settings;
      own["fit.precision"] = precision;
      own["fit.batch"] = model.whole_batches ? "250" : "300";  // more than a tile, and several stretches
      const test::Lowered made =
          test::lower(model.text, test::made_table(700, model.columns, model.flags), own);
      INFO(model.name << " " << precision);
      const runtime::Fitted one = test::train(made, test::compiled(made, 1));
      for (const int threads : {2, 4})
        CHECK(greatest_difference(one, test::train(made, test::compiled(made, threads))) == 0);
    }
  }
}

TEST_CASE("tiles of a batch add up: a batch larger than a tile is the interpreter's too") {
  const test::GradientModel model = test::gradient_models().front();
  Settings own = settings;
  own["fit.batch"] = "600";
  const test::Lowered made = test::lower(model.text, test::made_table(600, 5), own);
  CHECK(greatest_difference(test::train(made, test::interpreted(made)),
                            test::train(made, test::compiled(made, 2))) < 1e-10);
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
