// What gradients must reach: optima that are known in closed form, or by EM.

#include <cmath>

#include "tests/support/golden.h"
#include "tests/unit/gradient/models.h"
#include "tests/unit/gradient/support.h"

namespace lvm {
namespace {

/// Tipping & Bishop 1999, eq. 3 and 8: the greatest likelihood of probabilistic PCA from the eigenvalues of
/// the covariance.
double ppca_log_likelihood(const runtime::BoundData& data, int64_t latents) {
  const int64_t n = data.rows, d = data.variables.front().size;
  const auto cell = [&](int64_t row, int64_t column) {
    return data.packed.column(data.variables.front().first + column)[row];
  };
  std::vector<double> mean(static_cast<size_t>(d)), covariance(static_cast<size_t>(d * d)),
      values(static_cast<size_t>(d));
  for (int64_t c = 0; c < d; ++c) {
    for (int64_t r = 0; r < n; ++r) mean[static_cast<size_t>(c)] += cell(r, c) / static_cast<double>(n);
  }
  for (int64_t i = 0; i < d; ++i) {
    for (int64_t j = 0; j < d; ++j) {
      for (int64_t r = 0; r < n; ++r)
        covariance[static_cast<size_t>(i * d + j)] += (cell(r, i) - mean[static_cast<size_t>(i)]) *
                                                      (cell(r, j) - mean[static_cast<size_t>(j)]) /
                                                      static_cast<double>(n);
    }
  }
  const auto symbols = runtime::runtime_symbols();
  reinterpret_cast<void (*)(double*, const double*, int64_t)>(symbols.at("lvm_eigenvalues"))(
      values.data(), covariance.data(), d);
  double noise = 0, logs = 0;
  for (int64_t i = 0; i < d; ++i) {
    if (i < d - latents) {
      noise += values[static_cast<size_t>(i)] / static_cast<double>(d - latents);
    } else {
      logs += std::log(values[static_cast<size_t>(i)]);
    }
  }
  const double dimensions = static_cast<double>(d);
  return -0.5 * static_cast<double>(n) *
         (dimensions * std::log(2 * 3.14159265358979323846) + logs +
          static_cast<double>(d - latents) * std::log(noise) + dimensions);
}

}  // namespace

TEST_CASE("a linear VAE reaches the optimum of PPCA within 0.01 nats a row") {
  // q is the exact posterior at the optimum where W'W is diagonal: the bound is the likelihood there (Lucas
  // et al. 2019).
  const test::GradientModel model = test::gradient_models().front();
  const test::Lowered made = test::lower(model.text, test::made_table(200, 5),
                                         {{"fit.batch", "200"},
                                          {"fit.epochs", "6000"},
                                          {"fit.samples", "8"},
                                          {"fit.precision", "double"},
                                          {"fit.optimizer", "adam(rate: 0.02, schedule: cosine)"}});
  const runtime::Fitted fitted = test::train(made, test::compiled(made, 0));
  const double best = ppca_log_likelihood(*made.lowered.data, 2);
  // One pass is an average over few draws: the last epochs together say where the run has come to.
  double last = 0;
  for (size_t i = fitted.trace.size() - 500; i < fitted.trace.size(); ++i)
    last += fitted.trace[i].objective / 500;
  INFO(best << " " << last);
  CHECK(std::abs(best - last) / 200 < 0.01);
}

TEST_CASE(
    "a full covariance reaches the exact likelihood where elements of the posterior depend on each other") {
  // y ~ Normal(0, W W' + s^2 I): the posterior of z has a correlation of -0.87, for which independent
  // elements lose 0.7 nats a row.
  const std::string text = R"(model m {
  axis D = 2
  axis L = 2
  data   y: real[D] = columns("y1", "y2")
  param  W: real[D, L] = [[1.0, 0.8], [0.8, 1.0]] fixed
  param  V: real[L, D]
  latent z: real[L]
  net spread(y: real[D]) -> real[L, L] { return cholesky_factor(dense(y)) }
  P(z) = Normal(0, sd: 1)
  P(y | z) = Normal(W * z, sd: 0.5)
  q(z | y) = Normal(V * y, cholesky: spread(y))
})";
  const int64_t rows = 200;
  const test::Lowered made = test::lower(text, test::made_table(rows, 2),
                                         {{"fit.batch", "200"},
                                          {"fit.epochs", "6000"},
                                          {"fit.samples", "8"},
                                          {"fit.precision", "double"},
                                          {"fit.optimizer", "adam(rate: 0.02, schedule: cosine)"}});
  const runtime::Fitted fitted = test::train(made, test::compiled(made, 0));
  const double variance = 1 + 0.64 + 0.25, covariance = 1.6,
               determinant = variance * variance - covariance * covariance;
  double exact = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t first = made.lowered.data->variables.front().first;
    const double a = made.lowered.data->packed.column(first)[r],
                 b = made.lowered.data->packed.column(first + 1)[r];
    const double square = (variance * (a * a + b * b) - 2 * covariance * a * b) / determinant;
    exact -= 0.5 * (square + std::log(determinant)) + std::log(2 * 3.14159265358979323846);
  }
  double last = 0;
  for (size_t i = fitted.trace.size() - 500; i < fitted.trace.size(); ++i)
    last += fitted.trace[i].objective / 500;
  INFO(exact << " " << last);
  CHECK(std::abs(exact - last) / rows < 0.01);
}

