// Simulation-based calibration (Talts, Betancourt, Simpson, Vehtari and Gelman 2018): where latents and data
// are drawn from a model, the true latent is one more draw from its exact posterior, so that its rank among
// draws of the posterior is uniform. What is simulated here shares nothing with the compiler: only the
// posteriors are lvm's.

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <random>

#include "tests/numeric/calibration.h"
#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

/// One column of the simulated table, a replication a row.
using Column = std::vector<double>;

struct Simulated {
  std::vector<std::pair<std::string, Column>> columns;
  Column truth;  // of the latent that is ranked
};

Fit posterior_of(const std::string& text, const Simulated& made) {
  std::vector<HostColumn> columns;
  for (const auto& [name, values] : made.columns) columns.push_back({name, values.data(), 1});
  return fit_or_fail(bind_or_fail(compile(text), make_data(columns, std::ssize(made.columns.front().second))),
                     {.iterations = 1});
}

/// Draws of a family that has the mean and the standard deviation of a posterior.
using Law = std::function<double(double mean, double sd, std::mt19937_64& engine)>;

double of_normal(double mean, double sd, std::mt19937_64& engine) {
  return std::normal_distribution<double>(mean, sd)(engine);
}
double of_gamma(double mean, double sd, std::mt19937_64& engine) {
  const double shape = mean * mean / (sd * sd);
  return std::gamma_distribution<double>(shape, mean / shape)(engine);
}
/// 1 / x of a Gamma: the mean is b / (a - 1), its square over the variance a - 2.
double of_inverse_gamma(double mean, double sd, std::mt19937_64& engine) {
  const double a = 2 + mean * mean / (sd * sd);
  return mean * (a - 1) / std::gamma_distribution<double>(a, 1)(engine);
}
double of_beta(double mean, double sd, std::mt19937_64& engine) {
  const double both = mean * (1 - mean) / (sd * sd) - 1;
  const double a = std::gamma_distribution<double>(mean * both, 1)(engine),
               b = std::gamma_distribution<double>((1 - mean) * both, 1)(engine);
  return a / (a + b);
}

/// Ranks of the first element of a continuous latent.
void check_continuous(const std::string& text, const Simulated& made, const Law& law,
                      const std::string& latent = "z") {
  const Fit fit = posterior_of(text, made);
  const LatentMoments moments = fit.moments(latent);
  const size_t width = moments.mean.size() / made.truth.size();
  std::mt19937_64 engine(11);
  Ranks ranks;
  for (size_t row = 0; row < made.truth.size(); ++row)
    ranks.add(
        made.truth[row], [&] { return law(moments.mean[row * width], moments.sd[row * width], engine); },
        engine);
  CHECK(ranks.uniform());
}

/// Ranks of the values of a finite latent, counted from 0.
void check_finite(const std::string& text, const Simulated& made, const std::string& latent = {}) {
  const Fit fit = posterior_of(text, made);
  const std::vector<double> q = fit.responsibilities(latent);
  const auto states = static_cast<std::ptrdiff_t>(q.size() / made.truth.size());
  std::mt19937_64 engine(12);
  Ranks ranks;
  for (size_t row = 0; row < made.truth.size(); ++row) {
    const auto begin = q.begin() + static_cast<std::ptrdiff_t>(row) * states;
    std::discrete_distribution<int> law(begin, begin + states);
    ranks.add(made.truth[row], [&] { return static_cast<double>(law(engine)); }, engine);
  }
  CHECK(ranks.uniform());
}

/// A thousand rows: `one` draws the truth and fills the cells of a row.
Simulated simulate(const std::vector<std::string>& names, uint64_t seed,
                   const std::function<double(std::mt19937_64&, std::vector<double>&)>& one) {
  std::mt19937_64 engine(seed);
  Simulated made;
  for (const std::string& name : names) made.columns.push_back({name, {}});
  for (int row = 0; row < 1000; ++row) {
    std::vector<double> cells(names.size());
    made.truth.push_back(one(engine, cells));
    for (size_t i = 0; i < cells.size(); ++i) made.columns[i].second.push_back(cells[i]);
  }
  return made;
}

double normal(std::mt19937_64& engine, double mean, double sd) {
  return std::normal_distribution<double>(mean, sd)(engine);
}

}  // namespace

TEST_CASE("ranks tell a posterior that is too narrow, and one that is off, from the true one") {
  const auto ranked = [](double mean, double sd) {
    std::mt19937_64 engine(3);
    Ranks ranks;
    for (int i = 0; i < 1000; ++i)
      ranks.add(normal(engine, 0, 1), [&] { return normal(engine, mean, sd); }, engine);
    return ranks.uniform();
  };
  CHECK(ranked(0, 1));
  CHECK_FALSE(ranked(0, 0.8));
  CHECK_FALSE(ranked(0.25, 1));
}

