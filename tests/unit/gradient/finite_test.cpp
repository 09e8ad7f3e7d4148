// Finite latents beside draws, absent cells, and coordinates of events, each against arithmetic by hand.

#include <cmath>
#include <limits>

#include "certify/derivatives.h"
#include "runtime/initial_values.h"
#include "tests/unit/gradient/models.h"
#include "tests/unit/gradient/support.h"

namespace lvm {
namespace {

using certificate::Derivatives;
using Coordinates = Derivatives::Coordinates;

/// A lowered model in double, by the interpreter, at random coordinates.
struct Subject {
  test::Lowered made;
  ir::Program program;
  ir::Executable functions;
  Coordinates at;

  Subject(const std::string& text, const runtime::Table& table)
      : made(test::lower(text, table)),
        program(driver::plain_gradient(made.lowered)),
        functions(interpreter::interpret(program)) {
    const runtime::Random random(5, runtime::Site::user, 1);
    for (int64_t i = 0; i < program.parameter_doubles(); ++i) at.push_back(0.4 * random.normal(i));
  }
  int64_t rows() const { return made.lowered.data->rows; }
  double climbed(double weight = 1) {
    return Derivatives(program, functions, *made.lowered.data, rows(), weight).climbed(at);
  }
  double value(const std::string& name, int64_t element) const {
    return at[static_cast<size_t>(
        std::ranges::find(program.parameters, name, &ir::ParameterSlot::name)->offset + element)];
  }
  double cell(int64_t row, int64_t column) const {
    return made.lowered.data->packed.column(made.lowered.data->variables.front().first + column)[row];
  }
  /// The derivative against central differences.
  void check_derivative() {
    Derivatives derivatives(program, functions, *made.lowered.data, rows(), 1);
    const Coordinates gradient = derivatives.gradient(at);
    for (size_t i = 0; i < at.size(); ++i) {
      constexpr double h = 1e-5;
      Coordinates above = at, below = at;
      above[i] += h;
      below[i] -= h;
      const double difference = (derivatives.climbed(above) - derivatives.climbed(below)) / (2 * h);
      CHECK(std::abs(gradient[i] - difference) < 1e-6 * (1 + std::abs(difference)));
    }
  }
};

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

runtime::Table table_of(const std::vector<std::vector<double>>& columns) {
  std::vector<runtime::HostColumn> list;
  for (size_t c = 0; c < columns.size(); ++c)
    list.push_back({"y" + std::to_string(c + 1), columns[c].data(), 1});
  return runtime::make_table(list, static_cast<int64_t>(columns.front().size()));
}

}  // namespace

TEST_CASE("the divergence of a draw and an exact category is the one by hand") {
  // KL = E ln q(z) - ln sum_k exp( ln weight_k + E_q ln N(z; m_k, v_k) ), the category's best q put in.
  Subject s(test::clustered("q(k | y) = exact", "q(z | y) * q(k | y)", "beta = 0.8"), test::made_table(7, 4));
  double sum = 0, norm = 0;
  for (int64_t k = 0; k < 3; ++k) norm += std::exp(s.value("weight", k));
  for (int64_t row = 0; row < 7; ++row) {
    double of_states[3], entropy = 0;
    for (int64_t k = 0; k < 3; ++k) of_states[k] = s.value("weight", k) - std::log(norm);
    for (int64_t l = 0; l < 2; ++l) {
      constexpr double sd = 0.6, half_log_two_pi = 0.91893853320467274178;
      double mean = 0;
      for (int64_t d = 0; d < 4; ++d) {
        const bool columns_lead =
            s.program.module
                .axis(std::ranges::find(s.program.parameters, "A", &ir::ParameterSlot::name)->axes.front())
                .name == "D";
        mean += s.value("A", columns_lead ? d * 2 + l : l * 4 + d) * s.cell(row, d);
      }
      entropy += std::log(sd) + half_log_two_pi + 0.5;
      for (int64_t k = 0; k < 3; ++k) {
        const double m = s.value("m", k * 2 + l), log_v = s.value("v", k * 2 + l);
        of_states[k] -=
            half_log_two_pi + log_v / 2 + ((mean - m) * (mean - m) + sd * sd) / (2 * std::exp(log_v));
      }
    }
    double evidence = 0;
    for (const double each : of_states) evidence += std::exp(each);
    sum += -entropy - std::log(evidence);
  }
  CHECK(s.climbed(0) - s.climbed(1) == Approx(sum / 7).epsilon(1e-12));
}

TEST_CASE("absent cells are left out of the bound and of its derivative, and nothing else is") {
  // Two tables whose gaps are each other's cells share the bound of the whole table.
  struct Case {
    const char *type, *parameters, *distribution;
    std::vector<double> cells;
  };
  const Case cases[] = {
      {"real[D] missing",
       "param m: real[D]  param s: positive",
       "Normal(m, sd: s)",
       {0.3, -1.2, 2.5, 0.7, 1.1, -0.4, 0.2, 0.9}},
      {"positive[D] missing",
       "param m: positive[D]  param s: positive",
       "Gamma(s, mean: m)",
       {0.3, 1.2, 2.5, 0.7, 1.1, 0.4, 0.2, 0.9}},
      {"unit[D] missing",
       "param m: positive[D]  param s: positive",
       "Beta(m, b: s)",
       {0.3, 0.2, 0.5, 0.7, 0.1, 0.4, 0.6, 0.9}},
      {"count[D] missing", "param m: positive[D]", "Poisson(m)", {0, 3, 1, 2, 5, 0, 2, 1}},
      {"bool[D] missing", "param m: real[D]", "Bernoulli(logits: m)", {0, 1, 1, 0, 1, 0, 1, 1}},
      // Each part has all levels.
      {"category[D, V] missing",
       "axis V = 3  param m: real[D, V]",
       "Categorical(logits: m)",
       {0, 1, 2, 1, 0, 1, 2, 0}},
  };
  for (const Case& each : cases) {
    INFO(each.type);
    const std::string text = std::string("model m {\n  axis D = 2\n  data y: ") + each.type + "\n  " +
                             each.parameters + "\n  P(y) = " + each.distribution +
                             "\n  fit { method = gradient }\n}";
    const std::vector<double>& c = each.cells;
    const auto total = [&](const std::vector<std::vector<double>>& columns) {
      Subject s(text, table_of(columns));
      const double bound = s.climbed() * static_cast<double>(s.rows());
      s.check_derivative();
      return bound;
    };
    const double whole = total({{c[0], c[1], c[2], c[3]}, {c[4], c[5], c[6], c[7]}});
    const double some = total({{c[0], c[1], absent, absent}, {absent, absent, c[6], c[7]}});
    const double rest = total({{absent, absent, c[2], c[3]}, {c[4], c[5], absent, absent}});
    CHECK(some + rest == Approx(whole).epsilon(1e-12));
    CHECK(std::abs(rest) > 0.01);
  }
}

TEST_CASE("networks read absent cells through `fill` and `observed`, compiled as interpreted") {
  const std::string text = R"(model m {
  axis D = columns
  data   y: real[D] = columns("y1".."y3") missing
  axis K = 2
  data   c: category[K] = column("y4") missing
  param  weight: simplex[K]
  param  shift: real[K, D]
  param  a: real[D]
  latent z: real
  net encode(y: real[D]) -> (mean: real, sd: positive, logits: real[K]) {
    h = tanh(dense(fill(y, 0), 5) + dense(observed(y), 5))
    mean = dense(h)
    sd = exp(dense(h))
    logits = dense(h)
  }
  P(z) = Normal(0, sd: 1)
  P(c) = Categorical(weight)
  P(y | z, c) = Normal(a * z + shift[c], sd: 0.7)
  q(c, z | y) = q(c | y) * q(z | y)
  q(c | y) = Categorical(logits: encode(y).logits)
  q(z | y) = Normal(encode(y).mean, sd: encode(y).sd)
})";
  std::vector<std::vector<double>> columns(4);
  const runtime::Random random(3, runtime::Site::user, 0);
  for (int64_t row = 0; row < 60; ++row) {
    for (uint32_t c = 0; c < 3; ++c)
      columns[c].push_back(random.index(4, row, c) == 0 ? absent : random.normal(row, 10 + c));
    columns[3].push_back(random.index(2, row, 7) == 0 ? absent
                                                      : static_cast<double>(random.index(2, row, 8)));
  }
  Subject s(text, table_of(columns));
  s.check_derivative();
  for (const auto& [precision, allowed] : {std::pair{"double", 1e-10}, {"single", 2e-3}}) {
    const test::Lowered made = test::lower(
        text, table_of(columns), {{"fit.epochs", "2"}, {"fit.batch", "17"}, {"fit.precision", precision}});
    const runtime::Fitted oracle = test::train(made, test::interpreted(made)),
                          fast = test::train(made, test::compiled(made, 1));
    CHECK(std::isfinite(oracle.objective));
    CHECK(fast.objective == Approx(oracle.objective).epsilon(allowed));
    for (size_t p = 0; p < oracle.parameters.size(); ++p) {
      for (size_t i = 0; i < oracle.parameters[p].values.size(); ++i)
        CHECK(fast.parameters[p].values[i] ==
              Approx(oracle.parameters[p].values[i]).epsilon(allowed).margin(allowed));
    }
  }
}

