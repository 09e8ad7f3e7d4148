// Hidden Markov models against passes in logarithms from the same start (tests/oracles/chains.py), and
// against what must hold of any chain.

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>

#include "api/fitted.h"
#include "tests/numeric/fixture.h"

namespace lvm::numeric {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
const std::string poisson =
    "data y: count missing  param rate: positive[K]  P(y[t] | z[t]) = Poisson(rate[z[t]])";
const std::string gaussian =
    "data y: real missing  param mean: real[K]  param sd: positive[K]  P(y[t] | z[t]) = Normal(mean[z[t]], "
    "sd: sd[z[t]])";

std::string hmm(const std::string& emission, size_t states, const std::string& sequence,
                const std::string& mask = "", const std::string& q = "exact") {
  return "model hmm {  axis K = " + std::to_string(states) + "  sequence t " + sequence +
         "  param start: simplex[K]  param move: simplex[K, K] " + mask + R"(
    latent z: category[K]
    P(z[first]) = Categorical(start)
    P(z[t] | z[t-1]) = Categorical(move[z[t-1]])
    q(z | y) = )" +
         q + "\n" + emission + " }";
}

BoundModel bound_case(const Json& test) {
  const bool several = test["table"].object().size() > 2, masked = test["name"].text() == "left_right";
  return bind_or_fail(compile(hmm(test["kind"].text() == "poisson" ? poisson : gaussian,
                                  test["start"]["start"].array().size(),
                                  several ? R"(by "series" order "time")" : R"(order "time")",
                                  masked ? "mask [[1, 1, 0], [0, 1, 1], [1, 0, 1]]" : "")),
                      table_of(test["table"]));
}

struct Chain {
  std::vector<double> start, move, mean, sd;  // move: row-major
  size_t states() const { return start.size(); }
  std::vector<Values> values() const {
    const auto k = static_cast<int64_t>(states());
    return {{"start", {k}, start}, {"move", {k, k}, move}, {"mean", {k}, mean}, {"sd", {k}, sd}};
  }
  double log_density(double y, size_t k) const {
    if (std::isnan(y)) return 0;
    const double u = (y - mean[k]) / sd[k];
    return -0.5 * (std::log(2 * M_PI * sd[k] * sd[k]) + u * u);
  }
};

Chain random_chain(std::mt19937_64& engine, size_t states) {
  std::uniform_real_distribution<double> uniform(0.1, 1);
  std::normal_distribution<double> normal;
  Chain chain;
  const auto shares = [&](std::vector<double>& to) {
    std::vector<double> row;
    for (size_t k = 0; k < states; ++k) row.push_back(uniform(engine));
    double sum = 0;
    for (const double x : row) sum += x;
    for (const double x : row) to.push_back(x / sum);
  };
  shares(chain.start);
  for (size_t k = 0; k < states; ++k) {
    shares(chain.move);
    chain.mean.push_back(2 * normal(engine));
    chain.sd.push_back(uniform(engine));
  }
  return chain;
}

std::vector<double> draw(const Chain& chain, size_t steps, std::mt19937_64& engine) {
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<double> normal;
  const auto pick = [&](const double* p) {
    double u = uniform(engine);
    size_t k = 0;
    while (k + 1 < chain.states() && u > p[k]) u -= p[k++];
    return k;
  };
  std::vector<double> values;
  size_t z = pick(chain.start.data());
  for (size_t t = 0; t < steps; ++t) {
    values.push_back(chain.mean[z] + chain.sd[z] * normal(engine));
    z = pick(chain.move.data() + z * chain.states());
  }
  return values;
}

Data one_series(const std::vector<double>& y) {
  return make_data({{"y", y.data(), 1}}, static_cast<int64_t>(y.size()));
}

/// What a fit says without moving.
Fit at(const std::string& text, const Data& data, const std::vector<Values>& start, FitOptions options = {}) {
  options.iterations = 0;
  options.tolerance = 0;
  options.init = start;
  return fit_or_fail(bind_or_fail(compile(text), data), options);
}

}  // namespace