TEST_CASE("calibration of finite latents") {
  const char* mixture = R"(model mixture {
  axis K = 3
  data   y: real
  param  weight: simplex[K] = [0.2, 0.5, 0.3] fixed
  param  mean: real[K] = [-1.0, 0.5, 2.0] fixed
  param  sd: positive[K] = [0.5, 1.0, 2.0] fixed
  latent z: category[K]
  P(z) = Categorical(weight)
  P(y | z) = Normal(mean[z], sd: sd[z])
  q(z | y) = exact
})";
  const double means[] = {-1, 0.5, 2}, sds[] = {0.5, 1, 2};
  check_finite(mixture, simulate({"y"}, 1, [&](auto& engine, auto& cells) {
                 const int z = std::discrete_distribution<int>({0.2, 0.5, 0.3})(engine);
                 cells[0] = normal(engine, means[z], sds[z]);
                 return z;
               }));

  const char* two = R"(model two {
  axis K = 2
  axis M = 3
  data   y: count
  data   x: real
  param  weight: simplex[K] = [0.4, 0.6] fixed
  param  move: simplex[K, M] = [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]] fixed
  param  rate: positive[K] = [2.0, 5.0] fixed
  param  mean: real[M] = [-1.0, 0.0, 1.0] fixed
  latent a: category[K]
  latent b: category[M]
  P(a) = Categorical(weight)
  P(b | a) = Categorical(move[a])
  P(y | a) = Poisson(rate[a])
  P(x | b) = Normal(mean[b], sd: 0.8)
  q(a, b | y, x) = exact
})";
  const std::discrete_distribution<int> moves[] = {{0.7, 0.2, 0.1}, {0.1, 0.3, 0.6}};
  for (const bool second : {false, true}) {
    check_finite(two,
                 simulate({"y", "x"}, 2,
                          [&](auto& engine, auto& cells) {
                            const int a = std::discrete_distribution<int>({0.4, 0.6})(engine);
                            auto move = moves[a];
                            const int b = move(engine);
                            cells = {static_cast<double>(std::poisson_distribution<int>(a ? 5 : 2)(engine)),
                                     normal(engine, b - 1, 0.8)};
                            return second ? b : a;
                          }),
                 second ? "b" : "a");
  }
}

TEST_CASE("calibration of Gaussian latents") {
  const char* factors = R"(model factors {
  axis L = 2
  axis D = 3
  data   y: real[D]
  param  W: real[D, L] = [[1.0, 0.5], [0.3, -1.0], [0.8, 0.0]] fixed
  param  psi: positive[D] = [0.5, 1.0, 0.2] fixed
  latent z: real[L]
  P(z) = Normal(0, sd: 1)
  P(y | z) = Normal(W * z, var: psi)
  q(z | y) = exact
})";
  check_continuous(factors,
                   simulate({"y1", "y2", "y3"}, 3,
                            [](auto& engine, auto& y) {
                              const double a = normal(engine, 0, 1), b = normal(engine, 0, 1);
                              y = {normal(engine, a + 0.5 * b, std::sqrt(0.5)),
                                   normal(engine, 0.3 * a - b, 1), normal(engine, 0.8 * a, std::sqrt(0.2))};
                              return a;
                            }),
                   of_normal);

  // A random intercept and slope; groups of 1 to 6 rows.
  const char* slopes = R"(model slopes {
  plate g = by("g")
  axis J = 2
  data   y: real
  given  x: real
  param  beta: real[J] = [1.0, -0.5] fixed
  param  G: covariance[J] = [[1.0, 0.3], [0.3, 0.5]] fixed
  latent b: real[J] per g
  P(b) = Normal(0, cov: G)
  P(y | b, x) = Normal(dot(beta + b, [1, x]), sd: 0.7)
  q(b | y, x) = exact
})";
  std::mt19937_64 engine(4);
  Simulated grouped{{{"y", {}}, {"x", {}}, {"g", {}}}, {}};
  for (int g = 0; g < 1000; ++g) {
    const double first = normal(engine, 0, 1),
                 second = 0.3 * first + normal(engine, 0, std::sqrt(0.5 - 0.09));
    grouped.truth.push_back(first);
    for (int row = 0; row <= g % 6; ++row) {
      const double x = normal(engine, 0, 1);
      grouped.columns[0].second.push_back(normal(engine, 1 + first + (second - 0.5) * x, 0.7));
      grouped.columns[1].second.push_back(x);
      grouped.columns[2].second.push_back(g);
    }
  }
  check_continuous(slopes, grouped, of_normal, "b");
}

