// Score functions: without bias, against the same model with its flags summed over, by every outcome of the
// draws and by many of them.

#include <cmath>

#include "certify/derivatives.h"
#include "tests/unit/gradient/support.h"

namespace lvm {
namespace {

/// Two flags that are drawn together, or two latents whose values are summed over.
std::string flags_model(bool drawn, const std::string& fit) {
  const std::string head = R"(model m {
  axis D = columns
  data   y: real[D]
  param  b: real[D]
)";
  if (!drawn) {
    return head + R"(
  param  p1: unit
  param  p2: unit
  param  w1: real[D]
  param  w2: real[D]
  param  a1: real[D]
  param  a2: real[D]
  latent s: bool
  latent t: bool
  P(s) = Bernoulli(p1)
  P(t) = Bernoulli(p2)
  P(y | s, t) = Normal(tanh(w1 * s + w2 * t) + b, sd: 0.8)
  q(s, t | y) = q(s | y) * q(t | y)
  q(s | y) = Bernoulli(logits: dot(a1, y))
  q(t | y) = Bernoulli(logits: dot(a2, y))
})";
  }
  return head + R"(
  axis L = 2
  param  p: unit[L]
  param  w: real[D, L]
  param  a: real[L, D]
  latent h: bool[L]
  P(h) = Bernoulli(p)
  P(y | h) = Normal(tanh(w * h) + b, sd: 0.8)
  q(h | y) = Bernoulli(logits: a * y)
  fit { )" +
         fit + R"( }
})";
}

using Coordinates = certificate::Derivatives::Coordinates;

/// Places of the parameters of the one in the other: [L] of `a` is a1, a2.
struct Pair {
  const ir::Program &drawn, &summed;

  static int64_t offset(const ir::Program& program, const std::string& name) {
    return std::ranges::find(program.parameters, name, &ir::ParameterSlot::name)->offset;
  }
  static bool axis_leads(const ir::Program& program, const std::string& name) {
    const auto& slot = *std::ranges::find(program.parameters, name, &ir::ParameterSlot::name);
    return program.module.axis(slot.axes.front()).name == "L";
  }
  /// f(place in the drawn model, place in the summed one)
  template <class F>
  void each(int64_t columns, const F& f) const {
    for (int64_t d = 0; d < columns; ++d) f(offset(drawn, "b") + d, offset(summed, "b") + d);
    for (int64_t l = 0; l < 2; ++l) {
      f(offset(drawn, "p") + l, offset(summed, "p" + std::to_string(l + 1)));
      for (const std::string name : {"w", "a"}) {
        for (int64_t d = 0; d < columns; ++d) {
          const int64_t at = axis_leads(drawn, name) ? l * columns + d : d * 2 + l;
          f(offset(drawn, name) + at, offset(summed, name + std::to_string(l + 1)) + d);
        }
      }
    }
  }
};

constexpr int64_t columns = 3;

struct Setup {
  test::Lowered drawn, summed;
  ir::Program drawn_program, summed_program;
  ir::Executable drawn_functions, summed_functions;
  Coordinates at, summed_at;

  Setup(const runtime::Table& table, const std::string& fit)
      : drawn(test::lower(flags_model(true, fit), table)),
        summed(test::lower(flags_model(false, ""), table)),
        drawn_program(driver::plain_gradient(drawn.lowered)),
        summed_program(driver::plain_gradient(summed.lowered)),
        drawn_functions(interpreter::interpret(drawn_program)),
        summed_functions(interpreter::interpret(summed_program)),
        at(static_cast<size_t>(drawn_program.parameter_doubles())),
        summed_at(static_cast<size_t>(summed_program.parameter_doubles())) {
    const runtime::Random random(5, runtime::Site::user, 1);
    pair().each(columns, [&](int64_t a, int64_t b) {
      at[static_cast<size_t>(a)] = summed_at[static_cast<size_t>(b)] = 0.6 * random.normal(a);
    });
  }
  Pair pair() const { return {drawn_program, summed_program}; }
  Coordinates exact(int64_t rows) {
    certificate::Derivatives derivatives(summed_program, summed_functions, *summed.lowered.data, rows, 1);
    return derivatives.gradient(summed_at);
  }
};

