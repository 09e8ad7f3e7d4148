// A host's whole way through the library: compile, bind where the cells lie, fit, ask, keep.

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "tests/capi/support.h"

using Catch::Contains;
using namespace host;

TEST_CASE("a mixture of Old Faithful is fitted, scored and kept") {
  const lvm::Model model = gmm(2);
  CHECK(model.name() == "gmm");
  CHECK_THAT(model.plan_json(), Contains("\"block\": \"cov\"") || Contains("\"block\":\"cov\""));
  CHECK_THAT(model.explanation(), Contains("log likelihood") || Contains("ln P"));
  const lvm::Table table = faithful_table();
  const lvm::Fit fit = must(model.fit(table));
  const lvm::Scores scores = must(fit.score(table));
  CHECK(scores.total == Approx(-1130.264).margin(1e-3));  // mclust 6.0, VVV with 2 components
  CHECK(std::stod(fit.metric("objective").value()) == Approx(scores.total).epsilon(1e-12));
  CHECK(fit.metric("method") == "em");
  CHECK(fit.metric("rows") == "272");
  CHECK_FALSE(fit.metric("no such thing"));

  const auto weight = fit.parameter("weight"), mean = fit.parameter("mean"), cov = fit.parameter("cov");
  REQUIRE((weight && mean && cov));
  CHECK(mean->shape == std::vector<int64_t>{2, 2});
  CHECK(cov->shape == std::vector<int64_t>{2, 2, 2});
  for (size_t row = 0; row < faithful_rows; row += 31) {
    const std::vector<double> y = {faithful()[2 * row], faithful()[2 * row + 1]};
    CHECK(scores.values[row] == Approx(log_density(y, *weight, *mean, *cov)).epsilon(1e-11));
  }

  const std::string path = scratch("gmm.lvmfit");
  REQUIRE(fit.save(path));
  const lvm::Fit again = must(lvm::Fit::load(path));
  std::filesystem::remove(path);
  CHECK(must(again.score(table)).values == scores.values);
  CHECK(again.model_text() == read("examples/gmm.lvm"));
}

TEST_CASE("cells of any type and stride give what packed doubles give") {
  const lvm::Model model = gmm(2);
  std::vector<double> a = column(faithful(), 2, 0), b = column(faithful(), 2, 1);
  const auto means = [&](const lvm::Result<lvm::Table>& table) {
    return must(model.fit(*table)).parameter("mean")->values;
  };
  const std::vector<double> packed = means(lvm::Table::over({{"eruptions", a}, {"waiting", b}}));
  const lvm::Table strided = faithful_table();
  CHECK(must(model.fit(strided)).parameter("mean")->values == packed);

  // The minutes of waiting are whole numbers.
  const std::vector<int8_t> i8(b.begin(), b.end());
  const std::vector<uint16_t> u16(b.begin(), b.end());
  const std::vector<int64_t> i64(b.begin(), b.end());
  const std::vector<float> f32(b.begin(), b.end());
  CHECK(means(lvm::Table::over({{"eruptions", a}, {"waiting", i8}})) == packed);
  CHECK(means(lvm::Table::over({{"eruptions", a}, {"waiting", u16}})) == packed);
  CHECK(means(lvm::Table::over({{"eruptions", a}, {"waiting", i64}})) == packed);
  CHECK(means(lvm::Table::over({{"eruptions", a}, {"waiting", f32}})) == packed);

  // Backwards, from the last row.
  const std::vector<double> turned_a(a.rbegin(), a.rend()), turned_b(b.rbegin(), b.rend());
  CHECK(means(lvm::Table::over({{"eruptions", &turned_a.back(), faithful_rows, -1},
                                {"waiting", &turned_b.back(), faithful_rows, -1}})) == packed);
}