TEST_CASE("hidden Markov models equal the oracle from the same start, whatever series they have") {
  const Json all = fixture("chains");
  REQUIRE(all["cases"].array().size() == 5);
  for (const Json& test : all["cases"].array()) {
    INFO(test["name"].text());
    const auto updates = static_cast<int64_t>(test["updates"].number());
    const Fit fit = fit_or_fail(
        bound_case(test), {.iterations = updates, .tolerance = 0.0, .init = parameters_of(test["start"])});
    REQUIRE(fit.trace.size() == test["trace"].array().size());
    for (size_t i = 0; i < fit.trace.size(); ++i)
      CHECK(fit.trace[i] == Approx(test["trace"].array()[i].number()).epsilon(1e-10));
    check_parameters(fit, test["parameters"], 1e-8);
    const std::vector<double> smoothed = fit.responsibilities();
    const size_t states = test["start"]["start"].array().size(),
                 every = static_cast<size_t>(test["every"].number());
    REQUIRE(smoothed.size() == states * static_cast<size_t>(fit.rows));
    double worst = 0;
    for (size_t i = 0; i < test["smoothed"].array().size(); ++i) {
      for (size_t k = 0; k < states; ++k)
        worst = std::max(worst, std::abs(smoothed[i * every * states + k] -
                                         test["smoothed"].array()[i].array()[k].number()));
    }
    CHECK(worst < 1e-8);
  }
}

TEST_CASE("the best path is the best of all paths") {
  std::mt19937_64 engine(11);
  for (int round = 0; round < 12; ++round) {
    const Chain chain = random_chain(engine, 3);
    const std::vector<double> y = draw(chain, 7, engine);
    const Fit fit = at(hmm(gaussian, 3, "", "", "point"), one_series(y), chain.values());
    const std::vector<double> r = fit.responsibilities();
    double best = -HUGE_VAL, taken = 0;
    for (int64_t path = 0; path < 2187; ++path) {
      double sum = 0;
      bool same = true;
      int64_t rest = path;
      for (size_t t = 0, before = 0; t < 7; ++t, rest /= 3) {
        const auto z = static_cast<size_t>(rest % 3);
        sum += std::log(t == 0 ? chain.start[z] : chain.move[before * 3 + z]) + chain.log_density(y[t], z);
        same = same && r[t * 3 + z] == 1;
        before = z;
      }
      best = std::max(best, sum);
      if (same) taken = sum;
    }
    CHECK(taken == Approx(best).epsilon(1e-13));
    CHECK(fit.objective == Approx(best).epsilon(1e-13));
    CHECK(fit.objective_name == "complete_log_likelihood");
  }
}

TEST_CASE("a chain without memory is a mixture") {
  std::mt19937_64 engine(3);
  Chain chain = random_chain(engine, 3);
  const std::vector<double> y = draw(chain, 200, engine);
  for (size_t i = 0; i < 9; ++i) chain.move[i] = chain.start[i % 3];
  const Fit memoryless = at(hmm(gaussian, 3, ""), one_series(y), chain.values());
  const std::string mixture =
      R"(model m { axis K = 3  param start: simplex[K]  latent z: category[K]  P(z) = Categorical(start)
    data y: real  param mean: real[K]  param sd: positive[K]  P(y | z) = Normal(mean[z], sd: sd[z])  q(z | y) = exact })";
  const Fit plain = at(mixture, one_series(y),
                       {{"start", {3}, chain.start}, {"mean", {3}, chain.mean}, {"sd", {3}, chain.sd}});
  CHECK(memoryless.objective == Approx(plain.objective).epsilon(1e-13));
  const std::vector<double> a = memoryless.responsibilities(), b = plain.responsibilities();
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).margin(1e-13));
}