/// The bound of one row by hand.
double bound_by_hand(const Setup& s, const runtime::BoundData& data, const Coordinates& at) {
  const auto value = [&](const std::string& name, int64_t d) {
    return at[static_cast<size_t>(Pair::offset(s.summed_program, name) + d)];
  };
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  double dots[2] = {0, 0}, total = 0;
  for (int64_t d = 0; d < columns; ++d) {
    const double y = data.packed.column(data.variables.front().first + d)[0];
    dots[0] += value("a1", d) * y;
    dots[1] += value("a2", d) * y;
  }
  for (int outcome = 0; outcome < 4; ++outcome) {
    const int flags[2] = {outcome & 1, outcome >> 1};
    double q = 1, log_p = 0;
    for (int l = 0; l < 2; ++l) {
      const double prior = sigmoid(value(l == 0 ? "p1" : "p2", 0)), own = sigmoid(dots[l]);
      q *= flags[l] ? own : 1 - own;
      log_p += std::log(flags[l] ? prior : 1 - prior);
    }
    for (int64_t d = 0; d < columns; ++d) {
      const double y = data.packed.column(data.variables.front().first + d)[0];
      const double u =
          (y - std::tanh(value("w1", d) * flags[0] + value("w2", d) * flags[1]) - value("b", d)) / 0.8;
      log_p += -u * u / 2 - std::log(0.8) - 0.91893853320467274178;
    }
    total += q * (log_p - std::log(q));
  }
  return total;
}

/// The gradient of one row where the noise of the flags is given: [L, draw] in the layout of the slot.
Coordinates gradient_at(const Setup& s, const std::vector<double>& noise) {
  const ir::Program& program = s.drawn_program;
  std::vector<runtime::Numbers<double>> cells;
  for (const ir::DataSlot& slot : program.data) {
    const runtime::BoundVariable* v = s.drawn.lowered.data->find(slot.name);
    for (int64_t e = 0; e < slot.size; ++e) {
      const double cell =
          v ? s.drawn.lowered.data->packed.column(v->first + e)[0] : noise[static_cast<size_t>(e)];
      cells.emplace_back(static_cast<size_t>(program.batch_stride()), cell);
    }
  }
  std::vector<const void*> pointers;
  for (const auto& column : cells) pointers.push_back(column.data());
  Coordinates derived(static_cast<size_t>(program.derived_doubles())),
      statistics(static_cast<size_t>(program.statistic_doubles())),
      output(static_cast<size_t>((program.row_outputs.back().offset + program.row_outputs.back().size) *
                                 LVM_TILE_ROWS)),
      next = s.at;
  for (const ir::Slot& slot : program.derived) derived[static_cast<size_t>(slot.offset)] = 1;
  const auto call = [&](const char* name, double* to) {
    if (!s.drawn_functions.contains(name)) return;
    lvm_frame frame{};
    frame.columns = pointers.data();
    frame.parameters = s.at.data();
    frame.derived = derived.data();
    frame.statistics = statistics.data();
    frame.output = to;
    frame.rows = 1;
    REQUIRE(s.drawn_functions.at(name)(&frame) == 0);
  };
  call("prepare", derived.data());
  call("step", output.data());
  call("optimise", next.data());
  for (size_t i = 0; i < next.size(); ++i) next[i] -= s.at[i];
  return next;
}