TEST_CASE("missing cells are NaN or bits, and complete by their expectation") {
  const lvm::Model model = gmm(2);
  std::vector<double> a = column(faithful(), 2, 0), b = column(faithful(), 2, 1), gaps = b;
  std::vector<uint8_t> valid((faithful_rows + 7 + 5) / 8, 0xFF);
  for (size_t row = 3; row < faithful_rows; row += 10) {
    gaps[row] = std::nan("");
    valid[(row + 5) / 8] = static_cast<uint8_t>(valid[(row + 5) / 8] & ~(1u << (row + 5) % 8));
  }
  const lvm::Table by_nan = must(lvm::Table::over({{"eruptions", a}, {"waiting", gaps}}));
  lvm::Column bits("waiting", b);
  bits.validity = valid.data();
  bits.validity_offset = 5;
  const lvm::Table by_bits = must(lvm::Table::over({lvm::Column("eruptions", a), bits}));
  const lvm::Fit fit = must(model.fit(by_nan));
  CHECK(must(model.fit(by_bits)).parameter("cov")->values == fit.parameter("cov")->values);
  const lvm::Scores scores = must(fit.score(by_nan));
  CHECK(must(fit.score(by_bits)).values == scores.values);

  const lvm::Answers whole = must(fit.impute(by_bits));
  REQUIRE(whole.columns() == 3);
  CHECK(whole.name(1) == "waiting");
  CHECK(whole.name(2) == "waiting_sd");
  const auto weight = *fit.parameter("weight"), mean = *fit.parameter("mean"), cov = *fit.parameter("cov");
  for (size_t row = 0; row < faithful_rows; ++row) {
    if (row % 10 != 3) {
      CHECK(whole.values(1)[row] == b[row]);
      CHECK(std::isnan(whole.values(2)[row]));
      continue;
    }
    // Bishop 2006, eqs. 2.81 and 2.82, in each component; weights by the densities of the observed cell.
    double sum = 0, first = 0, second = 0;
    for (size_t k = 0; k < 2; ++k) {
      const double* m = mean.values.data() + 2 * k;
      const double* c = cov.values.data() + 4 * k;
      const double x = a[row] - m[0],
                   density = weight.values[k] * std::exp(-x * x / (2 * c[0])) / std::sqrt(c[0]);
      const double at = m[1] + c[2] / c[0] * x, spread = c[3] - c[2] * c[1] / c[0];
      sum += density;
      first += density * at;
      second += density * (spread + at * at);
    }
    CHECK(whole.values(1)[row] == Approx(first / sum).epsilon(1e-10));
    CHECK(whole.values(2)[row] ==
          Approx(std::sqrt(second / sum - first / sum * (first / sum))).epsilon(1e-8));
  }
  // And row by row.
  const lvm::Scorer scorer = must(fit.scorer({"waiting", "eruptions"}));
  for (size_t row = 0; row < 40; ++row)
    CHECK(*scorer(std::vector<double>{gaps[row], a[row]}) == Approx(scores.values[row]).epsilon(1e-13));
}

TEST_CASE("one fit is scored by eight threads at once, to the same bits as by one") {
  const lvm::Model model = gmm(3);
  const lvm::Table table = faithful_table();
  const lvm::Fit fit = must(model.fit(table, {.seed = 3}));
  const std::vector<double> alone = must(fit.score(table, 1)).values;
  const lvm::Scorer scorer = must(fit.scorer());
  REQUIRE(scorer.columns() == 2);
  CHECK(scorer.column(1) == "waiting");
  std::vector<int> wrong(8, 0);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 3; ++round) {
        const auto scores = fit.score(table, 2);
        wrong[t] += !scores || scores->values != alone;
        for (size_t row = 0; row < faithful_rows; ++row) {
          const auto value = scorer(std::span(faithful()).subspan(2 * row, 2));
          wrong[t] += !value || *value != alone[row];
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(8, 0));
}