TEST_CASE("calibration of conjugate latents") {
  check_continuous(R"(model rates {
  data   y: count
  given  e: positive
  latent z: positive
  P(z) = Gamma(2, rate: 0.8)
  P(y | z, e) = Poisson(e * z)
  q(z | y, e) = exact
})",
                   simulate({"y", "e"}, 5,
                            [](auto& engine, auto& cells) {
                              const double z = std::gamma_distribution<double>(2, 1 / 0.8)(engine),
                                           e = std::uniform_real_distribution<double>(0.5, 3)(engine);
                              cells = {static_cast<double>(std::poisson_distribution<int>(e * z)(engine)), e};
                              return z;
                            }),
                   of_gamma);

  check_continuous(R"(model precisions {
  axis D = 2
  data   y: real[D]
  latent z: positive
  P(z) = Gamma(2, rate: 2)
  P(y | z) = Normal(1, var: 4 / z)
  q(z | y) = exact
})",
                   simulate({"y1", "y2"}, 6,
                            [](auto& engine, auto& y) {
                              const double z = std::gamma_distribution<double>(2, 0.5)(engine);
                              y = {normal(engine, 1, 2 / std::sqrt(z)), normal(engine, 1, 2 / std::sqrt(z))};
                              return z;
                            }),
                   of_gamma);

  check_continuous(R"(model variances {
  axis D = 4
  data   y: real[D]
  latent z: positive
  P(z) = InverseGamma(3, scale: 2)
  P(y | z) = Normal(0, var: 2 * z)
  q(z | y) = exact
})",
                   simulate({"y1", "y2", "y3", "y4"}, 7,
                            [](auto& engine, auto& y) {
                              const double z = 2 / std::gamma_distribution<double>(3, 1)(engine);
                              for (double& each : y) each = normal(engine, 0, std::sqrt(2 * z));
                              return z;
                            }),
                   of_inverse_gamma);

  check_continuous(R"(model shares {
  data   y: count
  latent z: unit
  P(z) = Beta(1.5, b: 2.5)
  P(y | z) = Binomial(9, p: z)
  q(z | y) = exact
})",
                   simulate({"y"}, 8,
                            [](auto& engine, auto& cells) {
                              const double a = std::gamma_distribution<double>(1.5, 1)(engine),
                                           b = std::gamma_distribution<double>(2.5, 1)(engine);
                              cells[0] = std::binomial_distribution<int>(9, a / (a + b))(engine);
                              return a / (a + b);
                            }),
                   of_beta);
}

/// A thousand series of five steps, of which the truth of step `ranked` (from 0) is kept; `one` draws the
/// states and cells of a series, [step][column].
struct Series {
  std::vector<double> states;
  std::vector<std::vector<double>> cells;
};
void check_series(
    const std::string& text, uint64_t seed, const std::vector<std::string>& names,
    const std::function<Series(std::mt19937_64&)>& one,
    const std::function<void(const Fit&, const std::vector<size_t>& rows, const Column& truth)>& check) {
  std::mt19937_64 engine(seed);
  for (const size_t ranked : {0U, 2U, 4U}) {
    Simulated made{{{"series", {}}, {"time", {}}}, {}};
    for (const std::string& name : names) made.columns.push_back({name, {}});
    std::vector<size_t> rows;
    for (int series = 0; series < 1000; ++series) {
      const Series drawn = one(engine);
      made.truth.push_back(drawn.states[ranked]);
      for (size_t t = 0; t < drawn.cells.size(); ++t) {
        if (t == ranked) rows.push_back(made.columns[0].second.size());
        made.columns[0].second.push_back(series);
        made.columns[1].second.push_back(static_cast<double>(t));
        for (size_t i = 0; i < names.size(); ++i) made.columns[2 + i].second.push_back(drawn.cells[t][i]);
      }
    }
    INFO("step " << ranked + 1);
    check(posterior_of(text, made), rows, made.truth);
  }
}

