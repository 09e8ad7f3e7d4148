// infer, sample and reconstruct against what the fitted parameters say on paper.

#include <unistd.h>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "api/fitted.h"

namespace {

namespace fs = std::filesystem;

std::string source(const std::string& name) {
  return std::string(LVM_SOURCE_DIR) + "/" + name;
}

struct Fitted {
  lvm::Fit fit;
  lvm::FittedModel model;
};

Fitted fitted(const std::string& model, const std::string& data,
              const std::map<std::string, std::string>& settings = {}) {
  Fitted to;
  to.fit = lvm::fit(lvm::bind(lvm::compile_file(source(model), {.file_name = {}, .settings = settings}),
                              lvm::read_data(source(data))));
  INFO(to.fit.report().render());
  REQUIRE(to.fit.ok());
  const std::string path =
      (fs::temp_directory_path() / ("lvm-generate-" + std::to_string(getpid()))).string();
  REQUIRE_FALSE(lvm::save(to.fit, path).has_errors());
  to.model = lvm::load(path);
  fs::remove(path);
  REQUIRE(to.model.ok());
  return to;
}

const std::vector<double>& column(const lvm::Results& results, const std::string& name) {
  for (const lvm::ResultColumn& each : results.columns) {
    if (each.name == name) return each.values;
  }
  FAIL("no column " << name);
  return results.columns.front().values;
}

std::vector<double> nile_flow() {
  std::ifstream file(source("examples/data/nile.csv"));
  std::vector<double> flow;
  std::string line;
  for (std::getline(file, line); std::getline(file, line);)
    flow.push_back(std::stod(line.substr(line.find(',') + 1)));
  return flow;
}

void require_ok(const lvm::Results& results) {
  INFO(results.report.render());
  REQUIRE(results.ok());
}

}  // namespace

TEST_CASE("rows that are drawn from a mixture have its weights, means and spreads") {
  const Fitted of = fitted("examples/gmm.lvm", "examples/data/faithful.csv", {{"K", "2"}});
  const lvm::Results drawn = lvm::sample(of.model, {.rows = 50'000, .seed = 3});
  require_ok(drawn);
  REQUIRE(drawn.columns.size() == 3);
  CHECK(drawn.columns[0].name == "eruptions");
  CHECK(drawn.columns[2].levels == std::vector<std::string>{"1", "2"});
  const std::vector<double>&weight = of.fit.find("weight")->values, &mean = of.fit.find("mean")->values,
        &cov = of.fit.find("cov")->values;
  for (size_t k = 0; k < 2; ++k) {
    double n = 0, sum[2] = {}, product = 0;
    for (size_t row = 0; row < 50'000; ++row) {
      if (column(drawn, "z")[row] != static_cast<double>(k)) continue;
      const double a = column(drawn, "eruptions")[row], b = column(drawn, "waiting")[row];
      n += 1;
      sum[0] += a;
      sum[1] += b;
      product += (a - mean[2 * k]) * (b - mean[2 * k + 1]);
    }
    CHECK(n / 50'000 == Approx(weight[k]).margin(5 * std::sqrt(weight[k] * (1 - weight[k]) / 50'000)));
    for (size_t d = 0; d < 2; ++d)
      CHECK(sum[d] / n == Approx(mean[2 * k + d]).margin(5 * std::sqrt(cov[4 * k + 3 * d] / n)));
    CHECK(product / n == Approx(cov[4 * k + 1]).margin(10 * std::sqrt(cov[4 * k] * cov[4 * k + 3] / n)));
  }
}

TEST_CASE(
    "the posterior of a mixture is that of its fit, and rows are made anew at its most probable state") {
  const Fitted of = fitted("examples/gmm.lvm", "examples/data/faithful.csv", {{"K", "2"}});
  const lvm::BoundModel bound = lvm::bind(of.model, lvm::read_data(source("examples/data/faithful.csv")));
  const lvm::Results z = lvm::infer(of.model, bound),
                     again = lvm::reconstruct(of.model, bound, {.mean = true});
  require_ok(z);
  require_ok(again);
  const std::vector<double> expected = of.fit.responsibilities();
  const std::vector<double>& mean = of.fit.find("mean")->values;
  for (size_t row = 0; row < 272; ++row) {
    CHECK(column(z, "z=1")[row] == Approx(expected[2 * row]).margin(1e-12));
    const size_t best = expected[2 * row] >= expected[2 * row + 1] ? 0 : 1;
    CHECK(column(z, "z")[row] == static_cast<double>(best));
    CHECK(column(again, "waiting")[row] == mean[2 * best + 1]);
  }
}