TEST_CASE("questions beside an update see the fit before or behind it") {
  const std::vector<double> a = column(faithful(), 2, 0), b = column(faithful(), 2, 1);
  const auto part = [&](int64_t begin, int64_t end) {
    return must(lvm::Table::over(
        {{"eruptions", a.data() + begin, end - begin, 1}, {"waiting", b.data() + begin, end - begin, 1}}));
  };
  lvm::Fit fit = must(gmm(2).fit(part(0, 150), {.updatable = true}));
  const std::string path = scratch("beside.lvmfit");
  REQUIRE(fit.save(path));
  lvm::Fit twin = must(lvm::Fit::load(path));
  std::filesystem::remove(path);
  const lvm::Table all = faithful_table(), more = part(150, 272);
  const std::vector<double> before = must(fit.score(all, 1)).values;
  REQUIRE(twin.update(more));
  const std::vector<double> behind = must(twin.score(all, 1)).values;
  CHECK(before != behind);
  std::atomic<int> started = 0, wrong = 0;
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (bool last = false; !last;) {
        last = done;
        const auto scores = fit.score(all, 1);
        const auto scorer = fit.scorer();
        const auto value =
            scorer ? (*scorer)(std::span(faithful()).first(2)) : lvm::Result<double>(scorer.error());
        wrong += !scores || (scores->values != before && scores->values != behind) || !value ||
                 (*value != before[0] && *value != behind[0]);
        if (last) wrong += !scores || scores->values != behind;
        ++started;
      }
    });
  }
  while (started < 8) std::this_thread::yield();
  const bool updated = bool(fit.update(more));
  done = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(updated);
  CHECK(wrong == 0);
}

TEST_CASE("a callback sees the climb, and stops it") {
  const lvm::Model model = gmm(3);
  const lvm::Table table = faithful_table();
  std::vector<double> objectives;
  const auto fit = model.fit(table, {.progress = [&](const lvm_progress& progress) {
                               objectives.push_back(progress.objective);
                               return objectives.size() < 4;
                             }});
  REQUIRE(fit);
  CHECK(fit.report().status() == LVM_STOPPED);
  CHECK(objectives.size() == 4);
  CHECK(std::is_sorted(objectives.begin(), objectives.end()));
  CHECK(fit->metric("converged") == "false");
  // It goes on from there.
  const lvm::Fit more = must(model.fit(table, {.start = &*fit}));
  CHECK(more.metric("converged") == "true");
  CHECK(std::stod(*more.metric("objective")) > objectives.back());
}

TEST_CASE("rows that arrive later are added to the sums, as incremental EM has it") {
  const lvm::Model model = gmm(2);
  std::vector<double> a = column(faithful(), 2, 0), b = column(faithful(), 2, 1);
  const auto part = [&](size_t begin, size_t end) {
    return must(lvm::Table::over({{"eruptions", a.data() + begin, static_cast<int64_t>(end - begin), 1},
                                  {"waiting", b.data() + begin, static_cast<int64_t>(end - begin), 1}}));
  };
  lvm::Fit fit = must(model.fit(part(0, 150), {.updatable = true}));

  // Neal and Hinton 1998, by hand: raw sums over the rows, each at the parameters that it met.
  std::vector<double> weight = fit.parameter("weight")->values, mean = fit.parameter("mean")->values,
                      cov = fit.parameter("cov")->values;
  std::vector<long double> n(2), s1(4), s2(8);
  const auto meet = [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) {
      double density[2], sum = 0;
      for (size_t k = 0; k < 2; ++k) {
        const double* c = cov.data() + 4 * k;
        const double x = a[row] - mean[2 * k], y = b[row] - mean[2 * k + 1], det = c[0] * c[3] - c[1] * c[2];
        density[k] = weight[k] / std::sqrt(det) *
                     std::exp(-(c[3] * x * x - 2 * c[1] * x * y + c[0] * y * y) / (2 * det));
        sum += density[k];
      }
      for (size_t k = 0; k < 2; ++k) {
        const long double r = density[k] / sum, v[2] = {a[row], b[row]};
        n[k] += r;
        for (size_t i = 0; i < 2; ++i) {
          s1[2 * k + i] += r * v[i];
          for (size_t j = 0; j < 2; ++j) s2[4 * k + 2 * i + j] += r * v[i] * v[j];
        }
      }
    }
  };
  const auto follow = [&] {
    for (size_t k = 0; k < 2; ++k) {
      weight[k] = static_cast<double>(n[k] / (n[0] + n[1]));
      for (size_t i = 0; i < 2; ++i) mean[2 * k + i] = static_cast<double>(s1[2 * k + i] / n[k]);
      for (size_t i = 0; i < 2; ++i)
        for (size_t j = 0; j < 2; ++j)
          cov[4 * k + 2 * i + j] = static_cast<double>(s2[4 * k + 2 * i + j] / n[k] -
                                                       s1[2 * k + i] / n[k] * (s1[2 * k + j] / n[k]));
    }
  };
  meet(0, 150);
  const std::string path = scratch("running.lvmfit");
  for (const auto& [begin, end, decay] :
       {std::tuple(150u, 200u, 1.0), std::tuple(200u, 201u, 1.0), std::tuple(201u, 272u, 0.5)}) {
    REQUIRE(fit.update(part(begin, end), decay));
    for (auto* sums : {&n, &s1, &s2})
      for (long double& x : *sums) x *= decay;
    meet(begin, end);
    follow();
    const std::vector<double> now = fit.parameter("cov")->values;
    for (size_t i = 0; i < 8; ++i) CHECK(now[i] == Approx(cov[i]).epsilon(1e-9));
    for (size_t i = 0; i < 4; ++i) CHECK(fit.parameter("mean")->values[i] == Approx(mean[i]).epsilon(1e-11));
    for (size_t i = 0; i < 2; ++i)
      CHECK(fit.parameter("weight")->values[i] == Approx(weight[i]).epsilon(1e-11));
    // The sums live on in the file.
    REQUIRE(fit.save(path));
    fit = must(lvm::Fit::load(path));
  }
  std::filesystem::remove(path);
  CHECK(std::stod(*fit.metric("rows")) == Approx(0.5 * 201 + 71));
  CHECK_FALSE(fit.metric("converged"));

  lvm::Fit plain = must(model.fit(part(0, 150)));
  const lvm::Done refused = plain.update(part(150, 200));
  CHECK_FALSE(refused);
  CHECK_THAT(refused.error().text(), Contains("kept no sums") && Contains("updatable"));
}

