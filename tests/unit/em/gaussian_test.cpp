// Lowered Gaussian mixtures, walked by the interpreter, against EM written by hand: every shape of the spread
// and every way to say it.

#include "reference.h"
#include "support.h"

namespace lvm::test {
namespace {

struct Case {
  std::string name;
  std::string declaration;  // of the spread
  std::string distribution;
  Shape shape;
  bool tied;
};

const std::vector<Case> cases = {
    {"full", "param s: covariance[K, D]", "Normal(mean[z], cov: s[z])", Shape::full, false},
    {"full tied", "param s: covariance[D]", "Normal(mean[z], cov: s)", Shape::full, true},
    {"full by precision", "param s: covariance[K, D]", "Normal(mean[z], precision_matrix: s[z])", Shape::full,
     false},
    {"tied by precision", "param s: covariance[D]", "Normal(mean[z], precision_matrix: s)", Shape::full,
     true},
    {"diagonal by sd", "param s: positive[K, D]", "Normal(mean[z], sd: s[z])", Shape::diagonal, false},
    {"diagonal by var", "param s: positive[K, D]", "Normal(mean[z], var: s[z])", Shape::diagonal, false},
    {"diagonal by precision", "param s: positive[K, D]", "Normal(mean[z], precision: s[z])", Shape::diagonal,
     false},
    {"diagonal tied", "param s: positive[D]", "Normal(mean[z], var: s)", Shape::diagonal, true},
    {"spherical", "param s: positive[K]", "Normal(mean[z], sd: s[z])", Shape::spherical, false},
    {"spherical tied", "param s: positive", "Normal(mean[z], precision: s)", Shape::spherical, true},
    {"scaled sd", "param s: positive[K]", "Normal(mean[z], sd: 3 * s[z])", Shape::spherical, false},
    {"power of sd", "param s: positive[K, D]", "Normal(mean[z], var: s[z]^3 / 2)", Shape::diagonal, false},
    {"scaled cov", "param s: covariance[K, D]", "Normal(mean[z], cov: 2 * s[z])", Shape::full, false},
};

std::string model_of(const Case& c) {
  return "model m { axis K = 3\n axis D = columns\n data y: real[D]\n param weight: simplex[K]\n param mean: "
         "real[K, D]\n " +
         c.declaration +
         "\n latent z: category[K]\n P(z) = Categorical(weight)\n P(y | z) = " + c.distribution +
         "\n q(z | y) = exact }";
}

/// Three clusters, overlapping, around an offset.
std::vector<double> clustered(size_t rows, size_t dimensions, double offset, double scale, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> data;
  for (size_t i = 0; i < rows; ++i) {
    const double shared = normal(random);
    for (size_t j = 0; j < dimensions; ++j) {
      const double centre = 2.5 * static_cast<double>((i % 3) * (j + 1) % 4);
      data.push_back(offset + scale * (centre + 0.6 * shared +
                                       (0.5 + 0.2 * static_cast<double>(i % 3)) * normal(random)));
    }
  }
  return data;
}

std::vector<std::vector<double>> columns_of(const std::vector<double>& rows, size_t dimensions) {
  std::vector<std::vector<double>> columns(dimensions);
  for (size_t i = 0; i < rows.size(); ++i) columns[i % dimensions].push_back(rows[i]);
  return columns;
}

GaussianMixture hard_start(const Case& c, const std::vector<double>& rows, size_t dimensions,
                           std::vector<double>& assignment) {
  GaussianMixture g{3,
                    dimensions,
                    c.shape,
                    c.tied,
                    std::vector<double>(3),
                    std::vector<double>(3 * dimensions),
                    std::vector<Matrix>(3)};
  const size_t n = rows.size() / dimensions;
  std::vector<double> r(n * 3, 0.0);
  for (size_t i = 0; i < n; ++i) {
    assignment.push_back(static_cast<double>((i + i / 7) % 3));
    r[i * 3 + static_cast<size_t>(assignment.back())] = 1;
  }
  g.maximise(rows, r);
  return g;
}

double relative_gap(double a, double b, double size) {
  return std::fabs(a - b) / size;
}

}  // namespace

TEST_CASE("Gaussian mixtures equal EM by hand", "[em]") {
  const Case& c = GENERATE(from_range(cases));
  const size_t dimensions = GENERATE(1, 2, 4);
  CAPTURE(c.name, dimensions);
  const auto rows = clustered(150, dimensions, 5, 2, 7 + dimensions);
  std::vector<double> assignment;
  GaussianMixture expected = hard_start(c, rows, dimensions, assignment);
  const Compiled compiled_model = compiled(model_of(c), {{"D", static_cast<int64_t>(dimensions)}});
  auto columns = columns_of(rows, dimensions);
  columns.push_back(assignment);
  Walker walk(compiled_model.program, columns);
  walk.set("weight", {1.0 / 3, 1.0 / 3, 1.0 / 3});
  for (int twice = 0; twice < 2; ++twice) {
    walk.start();
    REQUIRE(walk.update() == 0);
  }
  double before = -INFINITY;
  for (int iteration = 0; iteration < 25; ++iteration) {
    REQUIRE(walk.prepare() == 0);
    const double objective = walk.rows();
    const double reference = expected.step(rows);
    CHECK(relative_gap(objective, reference, std::fabs(reference)) < 1e-10);
    CHECK(objective >= before - 1e-9);
    before = objective;
    REQUIRE(walk.update() == 0);
    const auto mean = walk.parameter("mean"), weight = walk.parameter("weight");
    for (size_t i = 0; i < mean.size(); ++i) CHECK(relative_gap(mean[i], expected.mean[i], 10) < 1e-10);
    for (size_t k = 0; k < 3; ++k) CHECK(relative_gap(weight[k], expected.weight[k], 1) < 1e-10);
  }
}

TEST_CASE("a mean far from zero keeps its digits", "[em]") {
  const Case& c = cases[GENERATE(0, 1, 4, 8)];
  CAPTURE(c.name);
  const auto rows = clustered(120, 2, 1e7, 1e-3, 3);
  std::vector<double> centred = rows;
  for (double& value : centred) value -= 1e7;  // exact: both lie within a factor of two
  std::vector<double> assignment;
  GaussianMixture expected = hard_start(c, centred, 2, assignment);
  const Compiled compiled_model = compiled(model_of(c), {{"D", 2}});
  auto columns = columns_of(rows, 2);
  columns.push_back(assignment);
  Walker walk(compiled_model.program, columns);
  walk.set("weight", {1.0 / 3, 1.0 / 3, 1.0 / 3});
  for (int twice = 0; twice < 2; ++twice) {
    walk.start();
    REQUIRE(walk.update() == 0);
  }
  double before = -INFINITY;
  for (int iteration = 0; iteration < 10; ++iteration) {
    REQUIRE(walk.prepare() == 0);
    const double objective = walk.rows();
    const double reference = expected.step(centred);
    // A mean near 1e7 is stored to 1e-9, a millionth of the spread.
    CHECK(relative_gap(objective, reference, std::fabs(reference)) < 1e-6);
    const double rounding = 64 * 0x1p-52 * std::fabs(objective) + 120 * walk.derived("rounding").at(0);
    CHECK(objective >= before - rounding);
    before = objective;
    REQUIRE(walk.update() == 0);
  }
}

TEST_CASE("covariances are exactly symmetric", "[em]") {
  const Compiled compiled_model = compiled(model_of(cases[0]), {{"D", 4}});
  const auto rows = clustered(60, 4, 100, 1, 11);
  std::vector<double> assignment;
  hard_start(cases[0], rows, 4, assignment);
  auto columns = columns_of(rows, 4);
  columns.push_back(assignment);
  Walker walk(compiled_model.program, columns);
  walk.set("weight", {1.0 / 3, 1.0 / 3, 1.0 / 3});
  walk.start();
  REQUIRE(walk.update() == 0);
  const auto cov = walk.parameter("s");
  for (size_t k = 0; k < 3; ++k) {
    for (size_t i = 0; i < 4; ++i) {
      for (size_t j = 0; j < i; ++j) CHECK(cov[k * 16 + i * 4 + j] == cov[k * 16 + j * 4 + i]);
    }
  }
}

}  // namespace lvm::test
