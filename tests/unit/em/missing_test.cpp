// The functions of a program whose rows are observed in part, one pattern at a time, against direct formulas;
// and a complete table's program, which has none of it.

#include <array>

#include "support.h"

namespace lvm::test {
namespace {

const char* const full =
    "model m { axis K = 2\n axis D = 3\n data y: real[D] missing\n param weight: simplex[K]\n param mean: "
    "real[K, D]\n"
    " param cov: covariance[K, D]\n latent z: category[K]\n P(z) = Categorical(weight)\n P(y | z) = "
    "Normal(mean[z], cov: cov[z])\n"
    " q(z | y) = exact }";

using Matrix3 = std::array<double, 9>;
const Matrix3 cov[2] = {{2, 0.5, 0.3, 0.5, 3, -0.2, 0.3, -0.2, 4},
                        {1, -0.4, 0.2, -0.4, 1.5, 0.6, 0.2, 0.6, 2}};

/// Runs one function of the program on parameters, derived values and statistics.
struct Runner {
  const ir::Program& program;
  ir::Executable functions = interpreter::interpret(program);
  std::vector<double> parameters = std::vector<double>(static_cast<size_t>(program.parameter_doubles()));
  std::vector<double> derived = std::vector<double>(static_cast<size_t>(program.derived_doubles()));
  std::vector<double> statistics = std::vector<double>(static_cast<size_t>(program.statistic_doubles()));

  template <class S>
  static const ir::Slot& slot(const std::vector<S>& slots, const std::string& name) {
    for (const S& each : slots) {
      if (each.name == name) return each;
    }
    FAIL("no slot " << name);
    throw 0;
  }
  void set(std::vector<double>& buffer, const ir::Slot& at, const std::vector<double>& values) const {
    REQUIRE(static_cast<int64_t>(values.size()) == at.size);
    std::copy(values.begin(), values.end(), buffer.begin() + at.offset);
  }
  std::vector<double> get(const std::vector<double>& buffer, const ir::Slot& at) const {
    return {buffer.begin() + at.offset, buffer.begin() + at.offset + at.size};
  }
  std::vector<double> run(const std::string& name, std::vector<double> output) {
    lvm_frame frame{};
    frame.parameters = parameters.data();
    frame.derived = derived.data();
    frame.statistics = statistics.data();
    frame.output = output.data();
    REQUIRE(functions.at(name)(&frame) == 0);
    return output;
  }
};

Runner runner_of(const ir::Program& program, const std::vector<double>& observed) {
  Runner run{program};
  run.set(run.parameters, Runner::slot(program.parameters, "weight"), {0.4, 0.6});
  run.set(run.parameters, Runner::slot(program.parameters, "mean"), {1, 2, 3, -1, 0, 2});
  std::vector<double> both(cov[0].begin(), cov[0].end());
  both.insert(both.end(), cov[1].begin(), cov[1].end());
  run.set(run.parameters, Runner::slot(program.parameters, "cov"), both);
  run.set(run.derived, Runner::slot(program.derived, "y.variance"), {1, 1, 1});
  run.derived = run.run("prepare", run.derived);
  run.set(run.derived, Runner::slot(program.derived, "y.observed"), observed);
  run.derived = run.run("pattern", run.derived);
  return run;
}

/// Regression of the absent element m on observed o and p, by Cramer's rule.
std::array<double, 2> slopes(const Matrix3& c, size_t m, size_t o, size_t p) {
  const double det = c[o * 3 + o] * c[p * 3 + p] - c[o * 3 + p] * c[o * 3 + p];
  return {(c[m * 3 + o] * c[p * 3 + p] - c[m * 3 + p] * c[o * 3 + p]) / det,
          (c[m * 3 + p] * c[o * 3 + o] - c[m * 3 + o] * c[o * 3 + p]) / det};
}

void check_near(const std::vector<double>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    INFO("element " << i);
    CHECK(actual[i] == Approx(expected[i]).epsilon(1e-13).margin(1e-14));
  }
}

}  // namespace