TEST_CASE("importance weights tighten the bound") {
  const std::vector<test::GradientModel> models = test::gradient_models();
  const auto bound = [&](const std::string& objective) {
    const test::Lowered made = test::lower(models[0].text, test::made_table(200, 5),
                                           {{"fit.batch", "200"},
                                            {"fit.epochs", "1500"},
                                            {"fit.objective", objective},
                                            {"fit.precision", "double"},
                                            {"fit.optimizer", "adam(rate: 0.02, schedule: cosine)"},
                                            {"fit.beta", "1"}});
    const runtime::Fitted fitted = test::train(made, test::compiled(made, 0));
    double last = 0;
    for (size_t i = fitted.trace.size() - 100; i < fitted.trace.size(); ++i)
      last += fitted.trace[i].objective / 100;
    return last;
  };
  const double elbo = bound("elbo"), tighter = bound("iwae(k: 5)");
  CHECK(tighter > elbo);
}

TEST_CASE("a mixture by gradients comes to what EM finds") {
  const std::string text = R"(model m {
  axis K = 2
  data   y: real = column("y1")
  param  weight: simplex[K] = [0.5, 0.5] init
  param  mean: real[K] = [-1.0, 1.0] init
  param  sd: positive[K] = [1.0, 1.0] init
  latent k: category[K]
  P(k) = Categorical(weight)
  P(y | k) = Normal(mean[k], sd: sd[k])
  q(k | y) = exact
})";
  const test::Lowered em = test::lower(text, test::made_table(300, 1), {});
  Diagnostics diagnostics;
  const test::Runnable code = test::compiled(em, 1);
  const runtime::Fitted by_em = runtime::fit(code.program, code.functions, *em.lowered.data,
                                             {.iterations = 100000, .tolerance = 1e-10}, diagnostics);
  const test::Lowered gradient = test::lower(text, test::made_table(300, 1),
                                             {{"fit.method", "gradient"},
                                              {"fit.batch", "300"},
                                              {"fit.epochs", "4000"},
                                              {"fit.precision", "double"},
                                              {"fit.optimizer", "adam(rate: 0.02, schedule: cosine)"}});
  const runtime::Fitted by_gradient = test::train(gradient, test::compiled(gradient, 1));
  CHECK(by_gradient.objective == Approx(by_em.objective).epsilon(1e-6));
  CHECK(by_gradient.objective <= by_em.objective + 1e-6);
}

TEST_CASE("a bound that is not finite ends the fit, with the row and the factor") {
  const test::GradientModel model = test::gradient_models().front();
  const test::Lowered made =
      test::lower(model.text, test::made_table(60, 5),
                  {{"fit.batch", "60"}, {"fit.epochs", "50"}, {"fit.optimizer", "sgd(rate: 1e30)"}});
  Diagnostics diagnostics;
  const test::Runnable code = test::compiled(made, 1);
  const runtime::Fitted fitted =
      runtime::train(code.program, code.functions, *made.lowered.data,
                     {ir::gradient_settings(made.lowered.model->fit), {}}, diagnostics);
  CHECK_FALSE(fitted.ok);
  golden::check(golden::folder("fit") / "training_failed.expected", render_all(diagnostics, nullptr));
}

}  // namespace lvm