TEST_CASE("updates that sums cannot make are refused") {
  const auto sums_of = [](const char* model, const char* data) {
    const lvm::Model compiled = must(lvm::Model::compile(read(model)));
    return compiled.fit(must(lvm::Table::read(std::string(LVM_SOURCE_DIR) + "/" + data)),
                        {.iterations = 3, .updatable = true});
  };
  CHECK(sums_of("examples/latent_class.lvm", "examples/data/survey.csv"));
  CHECK(sums_of("examples/gmm_diagonal.lvm", "examples/data/faithful.csv"));
  const auto newton = sums_of("examples/poisson_regressions.lvm", "examples/data/claims.csv");
  REQUIRE_FALSE(newton);
  CHECK(newton.error().status() == LVM_INVALID);
  CHECK_THAT(newton.error().text(), Contains("`g_"));
  const auto gaps = sums_of("examples/gmm.lvm", "examples/data/faithful_gaps.csv");
  REQUIRE_FALSE(gaps);
  CHECK_THAT(gaps.error().text(), Contains("missing cells"));
}

TEST_CASE("a posterior and drawn rows come as columns") {
  const lvm::Fit fit = must(gmm(2).fit(faithful_table()));
  const lvm::Answers z = must(fit.posterior(faithful_table()));
  REQUIRE(z.find("z=2"));
  CHECK(z.rows() == faithful_rows);
  CHECK(z.levels(*z.find("z")) == std::vector<std::string>{"1", "2"});
  for (size_t row = 0; row < faithful_rows; row += 17)
    CHECK(z.values(*z.find("z=1"))[row] + z.values(*z.find("z=2"))[row] == Approx(1));
  const lvm::Answers drawn = must(fit.sample(5000, 7));
  CHECK(must(fit.sample(5000, 7)).values(0)[4999] == drawn.values(0)[4999]);
  double sum = 0;
  for (const double x : drawn.values(*drawn.find("waiting"))) sum += x;
  CHECK(std::abs(sum / 5000 - 70.897) < 5 * 13.6 / std::sqrt(5000.0));  // mean and spread of the column
}