TEST_CASE("the functions of patterns parse back", "[em]") {
  const Compiled c = compiled(full, {});
  REQUIRE(c.program.module.find(ir::pattern_function));
  REQUIRE(c.program.module.find(ir::impute_function));
  const std::string text = ir::print(c.program.module);
  CHECK(ir::print(ir::parse_module(text)) == text);
}

TEST_CASE("a pattern's imputation is the regression on what is observed", "[em]") {
  const Compiled c = compiled(full, {});
  const size_t m = GENERATE(0, 1, 2);
  const size_t o = m == 0 ? 1 : 0, p = m == 2 ? 1 : 2;
  std::vector<double> observed(3, 1);
  observed[m] = 0;
  Runner run = runner_of(c.program, observed);
  std::vector<double> impute, spare;
  for (size_t k = 0; k < 2; ++k) {
    const auto slope = slopes(cov[k], m, o, p);
    Matrix3 a{}, s{};
    a[o * 4] = a[p * 4] = 1;
    a[m * 3 + o] = slope[0];
    a[m * 3 + p] = slope[1];
    s[m * 4] = cov[k][m * 4] - slope[0] * cov[k][m * 3 + o] - slope[1] * cov[k][m * 3 + p];
    impute.insert(impute.end(), a.begin(), a.end());
    spare.insert(spare.end(), s.begin(), s.end());
  }
  check_near(run.get(run.derived, Runner::slot(c.program.derived, "y.impute")), impute);
  check_near(run.get(run.derived, Runner::slot(c.program.derived, "y.spare")), spare);

  // Statistics of rows with d = e_o and n_k = 2, 5.
  const double n[2] = {2, 5};
  std::vector<double> s1(6, 0), s2(18, 0), s1_full(6, 0), s2_full(18, 0);
  for (size_t k = 0; k < 2; ++k) {
    s1[k * 3 + o] = n[k];
    s2[k * 9 + o * 4] = n[k];
    for (size_t i = 0; i < 3; ++i) {
      s1_full[k * 3 + i] = n[k] * impute[k * 9 + i * 3 + o];
      for (size_t j = 0; j < 3; ++j) {
        s2_full[k * 9 + i * 3 + j] =
            n[k] * (impute[k * 9 + i * 3 + o] * impute[k * 9 + j * 3 + o] + spare[k * 9 + i * 3 + j]);
      }
    }
  }
  run.set(run.statistics, Runner::slot(c.program.statistics, "n"), {2, 5});
  run.set(run.statistics, Runner::slot(c.program.statistics, "s1"), s1);
  run.set(run.statistics, Runner::slot(c.program.statistics, "s2"), s2);
  const std::vector<double> completed = run.run("impute", run.statistics);
  check_near(run.get(completed, Runner::slot(c.program.statistics, "n")), {2, 5});
  check_near(run.get(completed, Runner::slot(c.program.statistics, "s1")), s1_full);
  check_near(run.get(completed, Runner::slot(c.program.statistics, "s2")), s2_full);
  std::vector<double> cells;
  for (size_t k = 0; k < 2; ++k) {
    for (size_t i = 0; i < 3; ++i) cells.push_back(i == m ? 0 : n[k]);
  }
  check_near(run.get(completed, Runner::slot(c.program.statistics, "cells")), cells);
}

TEST_CASE("of a row without any cell the covariance itself is spare", "[em]") {
  const Compiled c = compiled(full, {});
  const Runner run = runner_of(c.program, {0, 0, 0});
  check_near(run.get(run.derived, Runner::slot(c.program.derived, "y.impute")), std::vector<double>(18, 0));
  std::vector<double> both(cov[0].begin(), cov[0].end());
  both.insert(both.end(), cov[1].begin(), cov[1].end());
  check_near(run.get(run.derived, Runner::slot(c.program.derived, "y.spare")), both);
}

TEST_CASE("of a complete row nothing is imputed", "[em]") {
  const Compiled c = compiled(full, {});
  const Runner run = runner_of(c.program, {1, 1, 1});
  check_near(run.get(run.derived, Runner::slot(c.program.derived, "y.impute")),
             {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1});
  check_near(run.get(run.derived, Runner::slot(c.program.derived, "y.spare")), std::vector<double>(18, 0));
}

}  // namespace lvm::test