TEST_CASE("a label stands for itself: a table with all labels has the bound of a model that observes them") {
  const auto text = [](bool label) {
    return std::string(R"(model m {
  axis D = columns
  axis K = 2
  data   y: real[D] = columns("y1".."y3")
  data   c: category[K] = column("y4"))") +
           (label ? " missing" : "") + R"(
  param  weight: simplex[K]
  param  mean: real[K, D]
  param  a: real[D]
  latent z: real
  P(c) = Categorical(weight)
  P(z) = Normal(0, sd: 1)
  P(y | z, c) = Normal(mean[c] + a * z, sd: 0.8)
  )" + (label ? "q(c, z | y) = q(c | y) * q(z | y)\n  q(c | y) = Categorical(logits: mean * y)\n" : "") +
           "  q(z | y) = Normal(dot(a, y), sd: 0.5)\n}";
  };
  const runtime::Table table = test::made_table(9, 4, true);
  Subject known(text(false), table), labelled(text(true), table);
  REQUIRE(known.at == labelled.at);
  CHECK(labelled.climbed() == Approx(known.climbed()).epsilon(1e-12));
}

TEST_CASE("starting values of matrices and of values in order come back from their coordinates") {
  const std::string text = R"(model m {
  axis D = 3
  axis K = 4
  data y: real[D]
  data u: real[K]
  param S: covariance[D] = [[2, 0.5, -0.3], [0.5, 1, 0.2], [-0.3, 0.2, 0.7]] init
  param t: ordered[K] = [-1, 0.5, 0.6, 8] init
  P(y) = Normal(0, cov: S)
  P(u) = Normal(t, sd: 1)
  fit { method = gradient }
})";
  Subject s(text, [] {
    std::vector<std::vector<double>> columns(7, std::vector<double>(5, 0.5));
    std::vector<runtime::HostColumn> list;
    const char* names[] = {"y1", "y2", "y3", "u1", "u2", "u3", "u4"};
    for (size_t c = 0; c < 7; ++c) list.push_back({names[c], columns[c].data(), 1});
    return runtime::make_table(list, 5);
  }());
  const std::vector<double> start = runtime::initial_values(s.program, {}, 1);
  const Coordinates coordinates(start.begin(), start.end());
  Coordinates natural = coordinates;
  lvm_frame frame{};
  frame.parameters = coordinates.data();
  frame.output = natural.data();
  REQUIRE(s.functions.at("natural")(&frame) == 0);
  const double expected[] = {2, 0.5, -0.3, 0.5, 1, 0.2, -0.3, 0.2, 0.7}, levels[] = {-1, 0.5, 0.6, 8};
  const auto offset = [&](const char* name) {
    return static_cast<size_t>(
        std::ranges::find(s.program.parameters, name, &ir::ParameterSlot::name)->offset);
  };
  for (size_t i = 0; i < 9; ++i) CHECK(natural[offset("S") + i] == Approx(expected[i]).epsilon(1e-12));
  for (size_t i = 0; i < 4; ++i) CHECK(natural[offset("t") + i] == Approx(levels[i]).epsilon(1e-12));
}

}  // namespace lvm
