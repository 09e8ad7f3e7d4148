// Draws by implicit gradients where the true posterior has the family of q: the bound must come to the exact
// likelihood.

#include <cmath>
#include <functional>

#include "tests/unit/gradient/models.h"
#include "tests/unit/gradient/support.h"

namespace lvm {
namespace {

using Row = std::vector<double>;

/// The bound over the last epochs against the sum of `exact` over the rows, in nats a row.
double short_of(const std::string& text, const runtime::Table& table,
                const std::function<double(const Row&)>& exact, const std::string& precision) {
  const test::Lowered made = test::lower(text, table,
                                         {{"fit.batch", "200"},
                                          {"fit.epochs", "3000"},
                                          {"fit.samples", "4"},
                                          {"fit.precision", precision},
                                          {"fit.optimizer", "adam(rate: 0.03, schedule: cosine)"}});
  const runtime::Fitted fitted = test::train(made, test::compiled(made, 0));
  const runtime::BoundData& data = *made.lowered.data;
  double best = 0, last = 0;
  for (int64_t r = 0; r < data.rows; ++r) {
    Row row;
    for (int64_t c = 0; c < data.variables.front().size; ++c)
      row.push_back(data.packed.column(data.variables.front().first + c)[r]);
    best += exact(row);
  }
  for (size_t i = fitted.trace.size() - 500; i < fitted.trace.size(); ++i)
    last += fitted.trace[i].objective / 500;
  INFO(best << " " << last);
  CHECK(std::isfinite(last));
  return (best - last) / static_cast<double>(data.rows);
}

double sum_of(const Row& row) {
  double sum = 0;
  for (const double y : row) sum += y;
  return sum;
}

/// ln B(a, b)
double log_beta(double a, double b) {
  return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
}

}  // namespace

TEST_CASE("an amortised Gamma reaches the exact likelihood of a mixture of Poissons") {
  const std::string text = R"(model m {
  axis D = columns
  data   y: count[D]
  param  a: positive
  param  c: positive
  param  r: positive
  latent g: positive
  P(g) = Gamma(0.7, rate: 0.9)
  P(y | g) = Poisson(g)
  q(g | y) = Gamma(a + c * sum(y), rate: r)
})";
  const auto exact = [](const Row& y) {
    const double d = static_cast<double>(y.size()), a = 0.7, rate = 0.9,
                 s = sum_of(y);  // y is 0 or 1: y! is 1
    return a * std::log(rate) - std::lgamma(a) + std::lgamma(a + s) - (a + s) * std::log(rate + d);
  };
  for (const char* precision : {"single", "double"})
    CHECK(std::abs(short_of(text, test::made_table(200, 3, true), exact, precision)) < 0.005);
}

TEST_CASE("an amortised Beta reaches the exact likelihood of a mixture of Bernoullis") {
  const std::string text = R"(model m {
  axis D = columns
  data   y: bool[D]
  param  a: positive
  param  b: positive
  param  c: positive
  param  d: positive
  latent s: unit
  P(s) = Beta(0.6, b: 1.5)
  P(y | s) = Bernoulli(s)
  q(s | y) = Beta(a + c * sum(y), b: b + d * abs(4 - sum(y)))
})";
  const auto exact = [](const Row& y) {
    const double s = sum_of(y), d = static_cast<double>(y.size());
    return log_beta(0.6 + s, 1.5 + d - s) - log_beta(0.6, 1.5);
  };
  CHECK(std::abs(short_of(text, test::made_table(200, 4, true), exact, "single")) < 0.005);
}

TEST_CASE("an amortised Dirichlet reaches the exact likelihood of categories") {
  const std::string text = R"(model m {
  axis K = 3
  data   y: count[K]
  given  n: count
  param  a: positive[K]
  param  c: positive
  latent s: simplex[K]
  P(s) = Dirichlet(0.8)
  P(y | n, s) = Multinomial(n, p: s)
  q(s | y) = Dirichlet(a + c * y)
})";
  std::vector<std::vector<double>> cells(4);
  const runtime::Random random(11, runtime::Site::user, 0);
  for (int64_t r = 0; r < 200; ++r) {
    double total = 0;
    for (uint32_t c = 0; c < 3; ++c) {
      cells[c].push_back(static_cast<double>(random.index(4, r, c)));
      total += cells[c].back();
    }
    cells[3].push_back(total);
  }
  const runtime::Table table = runtime::make_table({{"y1", cells[0].data(), 1},
                                                    {"y2", cells[1].data(), 1},
                                                    {"y3", cells[2].data(), 1},
                                                    {"n", cells[3].data(), 1}},
                                                   200);
  const auto exact = [](const Row& y) {
    double value = std::lgamma(sum_of(y) + 1) + std::lgamma(2.4) - std::lgamma(2.4 + sum_of(y));
    for (const double each : y) value += std::lgamma(0.8 + each) - std::lgamma(0.8) - std::lgamma(each + 1);
    return value;
  };
  CHECK(std::abs(short_of(text, table, exact, "single")) < 0.005);
}

}  // namespace lvm
