// The passes over a series against the sum over all of its paths, in plain numbers and in logarithms, for
// words of one and two letters, with transitions of all steps and of each.

#include "runtime/forward_backward.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

namespace lvm::runtime {
namespace {

struct Series {
  ChainShape shape;
  int64_t steps = 0;
  bool each = false;
  std::vector<double> log_weights;      // [steps][letters]
  std::vector<double> log_transitions;  // [steps or 1][z][h][o]

  int64_t entries() const { return shape.states * shape.letters; }
  double transition(int64_t t, int64_t z, int64_t h, int64_t o) const {
    return log_transitions[static_cast<size_t>((each ? t * entries() : 0) +
                                               (z * shape.words + h) * shape.letters + o)];
  }
};

Series random_series(std::mt19937_64& engine, int64_t letters, int64_t order, int64_t steps, bool each,
                     double sharpness) {
  std::normal_distribution<double> normal;
  Series s{chain_shape(letters, order), steps, each, {}, {}};
  for (int64_t i = 0; i < steps * letters; ++i) s.log_weights.push_back(sharpness * normal(engine));
  for (int64_t i = 0; i < (each ? steps : 1) * s.entries(); ++i)
    s.log_transitions.push_back(normal(engine) - 1);
  return s;
}

/// ln P, P(z_t | all) by every path.
struct Exact {
  double log_total = 0, best = -HUGE_VAL;
  std::vector<double> marginals;  // [steps][letters]
};

Exact by_paths(const Series& s) {
  Exact e;
  e.marginals.assign(static_cast<size_t>(s.steps * s.shape.letters), 0);
  int64_t paths = 1;
  for (int64_t t = 0; t < s.steps; ++t) paths *= s.shape.letters;
  std::vector<double> logs;
  std::vector<std::vector<int64_t>> all;
  for (int64_t path = 0; path < paths; ++path) {
    std::vector<int64_t> z;
    for (int64_t t = 0, rest = path; t < s.steps; ++t, rest /= s.shape.letters)
      z.push_back(rest % s.shape.letters);
    double sum = 0;
    for (int64_t t = 0; t < s.steps; ++t) {
      const auto at = static_cast<size_t>(t);
      sum += s.log_weights[static_cast<size_t>(t * s.shape.letters + z[at])];
      if (t < s.shape.order) continue;
      const int64_t h = s.shape.order == 1 ? 0 : z[at - 1];
      sum += s.transition(t, z[at], h, z[at - static_cast<size_t>(s.shape.order)]);
    }
    logs.push_back(sum);
    all.push_back(z);
  }
  e.best = *std::max_element(logs.begin(), logs.end());
  double total = 0;
  for (const double x : logs) total += std::exp(x - e.best);
  e.log_total = e.best + std::log(total);
  for (size_t p = 0; p < logs.size(); ++p) {
    for (int64_t t = 0; t < s.steps; ++t)
      e.marginals[static_cast<size_t>(t * s.shape.letters + all[p][static_cast<size_t>(t)])] +=
          std::exp(logs[p] - e.log_total);
  }
  return e;
}

struct Arrays {
  std::vector<double> filtered, smoothed, scale, peak, logs, plain, turned, straight;