/// The mean of the gradient over every outcome of two flags in each of `draws` draws, by their probabilities.
Coordinates mean_over_outcomes(const Setup& s, int draws) {
  const runtime::BoundData& data = *s.drawn.lowered.data;
  double p[2] = {0, 0};
  s.pair().each(columns, [&](int64_t, int64_t at) {
    for (int l = 0; l < 2; ++l) {
      const int64_t d = at - Pair::offset(s.summed_program, l == 0 ? "a1" : "a2");
      if (d >= 0 && d < columns)
        p[l] +=
            s.summed_at[static_cast<size_t>(at)] * data.packed.column(data.variables.front().first + d)[0];
    }
  });
  for (double& each : p) each = 1 / (1 + std::exp(-each));
  const ir::DataSlot& slot = *std::ranges::find(s.drawn_program.data, "noise.h", &ir::DataSlot::name);
  const bool flags_lead = s.drawn_program.module.axis(slot.axes.front()).name == "L";
  Coordinates mean(s.at.size());
  for (int outcome = 0; outcome < 1 << (2 * draws); ++outcome) {
    std::vector<double> noise(static_cast<size_t>(2 * draws));
    double probability = 1;
    for (int l = 0; l < 2; ++l) {
      for (int j = 0; j < draws; ++j) {
        const bool on = (outcome >> (2 * j + l)) & 1;
        probability *= on ? p[l] : 1 - p[l];
        noise[static_cast<size_t>(flags_lead ? l * draws + j : j * 2 + l)] = on ? p[l] / 2 : (1 + p[l]) / 2;
      }
    }
    const Coordinates gradient = gradient_at(s, noise);
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += probability * gradient[i];
  }
  return mean;
}

}  // namespace

TEST_CASE("a bound that is summed over given posteriors is the sum by hand") {
  const runtime::Table table = test::made_table(1, columns);
  Setup s(table, "samples = 2");
  certificate::Derivatives derivatives(s.summed_program, s.summed_functions, *s.summed.lowered.data, 1, 1);
  CHECK(derivatives.climbed(s.summed_at) ==
        Approx(bound_by_hand(s, *s.summed.lowered.data, s.summed_at)).epsilon(1e-12));
}

TEST_CASE("a score function has no bias: over every outcome of its draws it is the derivative of the bound") {
  const runtime::Table table = test::made_table(1, columns);
  for (const auto& [fit, draws] : {std::pair{"samples = 1", 1}, {"samples = 2", 2}, {"samples = 3", 3}}) {
    INFO(fit);
    Setup s(table, fit);
    const Coordinates exact = s.exact(1), mean = mean_over_outcomes(s, draws);
    int checked = 0;
    s.pair().each(columns, [&](int64_t a, int64_t b) {
      CHECK(mean[static_cast<size_t>(a)] ==
            Approx(exact[static_cast<size_t>(b)]).epsilon(1e-10).margin(1e-12));
      ++checked;
    });
    CHECK(checked == 17);
  }
}

