// Log densities against independent formulas, and against one: every density integrates (or sums) to 1.

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "backends/interpreter/interpret.h"
#include "ir/families/family.h"

namespace lvm::ir {
namespace {

using interpreter::Environment;

struct Setting {
  Module module{.name = "density"};
  AxisId row = module.add_axis({.name = "row", .kind = AxisKind::rows});
  AxisId d = module.add_axis({.name = "D", .size = 2});
  AxisId dd = module.twin(d);
  AxisId v = module.add_axis({.name = "V", .size = 3});

  /// ln p of the values, one a row.
  std::vector<double> density(const char* parameterisation, Type value, std::vector<Type> slots,
                              std::vector<double> values, const std::vector<std::vector<double>>& arguments,
                              std::vector<AxisId> event = {}) {
    Function function{.name = "f"};
    Builder b(module, function);
    Environment environment;
    const NodeId y = b.leaf(Op::data, "y", value);
    environment["data.y"] = tensor(value, std::move(values));
    std::vector<NodeId> nodes;
    for (size_t i = 0; i < slots.size(); ++i) {
      const std::string name = "a" + std::to_string(i);
      nodes.push_back(b.leaf(Op::parameter, name, slots[i]));
      environment["parameter." + name] = tensor(slots[i], arguments[i]);
    }
    const Family* family = find_family(parameterisation);
    REQUIRE(family);
    const NodeId result = family->log_density(b, y, {nodes, event});
    return interpreter::evaluate(module, function, environment)[static_cast<size_t>(result)].data;
  }
  interpreter::Value tensor(const Type& type, std::vector<double> data) const {
    interpreter::Value value{type.axes, {}, std::move(data)};
    int64_t fixed = 1;
    for (const AxisId axis : type.axes) fixed *= axis == row ? 1 : module.axis(axis).size;
    for (const AxisId axis : type.axes) {
      value.sizes.push_back(axis == row ? static_cast<int64_t>(value.data.size()) / fixed
                                        : module.axis(axis).size);
    }
    return value;
  }
};

double normal(double y, double mean, double sd) {
  return std::log(1 / (sd * std::sqrt(2 * M_PI))) - (y - mean) * (y - mean) / (2 * sd * sd);
}

}  // namespace

TEST_CASE("Normal by sd, var and precision", "[families]") {
  Setting s;
  const Type value{Element::real, {s.row}, -1}, scalar{Element::positive, {}, -1};
  for (const double sd : {1e-3, 0.7, 40.0}) {
    const std::vector<double> at = {-3, 0, 0.5, 1e3};
    const auto by_sd = s.density("Normal.mean.sd", value, {scalar, scalar}, at, {{0.25}, {sd}});
    const auto by_var = s.density("Normal.mean.var", value, {scalar, scalar}, at, {{0.25}, {sd * sd}});
    const auto by_precision =
        s.density("Normal.mean.precision", value, {scalar, scalar}, at, {{0.25}, {1 / (sd * sd)}});
    for (size_t i = 0; i < at.size(); ++i) {
      const double expected = normal(at[i], 0.25, sd);
      CHECK(by_sd[i] == Approx(expected).epsilon(1e-12));
      CHECK(by_var[i] == Approx(expected).epsilon(1e-12));
      CHECK(by_precision[i] == Approx(expected).epsilon(1e-12));
    }
  }
}

TEST_CASE("element-wise Normal integrates to one", "[families]") {
  Setting s;
  const Type value{Element::real, {s.row}, -1}, scalar{Element::positive, {}, -1};
  std::vector<double> at;
  const double step = 1.0 / 64;
  for (double y = -20; y <= 20; y += step) at.push_back(y);
  for (const char* which : {"Normal.mean.sd", "Normal.mean.var", "Normal.mean.precision"}) {
    double sum = 0;
    for (const double ln_p : s.density(which, value, {scalar, scalar}, at, {{0.3}, {1.4}}))
      sum += step * std::exp(ln_p);
    CHECK(sum == Approx(1).epsilon(1e-12));
  }
}

TEST_CASE("multivariate Normal by covariance and precision", "[families]") {
  Setting s;
  const Type value{Element::real, {s.row, s.d}, -1}, vector{Element::real, {s.d}, -1},
      matrix{Element::real, {s.d, s.dd}, -1};
  const double a = 2, c = 0.7, b = 0.5;  // [[a, c], [c, b]]
  const double det = a * b - c * c;
  const std::vector<double> mean = {1, -2}, cov = {a, c, c, b},
                            precision = {b / det, -c / det, -c / det, a / det};
  const std::vector<double> at = {0, 0, 1, -2, 3, 5, -40, 7};
  const auto by_cov = s.density("Normal.mean.cov", value, {vector, matrix}, at, {mean, cov});
  const auto by_precision =
      s.density("Normal.mean.precision_matrix", value, {vector, matrix}, at, {mean, precision});
  for (size_t i = 0; i < 4; ++i) {
    const double x = at[2 * i] - 1, y = at[2 * i + 1] + 2;
    const double expected =
        -0.5 * (b * x * x - 2 * c * x * y + a * y * y) / det - 0.5 * std::log(det) - std::log(2 * M_PI);
    CHECK(by_cov[i] == Approx(expected).epsilon(1e-12));
    CHECK(by_precision[i] == Approx(expected).epsilon(1e-12));
  }
  std::vector<double> grid;
  const double step = 0.125;
  for (double x = -12; x <= 14; x += step) {
    for (double y = -10; y <= 6; y += step) grid.insert(grid.end(), {x, y});
  }
  double sum = 0;
  for (const double ln_p : s.density("Normal.mean.cov", value, {vector, matrix}, grid, {mean, cov}))
    sum += step * step * std::exp(ln_p);
  CHECK(sum == Approx(1).epsilon(1e-10));
}

TEST_CASE("a covariance that is not positive definite has no density", "[families]") {
  Setting s;
  const Type value{Element::real, {s.row, s.d}, -1}, vector{Element::real, {s.d}, -1},
      matrix{Element::real, {s.d, s.dd}, -1};
  CHECK(std::isnan(s.density("Normal.mean.cov", value, {vector, matrix}, {0, 0}, {{0, 0}, {1, 2, 2, 1}})[0]));
}

TEST_CASE("Bernoulli by p and logits", "[families]") {
  Setting s;
  const Type value{Element::boolean, {s.row}, -1}, scalar{Element::real, {}, -1};
  for (const double x : {-30.0, -1.5, 0.0, 2.0, 30.0}) {
    const double p = 1 / (1 + std::exp(-x));
    const auto by_logits = s.density("Bernoulli.logits", value, {scalar}, {0, 1}, {{x}});
    CHECK(by_logits[0] == Approx(-std::log1p(std::exp(x))).epsilon(1e-12));
    CHECK(by_logits[1] == Approx(-std::log1p(std::exp(-x))).epsilon(1e-12));
    CHECK(std::exp(by_logits[0]) + std::exp(by_logits[1]) == Approx(1).epsilon(1e-14));
    const auto by_p = s.density("Bernoulli.p", value, {scalar}, {0, 1}, {{p}});
    CHECK(by_p[0] == Approx(std::log1p(-p)).epsilon(1e-12));
    CHECK(by_p[1] == Approx(std::log(p)).epsilon(1e-12));
  }
}

TEST_CASE("Bernoulli at its bounds is never 0 times infinity", "[families]") {
  Setting s;
  const Type scalar{Element::real, {}, -1};
  for (const Element element : {Element::boolean, Element::unit}) {
    const Type value{element, {s.row}, -1};
    CHECK(s.density("Bernoulli.p", value, {scalar}, {0, 1}, {{0}}) == std::vector<double>{0, -INFINITY});
    CHECK(s.density("Bernoulli.p", value, {scalar}, {0, 1}, {{1}}) == std::vector<double>{-INFINITY, 0});
  }
  const auto mixed = s.density("Bernoulli.p", {Element::unit, {s.row}, -1}, {scalar}, {0.25}, {{0.4}});
  CHECK(mixed[0] == Approx(0.25 * std::log(0.4) + 0.75 * std::log(0.6)).epsilon(1e-14));
}

TEST_CASE("Categorical by p and logits", "[families]") {
  Setting s;
  const Type value{Element::category, {s.row}, s.v}, table{Element::real, {s.v}, -1};
  const std::vector<double> p = {0.2, 0.0, 0.8}, at = {2, 0, 1};
  const auto by_p = s.density("Categorical.p", value, {table}, at, {p});
  CHECK(by_p == std::vector<double>{std::log(0.8), std::log(0.2), -INFINITY});
  const auto by_logits = s.density("Categorical.logits", value, {table}, at, {{1000, 1001, 999}});
  const double norm = std::log(1 + std::exp(1.0) + std::exp(-1.0));
  CHECK(by_logits[0] == Approx(-1 - norm).epsilon(1e-12));
  CHECK(by_logits[1] == Approx(0 - norm).epsilon(1e-12));
  CHECK(by_logits[2] == Approx(1 - norm).epsilon(1e-12));
}

TEST_CASE("multivariate Normal by its Cholesky factor", "[families]") {
  Setting s;
  const Type value{Element::real, {s.row, s.d}, -1}, vector{Element::real, {s.d}, -1},
      matrix{Element::real, {s.d, s.dd}, -1};
  const std::vector<double> mean = {1, -2}, at = {0, 0, 1, -2, 3, 5, -40, 7};
  const auto by_factor =
      s.density("Normal.mean.cholesky", value, {vector, matrix}, at, {mean, {1.5, 0, -0.4, 0.3}});
  const auto by_cov =
      s.density("Normal.mean.cov", value, {vector, matrix}, at, {mean, {2.25, -0.6, -0.6, 0.25}});
  for (size_t i = 0; i < 4; ++i) CHECK(by_factor[i] == Approx(by_cov[i]).epsilon(1e-13));
}

TEST_CASE("multivariate Normal of a low rank and a diagonal is that of the whole covariance", "[families]") {
  Setting s;
  const AxisId r = s.module.add_axis({.name = "R", .size = 3});  // more columns than rows, one of them 0
  const Type value{Element::real, {s.row, s.d}, -1}, vector{Element::real, {s.d}, -1},
      matrix{Element::real, {s.d, s.dd}, -1}, loadings{Element::real, {s.d, r}, -1};
  const std::vector<double> mean = {1, -2}, at = {0, 0, 1, -2, 3, 5, -40, 7};
  for (const double scale : {1.0, 1e3, 1e6}) {
    const std::vector<double> w = {1.5 * scale, 0, -0.4 * scale, 0.3 * scale, 0, 2 * scale}, sd = {0.5, 0.01};
    std::vector<double> cov(4);
    for (size_t i = 0; i < 2; ++i) {
      for (size_t j = 0; j < 2; ++j) {
        for (size_t k = 0; k < 3; ++k) cov[2 * i + j] += w[3 * i + k] * w[3 * j + k];
        if (i == j) cov[2 * i + j] += sd[i] * sd[i];
      }
    }
    const auto low =
        s.density("Normal.mean.factor.sd", value, {vector, loadings, vector}, at, {mean, w, sd}, {s.d, r});
    const auto whole = s.density("Normal.mean.cov", value, {vector, matrix}, at, {mean, cov});
    for (size_t i = 0; i < 4; ++i) CHECK(low[i] == Approx(whole[i]).epsilon(1e-9));
  }
}

TEST_CASE("Dirichlet of two shares is Beta, of three it integrates to one", "[families]") {
  Setting s;
  const Type pair{Element::real, {s.row, s.d}, -1}, shapes{Element::positive, {s.d}, -1},
      one{Element::real, {s.row}, -1}, scalar{Element::positive, {}, -1};
  for (const auto& [a, b] : std::vector<std::pair<double, double>>{{0.3, 2}, {1, 1}, {40, 1e5}}) {
    const auto two =
        s.density("Dirichlet.alpha", pair, {shapes}, {0.25, 0.75, 1e-5, 1 - 1e-5}, {{a, b}}, {s.d});
    const auto beta = s.density("Beta.a.b", one, {scalar, scalar}, {0.25, 1e-5}, {{a}, {b}});
    for (size_t i = 0; i < 2; ++i) CHECK(two[i] == Approx(beta[i]).epsilon(1e-12).margin(1e-12));
  }
  const Type triple{Element::real, {s.row, s.v}, -1}, three{Element::positive, {s.v}, -1};
  std::vector<double> at;
  const int cells = 400;
  for (int i = 0; i < cells; ++i) {
    for (int j = 0; j + i < cells; ++j) {  // the middles of triangles, two a square
      const double x = (i + 1.0 / 3) / cells, y = (j + 1.0 / 3) / cells;
      at.insert(at.end(), {x, y, 1 - x - y});
      if (i + j + 1 < cells) {
        const double u = (i + 2.0 / 3) / cells, v = (j + 2.0 / 3) / cells;
        at.insert(at.end(), {u, v, 1 - u - v});
      }
    }
  }
  double sum = 0;
  for (const double ln_p : s.density("Dirichlet.alpha", triple, {three}, at, {{2, 3.5, 4}}, {s.v}))
    sum += std::exp(ln_p);
  CHECK(sum / (2.0 * cells * cells) == Approx(1).epsilon(1e-4));
}

TEST_CASE("GumbelSoftmax of two shares is Logistic in their log-odds, of three it integrates to one",
          "[families]") {
  Setting s;
  const Type pair{Element::real, {s.row, s.d}, -1}, logits{Element::real, {s.d}, -1},
      one{Element::real, {s.row}, -1}, scalar{Element::positive, {}, -1}, real{Element::real, {}, -1};
  for (const double t : {0.3, 1.0, 4.0}) {
    const auto two = s.density("GumbelSoftmax.logits.temperature", pair, {logits, scalar},
                               {0.25, 0.75, 1e-5, 1 - 1e-5}, {{0.4, -1.1}, {t}}, {s.d});
    std::vector<double> log_odds;
    for (const double x : {0.25, 1e-5}) log_odds.push_back(std::log(x) - std::log1p(-x));
    const auto logistic =
        s.density("Logistic.location.scale", one, {real, scalar}, log_odds, {{1.5 / t}, {1 / t}});
    for (size_t i = 0; i < 2; ++i) {
      const double x = i == 0 ? 0.25 : 1e-5;
      CHECK(two[i] == Approx(logistic[i] - std::log(x) - std::log1p(-x)).epsilon(1e-12));
    }
  }
  const Type triple{Element::real, {s.row, s.v}, -1}, three{Element::real, {s.v}, -1};
  std::vector<double> at;
  const int cells = 400;
  for (int i = 0; i < cells; ++i) {
    for (int j = 0; j + i < cells; ++j) {  // the middles of triangles, two a square
      const double x = (i + 1.0 / 3) / cells, y = (j + 1.0 / 3) / cells, u = x + 1.0 / 3 / cells,
                   v = y + 1.0 / 3 / cells;
      at.insert(at.end(), {x, y, 1 - x - y});
      if (i + j + 1 < cells) at.insert(at.end(), {u, v, 1 - u - v});
    }
  }
  double sum = 0;
  for (const double ln_p : s.density("GumbelSoftmax.logits.temperature", triple, {three, scalar}, at,
                                     {{0.3, -0.2, 0.5}, {1.2}}, {s.v}))
    sum += std::exp(ln_p);
  CHECK(sum / (2.0 * cells * cells) == Approx(1).epsilon(2e-3));
}

TEST_CASE(
    "Multinomial sums to one over all counts, and an impossible outcome that does not occur costs nothing",
    "[families]") {
  Setting s;
  const Type counts{Element::count, {s.row, s.v}, -1}, table{Element::real, {s.v}, -1},
      n{Element::count, {}, -1};
  std::vector<double> at;
  for (int i = 0; i <= 6; ++i)
    for (int j = 0; i + j <= 6; ++j) at.insert(at.end(), {double(i), double(j), double(6 - i - j)});
  for (const std::vector<double>& p : {std::vector<double>{0.2, 0.5, 0.3}, {0.25, 0, 0.75}}) {
    double sum = 0;
    for (const double ln_p : s.density("Multinomial.n.p", counts, {n, table}, at, {{6}, p}, {s.v}))
      sum += std::exp(ln_p);
    CHECK(sum == Approx(1).epsilon(1e-13));
  }
}

TEST_CASE("the Wisharts of one dimension are Gamma and InverseGamma, of two they follow their formula",
          "[families]") {
  Setting s;
  s.module.axes[static_cast<size_t>(s.d)].size = s.module.axes[static_cast<size_t>(s.dd)].size = 1;
  const Type cell{Element::real, {s.row, s.d, s.dd}, -1}, matrix{Element::real, {s.d, s.dd}, -1},
      one{Element::real, {s.row}, -1}, scalar{Element::positive, {}, -1};
  const double df = 3.5, scale = 0.7;
  const std::vector<double> at = {0.2, 1, 9};
  const auto wishart =
      s.density("Wishart.df.scale", cell, {scalar, matrix}, at, {{df}, {scale}}, {s.d, s.dd});
  const auto inverse =
      s.density("InverseWishart.df.scale", cell, {scalar, matrix}, at, {{df}, {scale}}, {s.d, s.dd});
  const auto gamma = s.density("Gamma.shape.scale", one, {scalar, scalar}, at, {{df / 2}, {2 * scale}});
  const auto inverse_gamma =
      s.density("InverseGamma.shape.scale", one, {scalar, scalar}, at, {{df / 2}, {scale / 2}});
  for (size_t i = 0; i < at.size(); ++i) {
    CHECK(wishart[i] == Approx(gamma[i]).epsilon(1e-13));
    CHECK(inverse[i] == Approx(inverse_gamma[i]).epsilon(1e-13));
  }
  s.module.axes[static_cast<size_t>(s.d)].size = s.module.axes[static_cast<size_t>(s.dd)].size = 2;
  // X = [[2, .5], [.5, 1]], S = [[1, -.2], [-.2, .5]]: |X| = 1.75, |S| = .46, tr(S^-1 X) = (1 + .2 + 1) /
  // .46, tr(S X^-1) = (1 + .2 + 1) / 1.75; Gamma_2(a) = sqrt(pi) Gamma(a) Gamma(a - 1/2).
  const auto two = [&](const char* which) {
    return s.density(which, cell, {scalar, matrix}, {2, 0.5, 0.5, 1}, {{df}, {1, -0.2, -0.2, 0.5}},
                     {s.d, s.dd})[0];
  };
  const double norm =
      df * std::log(2) + 0.5 * std::log(M_PI) + std::lgamma(df / 2) + std::lgamma(df / 2 - 0.5);
  CHECK(
      two("Wishart.df.scale") ==
      Approx((df - 3) / 2 * std::log(1.75) - 2.2 / 0.46 / 2 - df / 2 * std::log(0.46) - norm).epsilon(1e-12));
  CHECK(two("InverseWishart.df.scale") ==
        Approx(-(df + 3) / 2 * std::log(1.75) - 2.2 / 1.75 / 2 + df / 2 * std::log(0.46) - norm)
            .epsilon(1e-12));
}

}  // namespace lvm::ir