TEST_CASE("calibration of states of finite chains, given all data of their series") {
  const std::string text = R"(model chain {
  axis K = 3
  sequence t by "series" order "time"
  data   y: real missing
  param  start: simplex[K] = [0.2, 0.5, 0.3] fixed
  param  move: simplex[K, K] = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]] fixed
  param  mean: real[K] = [-1.0, 0.5, 1.5] fixed
  latent z: category[K]
  P(z[first]) = Categorical(start)
  P(z[t] | z[t-1]) = Categorical(move[z[t-1]])
  P(y[t] | z[t]) = Normal(mean[z[t]], sd: 1.2)
  q(z | y) = exact
})";
  const auto one = [](std::mt19937_64& engine) {
    const std::vector<std::vector<double>> move = {{0.7, 0.2, 0.1}, {0.1, 0.6, 0.3}, {0.3, 0.3, 0.4}};
    const double means[] = {-1, 0.5, 1.5};
    Series made;
    auto z = static_cast<size_t>(std::discrete_distribution<int>({0.2, 0.5, 0.3})(engine));
    for (int t = 0; t < 5; ++t) {
      if (t > 0)
        z = static_cast<size_t>(std::discrete_distribution<int>(move[z].begin(), move[z].end())(engine));
      made.states.push_back(static_cast<double>(z));
      made.cells.push_back({t == 3 ? std::nan("") : normal(engine, means[z], 1.2)});
    }
    return made;
  };
  check_series(text, 21, {"y"}, one,
               [](const Fit& fit, const std::vector<size_t>& rows, const Column& truth) {
                 const std::vector<double> q = fit.responsibilities({});
                 std::mt19937_64 engine(13);
                 Ranks ranks;
                 for (size_t i = 0; i < rows.size(); ++i) {
                   const auto begin = q.begin() + static_cast<std::ptrdiff_t>(3 * rows[i]);
                   std::discrete_distribution<int> law(begin, begin + 3);
                   ranks.add(truth[i], [&] { return static_cast<double>(law(engine)); }, engine);
                 }
                 CHECK(ranks.uniform());
               });
}

TEST_CASE("calibration of steps of Gaussian chains, given all data of their series") {
  const std::string text = R"(model chain {
  axis S = 2
  sequence t by "series" order "time"
  data   y: real missing
  param  a: real[S, S] = [[0.9, 0.4], [-0.3, 0.8]] fixed
  param  c: real[S] = [1.0, 0.5] fixed
  latent z: real[S]
  P(z[first]) = Normal(0.5, sd: 2)
  P(z[t] | z[t-1]) = Normal(a * z[t-1], var: 0.5)
  P(y[t] | z[t]) = Normal(dot(c, z[t]), sd: 0.8)
  q(z | y) = exact
})";
  const auto one = [](std::mt19937_64& engine) {
    Series made;
    double u = normal(engine, 0.5, 2), v = normal(engine, 0.5, 2);
    for (int t = 0; t < 5; ++t) {
      if (t > 0) {
        const double before = u;
        u = normal(engine, 0.9 * before + 0.4 * v, std::sqrt(0.5));
        v = normal(engine, -0.3 * before + 0.8 * v, std::sqrt(0.5));
      }
      made.states.push_back(u);
      made.cells.push_back({t == 1 ? std::nan("") : normal(engine, u + 0.5 * v, 0.8)});
    }
    return made;
  };
  check_series(
      text, 22, {"y"}, one, [](const Fit& fit, const std::vector<size_t>& rows, const Column& truth) {
        const LatentMoments moments = fit.moments("z");
        std::mt19937_64 engine(14);
        Ranks ranks;
        for (size_t i = 0; i < rows.size(); ++i)
          ranks.add(
              truth[i], [&] { return of_normal(moments.mean[2 * rows[i]], moments.sd[2 * rows[i]], engine); },
              engine);
        CHECK(ranks.uniform());
      });
}

TEST_CASE("calibration of shares that counts are drawn by") {
  // The first of three shares of a Dirichlet is a Beta, and so is that of its posterior.
  check_continuous(R"(model shares {
  axis V = 3
  data   y: count[V]
  const  alpha: positive[V] = [1.5, 0.7, 2.0]
  latent z: simplex[V]
  P(z) = Dirichlet(alpha)
  P(y | z) = Multinomial(12, p: z)
  q(z | y) = exact
})",
                   simulate({"y1", "y2", "y3"}, 9,
                            [](auto& engine, auto& y) {
                              double g[3] = {std::gamma_distribution<double>(1.5, 1)(engine),
                                             std::gamma_distribution<double>(0.7, 1)(engine),
                                             std::gamma_distribution<double>(2.0, 1)(engine)};
                              const double sum = g[0] + g[1] + g[2];
                              std::discrete_distribution<int> law(g, g + 3);
                              for (int i = 0; i < 12; ++i) ++y[static_cast<size_t>(law(engine))];
                              return g[0] / sum;
                            }),
                   of_beta);
}

}  // namespace lvm::numeric