TEST_CASE("the score function of importance weights has no bias") {
  // The exact bound over all outcomes of k draws, by differences of its mean over them.
  const runtime::Table table = test::made_table(1, columns);
  Setup s(table, "objective = iwae(k: 2)");
  const Coordinates mean = mean_over_outcomes(s, 2);
  const auto log_weight = [&](const Coordinates& at, int outcome, double& q) {
    // ln P(y, h) - ln q(h), from the bound by hand with all of q on one outcome.
    const auto value = [&](const std::string& name, int64_t d) {
      return at[static_cast<size_t>(Pair::offset(s.summed_program, name) + d)];
    };
    const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
    const runtime::BoundData& data = *s.summed.lowered.data;
    double log_p = 0, dots[2] = {0, 0};
    q = 1;
    for (int64_t d = 0; d < columns; ++d) {
      const double y = data.packed.column(data.variables.front().first + d)[0];
      dots[0] += value("a1", d) * y;
      dots[1] += value("a2", d) * y;
      const double u =
          (y - std::tanh(value("w1", d) * (outcome & 1) + value("w2", d) * (outcome >> 1)) - value("b", d)) /
          0.8;
      log_p += -u * u / 2 - std::log(0.8) - 0.91893853320467274178;
    }
    for (int l = 0; l < 2; ++l) {
      const bool on = (outcome >> l) & 1;
      const double prior = sigmoid(value(l == 0 ? "p1" : "p2", 0)), own = sigmoid(dots[l]);
      log_p += std::log(on ? prior : 1 - prior);
      q *= on ? own : 1 - own;
    }
    return log_p - std::log(q);
  };
  const auto exact = [&](const Coordinates& at) {
    double sum = 0;
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 4; ++j) {
        double first = 0, second = 0;
        const double a = log_weight(at, i, first), b = log_weight(at, j, second);
        sum += first * second *
               (std::max(a, b) + std::log((std::exp(a - std::max(a, b)) + std::exp(b - std::max(a, b))) / 2));
      }
    }
    return sum;
  };
  s.pair().each(columns, [&](int64_t a, int64_t b) {
    constexpr double h = 1e-5;
    Coordinates above = s.summed_at, below = s.summed_at;
    above[static_cast<size_t>(b)] += h;
    below[static_cast<size_t>(b)] -= h;
    CHECK(mean[static_cast<size_t>(a)] ==
          Approx((exact(above) - exact(below)) / (2 * h)).epsilon(1e-7).margin(1e-9));
  });
}

TEST_CASE("the mean of a score function over many draws is the derivative of the bound") {
  const runtime::Table table = test::made_table(20, columns);
  Setup s(table, "samples = 4");
  certificate::Derivatives derivatives(s.drawn_program, s.drawn_functions, *s.drawn.lowered.data, 20, 1);
  const Coordinates exact = s.exact(20);
  constexpr uint32_t draws = 1500;
  std::vector<double> mean(s.at.size()), squares(s.at.size());
  for (uint32_t draw = 1; draw <= draws; ++draw) {
    derivatives.draw(draw);
    const Coordinates gradient = derivatives.gradient(s.at);
    for (size_t i = 0; i < mean.size(); ++i) {
      const double step = gradient[i] - mean[i];
      mean[i] += step / draw;
      squares[i] += step * (gradient[i] - mean[i]);
    }
  }
  s.pair().each(columns, [&](int64_t a, int64_t b) {
    const auto at = static_cast<size_t>(a);
    const double error = std::sqrt(squares[at] / draws / (draws - 1));
    CHECK(std::abs(mean[at] - exact[static_cast<size_t>(b)]) <= 5 * error + 1e-12);
  });
}

namespace {

struct Stepped {
  std::string name, latents;
  bool by_q_alone = false;  // `a`: the mean over 400 draws says little of such a derivative
};

/// A latent of each family whose draws move in steps, alone and beside a draw that does not.
const Stepped stepped[] = {
    {"Bernoulli.p", R"(
  param  a: real[D]
  param  p: unit
  latent h: bool
  latent g: bool[D]
  P(h) = Bernoulli(p)
  P(g) = Bernoulli(0.3)
  P(y | h, g) = Normal(a * h + g, sd: 0.9)
  q(h, g | y) = q(h | y) * q(g | y)
  q(h | y) = Bernoulli(sigmoid(dot(a, y)))
  q(g | y) = Bernoulli(sigmoid(a .* y)))"},
    {"Poisson", R"(
  param  a: real[D]
  param  r: positive
  latent n: count
  P(n) = Poisson(r)
  P(y | n) = Normal(a * n, sd: 1.5)
  q(n | y) = Poisson(log_rate: dot(a, y) / 3))"},
    {"Geometric, and a draw that it is given", R"(
  param  a: real[D]
  param  p: unit
  latent z: real
  latent n: count
  P(z) = Normal(0, sd: 1)
  P(n) = Geometric(p)
  P(y | z, n) = Normal(a * n + z, sd: 1.5)
  q(z, n | y) = q(z | y) * q(n | z)
  q(z | y) = Normal(dot(a, y), sd: 0.7)
  q(n | z) = Geometric(sigmoid(z)))"},
    {"Categorical of several items", R"(
  axis M = 2
  axis V = 3
  param  w: simplex[M, V]
  param  m: real[V, D]
  param  a: real[M, V]
  latent c: category[M, V]
  P(c) = Categorical(w)
  P(y | c) = Normal(sum(m[c], M), sd: 1)
  q(c | y) = Categorical(logits: a * mean(y)))",
     true},
};