TEST_CASE("a linear auto-encoder infers and reconstructs what its weights say") {
  const Fitted of = fitted("examples/linear_vae.lvm", "examples/data/iris.csv",
                           {{"fit.epochs", "3"}, {"fit.precision", "double"}});
  const lvm::Data data = lvm::read_data(source("examples/data/iris.csv"));
  const lvm::BoundModel bound = lvm::bind(of.model, data);
  const lvm::Results z = lvm::infer(of.model, bound),
                     made = lvm::reconstruct(of.model, bound, {.mean = true});
  require_ok(z);
  require_ok(made);
  REQUIRE(z.columns.size() == 4);
  CHECK(z.columns[2].name == "z1_sd");
  const auto values = [&](const char* name) -> const std::vector<double>& {
    return of.fit.find(name)->values;
  };
  // The first row of the table.
  const std::vector<double> y = {5.1, 3.5, 1.4, 0.2};
  for (size_t l = 0; l < 2; ++l) {
    double mean = values("c")[l];
    for (size_t d = 0; d < 4; ++d) mean += values("V")[4 * l + d] * y[d];
    CHECK(z.columns[l].values[0] == Approx(mean).epsilon(1e-12));
    CHECK(z.columns[2 + l].values[0] == Approx(values("spread")[l]).epsilon(1e-12));
  }
  for (size_t row = 0; row < 150; row += 29) {
    for (size_t d = 0; d < 4; ++d) {
      const double expected = values("b")[d] + values("W")[2 * d] * column(z, "z1")[row] +
                              values("W")[2 * d + 1] * column(z, "z2")[row];
      CHECK(made.columns[d].values[row] == Approx(expected).epsilon(1e-12));
    }
  }
}

TEST_CASE("the same seed draws the same rows on any number of threads, another seed others") {
  const Fitted of = fitted("examples/vae.lvm", "examples/data/digits.csv", {{"fit.epochs", "1"}});
  const auto rows = [&](uint64_t seed, int threads) {
    return lvm::to_csv(lvm::sample(of.model, {.rows = 300, .seed = seed, .threads = threads}));
  };
  CHECK(rows(1, 1) == rows(1, 3));
  CHECK(rows(1, 1) != rows(2, 1));
}

TEST_CASE("categories come back under the names that they have in the table") {
  const Fitted of = fitted("examples/partly_labelled.lvm", "examples/data/iris_labels.csv");
  const lvm::Results z =
      lvm::infer(of.model, lvm::bind(of.model, lvm::read_data(source("examples/data/iris_labels.csv"))));
  require_ok(z);
  CHECK(z.columns[0].levels == std::vector<std::string>{"setosa", "versicolor", "virginica"});
  CHECK(lvm::to_csv(z).starts_with("c,c=setosa,c=versicolor,c=virginica\nsetosa,1,0,0\n"));
}

TEST_CASE("rows of a model with given variables are drawn for rows of them alone") {
  const Fitted of = fitted("examples/regressions.lvm", "examples/data/faithful.csv");
  const lvm::Results refused = lvm::sample(of.model);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.report.messages().front().code == "E0713");
  const lvm::Results made =
      lvm::reconstruct(of.model, lvm::bind(of.model, lvm::read_data(source("examples/data/faithful.csv"))));
  require_ok(made);
  CHECK(made.columns.front().values.size() == 272);
}

TEST_CASE(
    "a Gaussian chain: smoothed levels, the likelihood of each step, and a series that is drawn from the "
    "fit") {
  const Fitted of = fitted("examples/local_level.lvm", "examples/data/nile.csv");
  const lvm::BoundModel bound = lvm::bind(of.model, lvm::read_data(source("examples/data/nile.csv")));
  const double q = of.fit.parameters[0].values[0], s = of.fit.parameters[1].values[0];
  const lvm::Results z = lvm::infer(of.model, bound);
  require_ok(z);
  const std::vector<double>&mean = column(z, "m"), &sd = column(z, "m_sd");
  REQUIRE(mean.size() == 100);
  CHECK(mean == of.fit.moments("m").mean);
  CHECK(sd == of.fit.moments("m").sd);
  // The textbook filter of one number: predictions give the likelihood of each step.
  const lvm::Score score = lvm::score(of.model, bound);
  REQUIRE(score.ok());
  double m = 0, P = 1e7, total = 0;
  const std::vector<double> flow = nile_flow();
  for (size_t t = 0; t < 100; ++t) {
    if (t > 0) P += q;
    const double F = P + s, v = flow[t] - m;
    CHECK(score.values[t] == Approx(-0.5 * (std::log(2 * M_PI * F) + v * v / F)).epsilon(1e-10));
    total += score.values[t];
    m += P / F * v;
    P *= s / F;
  }
  CHECK(score.total == Approx(total));
  CHECK(mean.back() == Approx(m).epsilon(1e-10));
  CHECK(sd.back() == Approx(std::sqrt(P)).epsilon(1e-10));
  // Differences of neighbouring steps have the variance q + 2 s.
  const lvm::Results drawn = lvm::sample(of.model, {.rows = 20000, .seed = 3});
  require_ok(drawn);
  const std::vector<double>&y = column(drawn, "flow"), &level = column(drawn, "m");
  double steps = 0, noise = 0;
  for (size_t t = 1; t < y.size(); ++t) {
    steps += (level[t] - level[t - 1]) * (level[t] - level[t - 1]) / static_cast<double>(y.size() - 1);
    noise += (y[t] - level[t]) * (y[t] - level[t]) / static_cast<double>(y.size() - 1);
  }
  CHECK(steps == Approx(q).epsilon(0.05));
  CHECK(noise == Approx(s).epsilon(0.05));
}