TEST_CASE("series are independent, and rows may stand in any order") {
  std::mt19937_64 engine(5);
  const Chain chain = random_chain(engine, 2);
  const std::string text = hmm(gaussian, 2, R"(by "s" order "t")");
  std::vector<double> s, t, y, sum_of;
  double sum = 0;
  std::vector<double> smoothed;
  for (int series = 0; series < 9; ++series) {
    const std::vector<double> one = draw(chain, static_cast<size_t>(2 + 37 * series), engine);
    const Fit alone = at(hmm(gaussian, 2, ""), one_series(one), chain.values());
    sum += alone.objective;
    const std::vector<double> r = alone.responsibilities();
    smoothed.insert(smoothed.end(), r.begin(), r.end());
    for (size_t i = 0; i < one.size(); ++i) {
      s.push_back(series);
      t.push_back(static_cast<double>(i));
      y.push_back(one[i]);
    }
  }
  std::vector<size_t> order(y.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (int shuffled = 0; shuffled < 2; ++shuffled) {
    std::vector<double> columns[3];
    for (const size_t i : order) {
      columns[0].push_back(s[i]);
      columns[1].push_back(t[i]);
      columns[2].push_back(y[i]);
    }
    const Data data =
        make_data({{"s", columns[0].data(), 1}, {"t", columns[1].data(), 1}, {"y", columns[2].data(), 1}},
                  static_cast<int64_t>(y.size()));
    const Fit fit = at(text, data, chain.values());
    CHECK(fit.objective == Approx(sum).epsilon(1e-12));
    const std::vector<double> r = fit.responsibilities();
    double worst = 0;
    for (size_t i = 0; i < order.size(); ++i)
      worst = std::max(worst, std::abs(r[2 * i] - smoothed[2 * order[i]]));
    CHECK(worst < 1e-12);
    std::shuffle(order.begin(), order.end(), engine);
  }
}

TEST_CASE("a step without data is integrated out") {
  std::mt19937_64 engine(6);
  const Chain chain = random_chain(engine, 3);
  const Fit gap = at(hmm(gaussian, 3, ""), one_series({0.3, none, none, -1.1}), chain.values());
  double total = 0;
  for (size_t a = 0; a < 3; ++a)
    for (size_t b = 0; b < 3; ++b)
      for (size_t c = 0; c < 3; ++c)
        for (size_t d = 0; d < 3; ++d)
          total += chain.start[a] * chain.move[3 * a + b] * chain.move[3 * b + c] * chain.move[3 * c + d] *
                   std::exp(chain.log_density(0.3, a) + chain.log_density(-1.1, d));
  CHECK(gap.objective == Approx(std::log(total)).epsilon(1e-13));
}

TEST_CASE("states that numbers lose beside the rest are found in logarithms") {
  // Left to right: the first two steps look like state 3, which cannot be reached yet; the last like 2, where
  // all is possible but unlikely.
  Chain chain{{1, 0, 0}, {0.5, 0.5, 0, 0, 0.5, 0.5, 0, 0, 1}, {0, 50, 100}, {1, 1, 1}};
  for (const std::vector<double>& y :
       {std::vector<double>{100, 100, 100, 50}, {0, 100, 0, 0}, {0, 50, 100, 50, 0}, {50, 0, 50, 100}}) {
    std::vector<double> a(3, -HUGE_VAL);
    a[0] = chain.log_density(y[0], 0);
    const auto log_sum = [](double x, double z) {
      return std::max(x, z) + std::log1p(std::exp(-std::abs(x - z)));
    };
    for (size_t t = 1; t < y.size(); ++t) {
      std::vector<double> next(3, -HUGE_VAL);
      for (size_t k = 0; k < 3; ++k) {
        for (size_t j = 0; j < 3; ++j) {
          const double term = a[j] + std::log(chain.move[3 * j + k]);
          if (std::isfinite(term)) next[k] = std::isfinite(next[k]) ? log_sum(next[k], term) : term;
        }
        next[k] += chain.log_density(y[t], k);
      }
      a = next;
    }
    double total = -HUGE_VAL;
    for (const double x : a)
      if (std::isfinite(x)) total = std::isfinite(total) ? log_sum(total, x) : x;
    const Fit fit = at(hmm(gaussian, 3, ""), one_series(y), chain.values());
    INFO(y[0] << " " << y[1]);
    CHECK(fit.objective == Approx(total).epsilon(1e-13));
    // Pairs that follow from such numbers: a step of EM does not fall.
    const BoundModel bound = bind_or_fail(compile(hmm(gaussian + " ", 3, "")), one_series(y));
    const std::vector<double> r = fit.responsibilities();
    for (size_t t = 0; t < y.size(); ++t)
      CHECK(r[3 * t] + r[3 * t + 1] + r[3 * t + 2] == Approx(1).epsilon(1e-12));
  }
}

TEST_CASE(
    "a chain is recovered from a long series, and compiled code is the interpreter's on any number of "
    "threads") {
  std::mt19937_64 engine(8);
  const Chain chain{
      {0.6, 0.3, 0.1}, {0.9, 0.08, 0.02, 0.05, 0.9, 0.05, 0.1, 0.2, 0.7}, {-2, 0.5, 3}, {1, 0.7, 1.3}};
  const std::vector<double> y = draw(chain, 100'000, engine);
  const BoundModel bound = bind_or_fail(compile(hmm(gaussian, 3, "")), one_series(y));
  const std::vector<Values> rough = {{"start", {3}, {0.4, 0.3, 0.3}},
                                     {"move", {3, 3}, {0.6, 0.2, 0.2, 0.2, 0.6, 0.2, 0.2, 0.2, 0.6}},
                                     {"mean", {3}, {-1, 0, 2}},
                                     {"sd", {3}, {1, 1, 1}}};
  const Fit fit = fit_or_fail(bound, {.iterations = 60, .tolerance = 1e-4, .init = rough});
  for (size_t i = 0; i < 9; ++i) CHECK(values(fit, "move")[i] == Approx(chain.move[i]).margin(0.01));
  for (size_t k = 0; k < 3; ++k) {
    CHECK(values(fit, "mean")[k] == Approx(chain.mean[k]).margin(0.03));
    CHECK(values(fit, "sd")[k] == Approx(chain.sd[k]).margin(0.02));
  }
  std::vector<double> s, few;
  for (size_t i = 0; i < 6000; ++i) {
    s.push_back(std::floor(std::sqrt(static_cast<double>(i)) / 2));
    few.push_back(i % 17 == 3 ? none : y[i]);
  }
  const BoundModel several = bind_or_fail(compile(hmm(gaussian, 3, R"(by "s")")),
                                          make_data({{"s", s.data(), 1}, {"y", few.data(), 1}}, 6000));
  FitOptions options{.iterations = 4, .tolerance = 0.0, .threads = 1, .init = rough};
  const Fit one = fit_or_fail(several, options);
  for (const int threads : {2, 7}) {
    options.threads = threads;
    const Fit other = fit_or_fail(several, options);
    CHECK(std::bit_cast<uint64_t>(one.objective) == std::bit_cast<uint64_t>(other.objective));
    for (const char* name : {"start", "move", "mean", "sd"}) CHECK(values(one, name) == values(other, name));
  }
  options.backend = Backend::interpreter;
  const Fit interpreted = fit_or_fail(several, options);
  CHECK(interpreted.objective == Approx(one.objective).epsilon(1e-12));
  for (const char* name : {"start", "move", "mean", "sd"})
    for (size_t i = 0; i < values(one, name).size(); ++i)
      CHECK(values(interpreted, name)[i] == Approx(values(one, name)[i]).epsilon(1e-9));
}

TEST_CASE("a fitted chain tells the states and the best path of other series, and scores them") {
  std::mt19937_64 engine(9);
  const Chain chain = random_chain(engine, 2);
  const std::vector<double> y = draw(chain, 60, engine);
  const Fit fitted = at(hmm(gaussian, 2, ""), one_series(y), chain.values());
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("lvm_chain_" + std::to_string(engine()) + ".lvmfit");
  REQUIRE_FALSE(save(fitted, path.string()).has_errors());
  const FittedModel model = load(path.string());
  std::filesystem::remove(path);
  REQUIRE(model.ok());
  const std::vector<double> other = draw(chain, 25, engine);
  const BoundModel bound = bind(model, one_series(other));
  INFO(bound.report().render());
  REQUIRE(bound.ok());
  const Score scored = score(model, bound);
  CHECK(scored.total ==
        Approx(at(hmm(gaussian, 2, ""), one_series(other), chain.values()).objective).epsilon(1e-12));
  const Results states = infer(model, bound);
  const Fit best = at(hmm(gaussian, 2, "", "", "point"), one_series(other), chain.values());
  const std::vector<double> r = best.responsibilities();
  const auto path_column = std::ranges::find(states.columns, "z_path", &ResultColumn::name);
  REQUIRE(path_column != states.columns.end());
  for (size_t t = 0; t < other.size(); ++t)
    CHECK(r[2 * t + static_cast<size_t>(path_column->values[t])] == 1);
}

}  // namespace lvm::numeric