std::string text_of(const Stepped& model, const std::string& fit) {
  return "model m {\n  axis D = columns\n  data   y: real[D]\n" + model.latents + "\n  fit { " + fit +
         " }\n}";
}

}  // namespace

TEST_CASE(
    "draws that move in steps: compiled as interpreted, certified, and the certificate fails where the "
    "derivative is wrong") {
  const runtime::Table table = test::made_table(40, 3);
  for (const Stepped& model : stepped) {
    INFO(model.name);
    const test::Lowered made =
        test::lower(text_of(model, "epochs = 2, batch = 17, precision = double, samples = 3"), table);
    const runtime::Fitted oracle = test::train(made, test::interpreted(made)),
                          fast = test::train(made, test::compiled(made, 2));
    CHECK(std::isfinite(oracle.objective));
    CHECK(fast.objective == Approx(oracle.objective).epsilon(1e-9));
    for (size_t p = 0; p < oracle.parameters.size(); ++p) {
      for (size_t i = 0; i < oracle.parameters[p].values.size(); ++i)
        CHECK(fast.parameters[p].values[i] ==
              Approx(oracle.parameters[p].values[i]).epsilon(1e-9).margin(1e-11));
    }
    const test::Lowered narrow = test::lower(text_of(model, "epochs = 2, batch = 17, samples = 3"), table);
    CHECK(narrow.program().single);
    CHECK(test::train(narrow, test::compiled(narrow, 1)).objective == Approx(oracle.objective).epsilon(2e-3));

    const test::Runnable plain = [&] {
      driver::Scheduled scheduled = driver::schedule(driver::plain_gradient(made.lowered));
      jit::Jit jit(runtime::runtime_symbols());
      test::Runnable to{std::move(scheduled.program), jit.compile(scheduled.unit)};
      to.functions = runtime::with_stages(to.program, std::move(to.functions), scheduled.unit.staged,
                                          std::make_shared<runtime::Pool>(1));
      return to;
    }();
    ir::Executable functions = plain.functions;
    const certificate::Subject subject{*made.lowered.model, *made.lowered.plan, plain.program, functions,
                                       *made.lowered.data};
    const certificate::Result right = certificate::certify_derivatives(subject, {}, 1);
    CHECK(right.failure.empty());
    REQUIRE_FALSE(right.certificates.empty());
    for (const certificate::Certificate& c : right.certificates) {
      INFO(c.block << " " << c.found);
      CHECK(c.verdict == certificate::Verdict::certified);
    }
    if (model.by_q_alone) continue;
    // Twice the derivative of `a`, through which q is reached.
    const ir::ParameterSlot& wrong =
        *std::ranges::find(plain.program.parameters, "a", &ir::ParameterSlot::name);
    functions["optimise"] = [&, optimise = functions.at("optimise")](lvm_frame* frame) {
      const int32_t code = optimise(frame);
      const auto* before = static_cast<const double*>(frame->parameters);
      auto* after = static_cast<double*>(frame->output);
      for (int64_t i = wrong.offset; i < wrong.offset + wrong.size; ++i) after[i] += after[i] - before[i];
      return code;
    };
    for (const certificate::Certificate& c : certificate::certify_derivatives(subject, {}, 1).certificates)
      CHECK((c.verdict == certificate::Verdict::failed) == (c.block == "a"));
  }
}

}  // namespace lvm
