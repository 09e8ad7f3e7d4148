// Programs that are wrong on purpose, each by one classic mistake: the certificates see it, and say how large
// it is.

#include <cmath>
#include <functional>

#include "api/driver.h"
#include "backends/interpreter/interpret.h"
#include "certify/report.h"
#include "certify/rows.h"
#include "support.h"
#include "tests/support/golden.h"

namespace lvm::certified {
namespace {

/// A model and random rows of its own.
struct Lowered {
  driver::Compiled compiled;
  driver::Lowered lowered;
  ir::Executable functions;

  Lowered(const std::string& text, certificate::RandomRows rows)
      : compiled(driver::compile("model.lvm", text, {})) {
    std::erase_if(rows.binding.columns,
                  [&](const auto& bound) { return !compiled.model->find(bound.first); });
    lowered = driver::lower(compiled, rows.table, rows.binding);
    INFO(text << render_all(lowered.diagnostics, compiled.source.get()));
    REQUIRE(lowered.program);
    functions = interpreter::interpret(*lowered.program);
  }
};

certificate::RandomRows rows_of(const std::string& text) {
  const driver::Compiled compiled = driver::compile("model.lvm", text, {});
  INFO(text << render_all(compiled.diagnostics, compiled.source.get()));
  REQUIRE(compiled.model);
  return certificate::random_rows(*compiled.model, 256, 7);
}

/// The program of `wrong`, changed by `change`, on trial as that of `right`.
certificate::Result trial(const Lowered& right, const Lowered& wrong, const ir::Executable& functions) {
  const certificate::Result result = certificate::certify(
      {*right.lowered.model, *wrong.lowered.plan, *wrong.lowered.program, functions, *right.lowered.data},
      {});
  INFO(result.failure);
  REQUIRE_FALSE(result.certificates.empty());
  return result;
}

const certificate::Certificate& of(const certificate::Result& result, const std::string& block) {
  for (const certificate::Certificate& c : result.certificates)
    if (c.block == block) return c;
  FAIL("no certificate of " << block);
  throw 0;
}

void check_failed(const certificate::Result& result, const std::string& block, double least, double most) {
  const certificate::Certificate& c = of(result, block);
  INFO(block << ": " << c.claim << ": " << c.found << ", " << c.place);
  CHECK(c.verdict == certificate::Verdict::failed);
  CHECK(c.found >= least);
  CHECK(c.found <= most);
}

void check_holds(const certificate::Result& result, const std::string& block) {
  const certificate::Certificate& c = of(result, block);
  INFO(block << ": " << c.claim << ": " << c.found << ", " << c.place);
  CHECK(c.verdict == certificate::Verdict::certified);
}

template <typename Slots>
const ir::Slot& slot(const Slots& slots, const std::string& name) {
  for (const ir::Slot& s : slots)
    if (s.name == name) return s;
  FAIL("no slot " << name);
  throw 0;
}

using Output = std::function<void(double* first, int64_t size, const lvm_frame& frame)>;

/// `function` and then `change` on what it wrote to `where`.
ir::Executable changed(const Lowered& of, const std::string& function, const ir::Slot& where, Output change) {
  ir::Executable functions = of.functions;
  functions[function] = [inner = of.functions.at(function), where, change](lvm_frame* frame) {
    const int32_t code = inner(frame);
    change(static_cast<double*>(frame->output) + where.offset, where.size, *frame);
    return code;
  };
  return functions;
}

const std::string real_mixture =
    mixture("data y: real\n  param m: real[K]\n  param s: positive[K]", "P(y | z) = Normal(m[z], sd: s[z])");

Output times(double factor) {
  return [factor](double* x, int64_t size, const lvm_frame&) {
    for (int64_t i = 0; i < size; ++i) x[i] *= factor;
  };
}

}  // namespace

TEST_CASE("a program that is right is certified") {
  const Lowered right(real_mixture, rows_of(real_mixture));
  const certificate::Result result = trial(right, right, right.functions);
  for (const char* block : {"z", "m", "s", "weight"}) check_holds(result, block);
}

TEST_CASE("responsibilities of a Normal without its normaliser fail") {
  const Lowered right(real_mixture, rows_of(real_mixture));
  const ir::Slot& log_norm = slot(right.lowered.program->derived, "log_norm");
  // ln weight - ln sd - ln sqrt(2 pi) loses ln sd.
  const auto functions =
      changed(right, "prepare", log_norm, [&](double* x, int64_t size, const lvm_frame& frame) {
        const ir::Slot& sd = slot(right.lowered.program->parameters, "s");
        for (int64_t k = 0; k < size; ++k)
          x[k] += std::log(static_cast<const double*>(frame.parameters)[sd.offset + k]);
      });
  const certificate::Result result = trial(right, right, functions);
  check_failed(result, "z", 1e-3, 10);
  // The updates follow the wrong posterior.
  check_failed(result, "m", 1e-6, 1e4);
}

TEST_CASE("a variance over n - 1 fails") {
  const Lowered right(real_mixture, rows_of(real_mixture));
  const ir::Slot& sd = slot(right.lowered.program->parameters, "s");
  const certificate::Result result =
      trial(right, right, changed(right, "update", sd, times(std::sqrt(256. / 255))));
  // n / 4 (1 / 255)^2 nats of a component with n rows.
  check_failed(result, "s", 1e-5, 2e-3);
  check_holds(result, "z");
  check_holds(result, "m");
  check_holds(result, "weight");
}

TEST_CASE("a posterior that forgets the weights fails") {
  const Lowered right(real_mixture, rows_of(real_mixture));
  const ir::Slot& log_norm = slot(right.lowered.program->derived, "log_norm");
  const auto functions =
      changed(right, "prepare", log_norm, [&](double* x, int64_t size, const lvm_frame& frame) {
        const ir::Slot& weight = slot(right.lowered.program->parameters, "weight");
        for (int64_t k = 0; k < size; ++k)
          x[k] -= std::log(static_cast<const double*>(frame.parameters)[weight.offset + k]);
      });
  check_failed(trial(right, right, functions), "z", 1e-3, 10);
}

TEST_CASE("a parameter that is held and moves fails") {
  const std::string text = mixture("data y: real\n  param m: real[K] = [-1, 1] fixed\n  param s: positive[K]",
                                   "P(y | z) = Normal(m[z], sd: s[z])");
  const Lowered right(text, rows_of(text));
  ir::Executable functions = right.functions;
  check_holds(trial(right, right, functions), "m");
  const ir::Slot& mean = slot(right.lowered.program->parameters, "m");
  check_failed(trial(right, right, changed(right, "update", mean, times(1.0001))), "m", 0, 0);
}

TEST_CASE("weights that are nearly normalised fail") {
  const Lowered right(real_mixture, rows_of(real_mixture));
  const ir::Slot& weight = slot(right.lowered.program->parameters, "weight");
  const auto functions = changed(right, "update", weight, [](double* x, int64_t, const lvm_frame&) {
    x[0] += 1e-4;
    x[1] -= 1e-4;
  });
  check_failed(trial(right, right, functions), "weight", 1e-7, 1e-2);
}

TEST_CASE("a Newton step that goes the wrong way, and one that stands still, fail") {
  const std::string text = mixture("data y: real\n  param m: real[K]\n  param s: real[K]",
                                   "P(y | z) = Normal(m[z], sd: exp(s[z]))");
  const Lowered right(text, rows_of(text));
  const ir::Slot& log_sd = slot(right.lowered.program->parameters, "s");
  const auto old = [&](const lvm_frame& frame, int64_t k) {
    return static_cast<const double*>(frame.parameters)[log_sd.offset + k];
  };
  const auto still = changed(right, "update", log_sd, [&](double* x, int64_t size, const lvm_frame& frame) {
    for (int64_t k = 0; k < size; ++k) x[k] = old(frame, k);
  });
  check_failed(trial(right, right, still), "s", 1e-5, 1e5);
  const auto away = changed(right, "update", log_sd, [&](double* x, int64_t size, const lvm_frame& frame) {
    for (int64_t k = 0; k < size; ++k) x[k] = old(frame, k) - (x[k] - old(frame, k));
  });
  check_failed(trial(right, right, away), "s", 1e-5, HUGE_VAL);
}

/// A model, and what somebody could have taken for it.
struct Mistake {
  std::string name, right, wrong;
  std::vector<std::string> fails;  // blocks
  double least;                    // how large the mistake is, at least
};

TEST_CASE("the rule of another model fails") {
  const std::string normal = "data y: real\n  param m: real[K]\n  param s: positive[K]";
  const std::string shares = "data y: unit\n  param m: real[K]\n  param s: positive[K]";
  const std::string counts = "data y: count\n  param r: positive[K]";
  const std::string below = "data y: positive\n  param r: positive[K]";
  const std::vector<Mistake> mistakes = {
      {"an offset on a rate",
       mixture(counts, "P(y | z) = Poisson(r[z] + 0.5)"),
       mixture(counts, "P(y | z) = Poisson(r[z])"),
       {"z", "r"},
       1e-3},
      {"a truncated likelihood taken for the whole one",
       mixture(shares, "P(y | z) = Truncated(Normal(m[z], sd: s[z]), low: 0, high: 1)"),
       mixture(shares, "P(y | z) = Normal(m[z], sd: s[z])"),
       {"z", "m", "s"},
       1e-3},
      {"a variable in the mean and in the spread",
       mixture(normal, "P(y | z) = Normal(m[z], sd: s[z] * exp(m[z] / 50))"),
       mixture(normal, "P(y | z) = Normal(m[z], sd: s[z])"),
       {"z", "m"},
       1e-4},
      {"a square taken for the thing itself",
       mixture(below, "P(y | z) = Exponential(r[z] ^ 2)"),
       mixture(below, "P(y | z) = Exponential(r[z])"),
       {"z", "r"},
       1e-3},
      {"a scale taken for a rate",
       mixture(below, "P(y | z) = Exponential(scale: r[z])"),
       mixture(below, "P(y | z) = Exponential(r[z])"),
       {"z", "r"},
       1e-3},
      {"a prior that is forgotten",
       mixture("data y: real\n  param m: real[K] ~ Normal(0, sd: 0.1)\n  param s: positive[K]",
               "P(y | z) = Normal(m[z], sd: s[z])"),
       mixture(normal, "P(y | z) = Normal(m[z], sd: s[z])"),
       {"m"},
       1e-4},
      {"a prior of another strength",
       mixture("data y: count\n  param r: positive[K] ~ Gamma(3, rate: 2)", "P(y | z) = Poisson(r[z])"),
       mixture("data y: count\n  param r: positive[K] ~ Gamma(2, rate: 2)", "P(y | z) = Poisson(r[z])"),
       {"r"},
       1e-4},
      {"a child that is counted once",
       mixture("data x: count\n  data y: count\n  param r: positive[K]\n  param t: positive",
               "P(x | z) = Poisson(r[z])\n  P(y | z) = Poisson(t * r[z])", ", x"),
       mixture("data x: count\n  data y: count\n  param r: positive[K]\n  param t: positive",
               "P(x) = Poisson(t)\n  P(y | z) = Poisson(r[z])"),
       {"z", "r"},
       1e-4},
      {"weights of rows that are forgotten",
       mixture("weight w = column(\"n\")\n  " + normal, "P(y | z) = Normal(m[z], sd: s[z])"),
       mixture(normal, "P(y | z) = Normal(m[z], sd: s[z])"),
       {"m", "s", "weight"},
       1e-4},
  };
  for (const Mistake& m : mistakes) {
    INFO(m.name);
    const certificate::RandomRows rows = rows_of(m.right);
    const Lowered right(m.right, rows), wrong(m.wrong, rows);
    const certificate::Result result = trial(right, wrong, wrong.functions);
    for (const std::string& block : m.fails) check_failed(result, block, m.least, 1e9);
  }
}

TEST_CASE("a posterior that rows share by another rule fails") {
  const auto rates = [](const std::string& prior, const std::string& weight = "") {
    return "model m { axis K = 2  data y: count  " + weight +
           " latent r: positive[K] global  param w: simplex[K]  latent z: category[K]  P(r) = " + prior +
           "  P(z) = Categorical(w)  P(y | z, r) = Poisson(r[z]) }";
  };
  const auto shares = [](const std::string& alpha) {
    return "model m { axis K = 2  axis V = 3  data y: category[V]  latent w: simplex[K] global  param p: "
           "simplex[K, V]  latent z: category[K]  P(w) = Dirichlet(" +
           alpha + ")  P(z | w) = Categorical(w)  P(y | z) = Categorical(p[z]) }";
  };
  const auto matrices = [](const std::string& scale) {
    return "model m { axis D = 2  data y: real[D]  param b: real[D]  latent s: covariance[D] global  P(s) = "
           "Wishart(4, scale: " +
           scale + ")  P(y | s) = Normal(b, precision_matrix: s) }";
  };
  const std::vector<Mistake> mistakes = {
      {"a Gamma of another shape", rates("Gamma(3, rate: 2)"), rates("Gamma(2, rate: 2)"), {"r.shape"}, 1e-4},
      {"a Gamma of another rate", rates("Gamma(3, rate: 2)"), rates("Gamma(3, rate: 1)"), {"r.rate"}, 1e-4},
      {"weights of rows that are forgotten",
       rates("Gamma(3, rate: 2)", "weight n = column(\"n\")"),
       rates("Gamma(3, rate: 2)"),
       {"r.shape", "r.rate"},
       1e-4},
      {"a Dirichlet of another strength", shares("2"), shares("1"), {"w.alpha"}, 1e-4},
      {"a Wishart of another scale", matrices("I"), matrices("0.001 * I"), {"s.scale"}, 1e-4},
  };
  for (const Mistake& m : mistakes) {
    INFO(m.name);
    const certificate::RandomRows rows = rows_of(m.right);
    const Lowered right(m.right, rows), wrong(m.wrong, rows);
    const certificate::Result result = trial(right, wrong, wrong.functions);
    for (const std::string& block : m.fails) check_failed(result, block, m.least, 1e9);
  }
}

}  // namespace lvm::certified