  explicit Arrays(const Series& s) {
    const auto size = static_cast<size_t>(s.steps * s.shape.stride);
    filtered.resize(size);
    smoothed.resize(size);
    logs.resize(size);
    scale.resize(static_cast<size_t>(s.steps));
    peak.resize(static_cast<size_t>(s.steps));
    for (int64_t t = 0; t < s.steps; ++t) {
      for (int64_t k = 0; k < s.shape.states; ++k) {
        const double w = s.log_weights[static_cast<size_t>(t * s.shape.letters + k / s.shape.words)];
        logs[static_cast<size_t>(t * s.shape.stride + k)] = w;
        filtered[static_cast<size_t>(t * s.shape.stride + k)] = std::exp(w);
      }
    }
    for (const double x : s.log_transitions) plain.push_back(std::exp(x));
    if (s.each || s.shape.order > 1) return;
    turned.assign(static_cast<size_t>(s.shape.stride * s.shape.stride), 0);
    straight = turned;
    for (int64_t z = 0; z < s.shape.letters; ++z)
      for (int64_t o = 0; o < s.shape.letters; ++o)
        turned[static_cast<size_t>(o * s.shape.stride + z)] =
            straight[static_cast<size_t>(z * s.shape.stride + o)] =
                plain[static_cast<size_t>(z * s.shape.letters + o)];
  }
  LogPass pass(const Series& s) {
    LogPass made;
    made.steps = s.steps;
    made.filtered = filtered.data();
    made.smoothed = smoothed.data();
    made.scale = scale.data();
    made.logs = logs.data();
    made.peak = peak.data();
    return made;
  }
};

void check_marginals(const Series& s, const Exact& exact, const std::vector<double>& smoothed) {
  for (int64_t t = 0; t < s.steps; ++t) {
    for (int64_t z = 0; z < s.shape.letters; ++z) {
      double sum = 0;
      for (int64_t h = 0; h < s.shape.words; ++h)
        sum += smoothed[static_cast<size_t>(t * s.shape.stride + z * s.shape.words + h)];
      CHECK(
          sum ==
          Approx(exact.marginals[static_cast<size_t>(t * s.shape.letters + z)]).epsilon(1e-11).margin(1e-14));
    }
  }
}

}  // namespace

TEST_CASE("forward-backward, in numbers and in logarithms, is the sum over all paths") {
  std::mt19937_64 engine(17);
  for (int round = 0; round < 60; ++round) {
    const int64_t letters = round == 7   ? 20
                            : round == 9 ? 11
                                         : 1 + round % 5,
                  order = letters > 5 ? 1 : 1 + round % 2;
    const bool each = round % 3 == 0;
    const int64_t steps = letters > 5 ? 3 : 1 + round % 5;
    const Series s = random_series(engine, letters, order, steps, each, 2);
    INFO(letters << " letters, order " << order << ", " << steps << " steps");
    const Exact exact = by_paths(s);
    Arrays plain(s), logs(s);
    const Transitions numbers{plain.plain.data(), each ? s.entries() : 0,
                              plain.turned.empty() ? nullptr : plain.turned.data(),
                              plain.straight.empty() ? nullptr : plain.straight.data()};
    const Transitions logarithms{s.log_transitions.data(), each ? s.entries() : 0, nullptr, nullptr};
    REQUIRE(forward(s.shape, numbers, plain.pass(s)));
    backward(s.shape, numbers, plain.pass(s));
    double total = 0;
    for (const double c : plain.scale) total += std::log(c);
    CHECK(total == Approx(exact.log_total).epsilon(1e-12).margin(1e-12));
    check_marginals(s, exact, plain.smoothed);
    REQUIRE(forward_backward_in_logs(s.shape, logarithms, logs.pass(s)));
    total = 0;
    for (const double c : logs.peak) total += c;
    CHECK(total == Approx(exact.log_total).epsilon(1e-12).margin(1e-12));
    check_marginals(s, exact, logs.smoothed);
    Arrays best(s);
    std::vector<int64_t> path;
    best_path(s.shape, logarithms, best.pass(s), path);
    total = 0;
    for (const double c : best.peak) total += c;
    CHECK(total == Approx(exact.best).epsilon(1e-12).margin(1e-12));
  }
}

TEST_CASE("a state that is lost and has a successor of its own is noticed") {
  // 0 stays, 1 goes to 2 alone; the data of the first step all but exclude 1, those of the second exclude all
  // but 2.
  Series s{chain_shape(3, 1), 3, false, {0, -800, -HUGE_VAL, -2000, -2000, 0, 0, 0, 0}, {}};
  s.log_transitions.assign(9, -HUGE_VAL);
  s.log_transitions[0 * 3 + 0] = 0;  // [z][o]
  s.log_transitions[2 * 3 + 1] = 0;
  s.log_transitions[1 * 3 + 2] = 0;
  const Exact exact = by_paths(s);
  Arrays plain(s), logs(s);
  const Transitions numbers{plain.plain.data(), 0, plain.turned.data(), plain.straight.data()};
  CHECK_FALSE(forward(s.shape, numbers, plain.pass(s)));
  REQUIRE(forward_backward_in_logs(s.shape, {s.log_transitions.data(), 0, nullptr, nullptr}, logs.pass(s)));
  double total = 0;
  for (const double c : logs.peak) total += c;
  CHECK(total == Approx(exact.log_total).epsilon(1e-13));
  CHECK(logs.smoothed[static_cast<size_t>(s.shape.stride) + 2] == Approx(1));
}

}  // namespace lvm::runtime
