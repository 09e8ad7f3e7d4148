// Sums about one origin, recentred, are the sums about each state's mean: for every shape of the spread, and
// as far as `separation` says.

#include "support.h"

namespace lvm::test {
namespace {

struct Case {
  const char* declaration;  // of the spread
  const char* distribution;
  bool shares;
};

constexpr Case cases[] = {
    {"param s: covariance[K, D]", "Normal(mean[z], cov: s[z])", true},
    {"param s: covariance[K, D]", "Normal(mean[z], precision_matrix: s[z])", true},
    {"param s: positive[K, D]", "Normal(mean[z], sd: s[z])", true},
    {"param s: positive[K, D]", "Normal(mean[z], var: s[z]^3 / 2)", true},
    {"param s: positive[K, D]", "Normal(mean[z], precision: s[z])", true},
    {"param s: positive[K]", "Normal(mean[z], var: s[z])", true},
    {"param s: covariance[D]", "Normal(mean[z], cov: s)",
     false},  // its scatter joins states of different means
    {"param s: positive[D]", "Normal(mean[z], var: s)", false},
};

std::string model_of(const Case& c) {
  return std::string(
             "model m { axis K = 3\n axis D = columns\n data y: real[D]\n weight w = column(\"w\")\n ") +
         "param weight: simplex[K]\n param mean: real[K, D]\n " + c.declaration +
         "\n latent z: category[K]\n P(z) = Categorical(weight)\n P(y | z) = " + c.distribution +
         "\n q(z | y) = exact }";
}

/// Three clusters whose means lie `apart` standard deviations from each other, around 50, with weights, and
/// their assignment.
std::vector<std::vector<double>> clusters(size_t dimensions, double apart) {
  constexpr size_t rows = 150;
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> columns(dimensions + 2);
  for (size_t i = 0; i < rows; ++i) {
    const double shared = normal(random);
    for (size_t j = 0; j < dimensions; ++j) {
      columns[j].push_back(50 + apart * static_cast<double>((i % 3) * (j + 1) % 4) + 0.6 * shared +
                           normal(random));
    }
    columns[dimensions].push_back(0.5 + static_cast<double>(i % 5));
    columns[dimensions + 1].push_back(static_cast<double>(i % 3));
  }
  return columns;
}

}  // namespace

TEST_CASE("sums about one origin are those about the means", "[em]") {
  const Case& c = cases[GENERATE(range(0, 8))];
  const size_t dimensions = GENERATE(1, 3);
  const double apart = GENERATE(1.0, 100.0);
  CAPTURE(c.distribution, dimensions, apart);
  const Compiled made = compiled(model_of(c), {{"D", static_cast<int64_t>(dimensions)}});
  REQUIRE((made.program.module.find(ir::origin_rows_function) != nullptr) == c.shares);
  if (!c.shares) return;
  Walker walk(made.program, clusters(dimensions, apart));
  walk.set("weight", {1.0 / 3, 1.0 / 3, 1.0 / 3});
  for (int twice = 0; twice < 2; ++twice) {
    walk.start();
    REQUIRE(walk.update() == 0);
  }
  REQUIRE(walk.prepare() == 0);
  const double separation = walk.derived(ir::separation_slot).at(0);
  CHECK(separation > apart * apart / 100);
  const double objective = walk.rows();
  Values expected;
  for (const ir::Slot& slot : made.program.statistics) expected[slot.name] = walk.statistic(slot.name);
  CHECK(walk.rows_about_origin() == Approx(objective).epsilon(1e-13));
  // A sum of n terms is right to n roundings (Higham 2002, equation 4.4); either side is one.
  const double rounding = 2 * 150 * 0x1p-53 * std::max(1.0, separation);
  for (const auto& [name, sums] : expected) {
    double size = 1;
    for (const double sum : sums) size = std::max(size, std::fabs(sum));
    const std::vector<double> recentred = walk.statistic(name);
    CAPTURE(name);
    for (size_t i = 0; i < sums.size(); ++i) CHECK(std::fabs(recentred[i] - sums[i]) <= rounding * size);
  }
}

}  // namespace lvm::test
