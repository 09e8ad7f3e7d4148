// Fits that live on in a file: what comes back is what was kept, damage is refused, and questions are
// answered right.

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "api/fit_file.h"
#include "api/pictures.h"
#include "tests/support/golden.h"

namespace {

namespace fs = std::filesystem;
using lvm::fit_file::Content;

/// A path of this process, removed at the end.
struct Path {
  std::string path = (fs::temp_directory_path() / ("lvm-fitted-" + std::to_string(getpid()))).string();
  ~Path() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

std::string source(const std::string& name) {
  return std::string(LVM_SOURCE_DIR) + "/" + name;
}

lvm::Fit fit_of(const std::string& model, const std::string& data,
                const std::map<std::string, std::string>& settings) {
  const lvm::Fit fit =
      lvm::fit(lvm::bind(lvm::compile_file(source(model), {.file_name = {}, .settings = settings}),
                         lvm::read_data(source(data))));
  INFO(fit.report().render());
  REQUIRE(fit.ok());
  return fit;
}

std::string bytes_of(const lvm::Fit& fit) {
  const Path file;
  const lvm::Report report = lvm::save(fit, file.path);
  INFO(report.render());
  REQUIRE_FALSE(report.has_errors());
  return lvm::golden::read(file.path);
}

lvm::FittedModel loaded(const std::string& bytes) {
  const Path file;
  std::ofstream(file.path, std::ios::binary) << bytes;
  return lvm::load(file.path);
}

const std::string& gmm_bytes() {
  static const std::string bytes =
      bytes_of(fit_of("examples/gmm.lvm", "examples/data/faithful.csv", {{"K", "2"}}));
  return bytes;
}

Content content_of(const std::string& bytes) {
  std::string fault;
  std::optional<Content> content = lvm::fit_file::read(bytes, fault);
  INFO(fault);
  REQUIRE(content);
  return *content;
}

std::string bytes_of(const Content& content) {
  std::string fault;
  const std::optional<std::string> bytes = lvm::fit_file::write(content, fault);
  REQUIRE(bytes);
  return *bytes;
}

std::string with_header(const std::string& json, const std::string& numbers) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(json.size() >> shift & 0xFF);
  return bytes + json + numbers;
}

/// ln P(y) under y ~ Normal(b, W W' + s^2 I), by Gaussian elimination.
std::vector<double> ppca_rows(const std::vector<double>& w, const std::vector<double>& b, double s,
                              const std::vector<std::vector<double>>& rows) {
  const size_t d = b.size(), l = w.size() / d;
  std::vector<double> to;
  for (const std::vector<double>& y : rows) {
    std::vector<std::vector<double>> c(d, std::vector<double>(d + 1));
    for (size_t i = 0; i < d; ++i) {
      for (size_t j = 0; j < d; ++j) {
        c[i][j] = i == j ? s * s : 0;
        for (size_t k = 0; k < l; ++k) c[i][j] += w[i * l + k] * w[j * l + k];
      }
      c[i][d] = y[i] - b[i];
    }
    double log_determinant = 0, square = 0;
    for (size_t i = 0; i < d; ++i) {
      log_determinant += std::log(c[i][i]);
      square += c[i][d] * c[i][d] / c[i][i];
      for (size_t r = i + 1; r < d; ++r) {
        const double part = c[r][i] / c[i][i];
        for (size_t j = i; j <= d; ++j) c[r][j] -= part * c[i][j];
      }
    }
    to.push_back(-0.5 *
                 (static_cast<double>(d) * std::log(2 * 3.14159265358979323846) + log_determinant + square));
  }
  return to;
}

const std::vector<std::string> iris_columns = {"Sepal.Length", "Sepal.Width", "Petal.Length", "Petal.Width"};

/// Eight flowers; the columns are those of examples/data/iris.csv.
const std::vector<std::vector<double>> flowers = {
    {5.1, 3.5, 1.4, 0.2}, {4.9, 3.0, 1.4, 0.2}, {7.0, 3.2, 4.7, 1.4}, {6.4, 3.2, 4.5, 1.5},
    {6.3, 3.3, 6.0, 2.5}, {5.8, 2.7, 5.1, 1.9}, {7.7, 2.6, 6.9, 2.3}, {5.0, 2.0, 3.5, 1.0}};

lvm::Data table_of(const std::vector<std::vector<double>>& rows) {
  std::vector<double> cells;
  for (const auto& row : rows) cells.insert(cells.end(), row.begin(), row.end());
  std::vector<lvm::HostColumn> columns;
  for (size_t c = 0; c < iris_columns.size(); ++c) columns.push_back({iris_columns[c], cells.data() + c, 4});
  return lvm::make_data(columns, static_cast<int64_t>(rows.size()));
}

/// Two directions at right angles, and the posterior that belongs to them: W'W + s^2 I is diagonal, as q is.
Content exact_ppca() {
  const std::map<std::string, std::string> settings = {{"fit.epochs", "1"}, {"fit.precision", "double"}};
  Content content =
      content_of(bytes_of(fit_of("examples/linear_vae.lvm", "examples/data/iris.csv", settings)));
  const std::vector<double> w = {0.5, 0.4, -0.3, 0.5, 0.9, -0.1, 0.4, 0.1}, b = {5.8, 3.1, 3.8, 1.2};
  REQUIRE(w[0] * w[1] + w[2] * w[3] + w[4] * w[5] + w[6] * w[7] == Approx(0).margin(1e-15));
  const double s = 0.6;
  std::vector<double> squares(2), v(8), c(2), spread(2);
  for (size_t i = 0; i < 8; ++i) squares[i % 2] += w[i] * w[i];
  for (size_t k = 0; k < 2; ++k) {
    for (size_t i = 0; i < 4; ++i) {
      v[k * 4 + i] = w[i * 2 + k] / (squares[k] + s * s);
      c[k] -= v[k * 4 + i] * b[i];
    }
    spread[k] = s / std::sqrt(squares[k] + s * s);
  }
  content.parameters = {{"W", {4, 2}, w}, {"b", {4}, b}, {"noise", {}, {s}},
                        {"V", {2, 4}, v}, {"c", {2}, c}, {"spread", {2}, spread}};
  return content;
}

std::vector<double> exact_rows(const Content& content) {
  return ppca_rows(content.parameters[0].values, content.parameters[1].values,
                   content.parameters[2].values[0], flowers);
}

}  // namespace

TEST_CASE("what is kept comes back to the bit") {
  const lvm::Fit fit = fit_of("examples/gmm.lvm", "examples/data/faithful.csv", {{"K", "2"}});
  const lvm::FittedModel back = loaded(bytes_of(fit));
  INFO(back.report().render());
  REQUIRE(back.ok());
  CHECK(back.name() == "gmm");
  CHECK(back.method() == "em");
  CHECK(back.model_text() == fit.model_text());
  REQUIRE(back.parameters().size() == fit.parameters.size());
  for (const lvm::Values& values : back.parameters()) {
    CHECK(values.shape == fit.find(values.name)->shape);
    CHECK(values.values == fit.find(values.name)->values);
  }
  const lvm::BoundModel bound = lvm::bind(back, lvm::read_data(source("examples/data/faithful.csv")));
  const lvm::Score score = lvm::score(back, bound);
  REQUIRE(score.ok());
  CHECK(score.exact);
  CHECK(score.total == Approx(fit.objective).epsilon(1e-12));
}

TEST_CASE("a part of a fitted model, or one with a changed byte, is refused") {
  const std::string& whole = gmm_bytes();
  std::string fault;
  REQUIRE(lvm::fit_file::read(whole, fault));
  for (size_t length = 0; length < whole.size(); ++length) {
    INFO(length);
    CHECK_FALSE(lvm::fit_file::read(std::string_view(whole).substr(0, length), fault));
    CHECK_FALSE(fault.empty());
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int change : {1, 0x10, 0x80}) {
      std::string wrong = whole;
      wrong[at] = static_cast<char>(wrong[at] ^ change);
      INFO(at << " " << change);
      CHECK_FALSE(lvm::fit_file::read(wrong, fault));
    }
  }
  CHECK_FALSE(lvm::fit_file::read(whole + "x", fault));
}

TEST_CASE("what other programs write is refused by what is wrong with it") {
  const std::string known = R"("__metadata__":{"format":"lvmfit 1"})";
  const std::string deep(100000, '[');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "too short"},
      {std::string(8, '\xFF'), "is no fitted model"},
      {"PK\x03\x04 and more of an archive", "is no fitted model"},
      {with_header("[1]", ""), "is no JSON object"},
      {with_header("{", ""), "is no JSON object"},
      {with_header(deep, ""), "is no JSON object"},
      {with_header("{\"a\":" + deep, ""), "is no JSON object"},
      {with_header("{}", ""), "nothing in it says so"},
      {with_header(R"({"__metadata__":{"format":"lvmfit 2"}})", ""), "reads `lvmfit 1`"},
      {with_header(R"({"__metadata__":{"format":1}})", ""), "no object of texts"},
      {with_header("{" + known + R"(,"a":1})", ""), "describes no array"},
      {with_header("{" + known + R"(,"a":{"dtype":"F64","shape":[-1],"data_offsets":[0,8]}})", "12345678"),
       "describes no array"},
      {with_header("{" + known + R"(,"a":{"dtype":"F64","shape":[1.5],"data_offsets":[0,8]}})", "12345678"),
       "describes no array"},
      {with_header("{" + known + R"(,"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", "12345678"),
       "only F64 and F32"},
      {with_header("{" + known + R"(,"a":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}})", "12345678"),
       "not as long as its shape"},
      {with_header(
           "{" + known +
               R"(,"a":{"dtype":"F64","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}})",
           ""),
       "not as long as its shape"},
      {with_header("{" + known + R"(,"a":{"dtype":"F64","shape":[1],"data_offsets":[8,0]}})", "12345678"),
       "not as long as its shape"},
      {with_header(
           "{" + known +
               R"(,"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
           "12345678"),
       "does not begin where"},
      {with_header("{" + known + R"(,"a":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}})",
                   std::string(16, 'x')),
       "does not begin where"},
      {with_header("{" + known + R"(,"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", "1234"),
       "4 are there"},
      {with_header("{" + known + R"(,"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", "12345678"),
       "digest"},
  };
  for (const auto& [bytes, expected] : cases) {
    std::string fault;
    CHECK_FALSE(lvm::fit_file::read(bytes, fault));
    CHECK_THAT(fault, Catch::Contains(expected));
  }
}

TEST_CASE("what is said of files and tables that a fitted model cannot use") {
  std::string text = lvm::load("/no/such/fit.lvmfit").report().render();
  {
    const lvm::Report report = lvm::save(fit_of("examples/gaussian.lvm", "examples/data/faithful.csv", {}),
                                         "/no/such/folder/fit.lvmfit");
    CHECK(report.file_error());
    text += report.render();
  }
  const lvm::FittedModel fitted = loaded(gmm_bytes());
  const std::vector<double> numbers = {1, 2, 3};
  const auto tell = [&](const lvm::FittedModel& model, const lvm::Data& data, const lvm::BindOptions& bind,
                        const lvm::ScoreOptions& options) {
    const lvm::Score score = lvm::score(model, lvm::bind(model, data, bind), options);
    CHECK_FALSE(score.ok());
    text += score.report.render();
  };
  const lvm::Data three =
      lvm::make_data({{"eruptions", numbers.data()}, {"waiting", numbers.data()}, {"c", numbers.data()}}, 3);
  tell(fitted, three, {{{"y", {"eruptions", "waiting", "c"}}}}, {});
  tell(fitted, three, {}, {.importance = 5});
  tell(fitted, lvm::read_data("/no/such/table.csv"), {}, {});
  lvm::golden::check(lvm::golden::folder("settings") / "fitted.expected", text);
  Content content = content_of(gmm_bytes());
  content.parameters.front().values = {0.5, 0.6};
  CHECK_THAT(lvm::bind(loaded(bytes_of(content)), three).report().render(),
             Catch::Contains("E0710") && Catch::Contains("`weight` sums to 1.1"));
  content.parameters.erase(content.parameters.begin());
  CHECK_THAT(lvm::bind(loaded(bytes_of(content)), three).report().render(),
             Catch::Contains("E0710") && Catch::Contains("no value for `weight`"));
}

TEST_CASE("with the exact posterior every draw weighs ln P(y)") {
  const Content content = exact_ppca();
  const lvm::FittedModel fitted = loaded(bytes_of(content));
  const lvm::BoundModel bound = lvm::bind(fitted, table_of(flowers));
  const std::vector<double> exact = exact_rows(content);
  for (const lvm::Backend backend : {lvm::Backend::compiled, lvm::Backend::interpreter}) {
    const lvm::Score score = lvm::score(fitted, bound, {.importance = 20, .backend = backend});
    INFO(score.report.render());
    REQUIRE(score.ok());
    for (size_t row = 0; row < flowers.size(); ++row) {
      CHECK(score.values[row] == Approx(exact[row]).epsilon(1e-10));
      CHECK(score.errors[row] < 1e-6);
      CHECK(score.effective[row] == Approx(20));
    }
    CHECK(*score.bound == Approx(score.total).epsilon(1e-10));
  }
}

TEST_CASE("importance weights estimate ln P(y) within their own error, from above the bound") {
  Content content = exact_ppca();
  for (double& sd : content.parameters[5].values) sd *= 1.3;
  const lvm::FittedModel fitted = loaded(bytes_of(content));
  const lvm::BoundModel bound = lvm::bind(fitted, table_of(flowers));
  const std::vector<double> exact = exact_rows(content);
  double total = 0;
  for (const double each : exact) total += each;
  int outside = 0;
  constexpr int seeds = 40;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const lvm::Score score = lvm::score(fitted, bound, {.importance = 400, .seed = seed});
    REQUIRE(score.ok());
    CHECK(std::abs(score.total - total) < 4 * score.error);
    CHECK(score.total > *score.bound);
    outside += std::abs(score.total - total) > score.error ? 1 : 0;
  }
  // About a third lie outside of one standard error: the error is neither far too large nor too small.
  CHECK(outside > seeds / 8);
  CHECK(outside < seeds * 5 / 8);
  const lvm::Score bound_alone = lvm::score(fitted, bound, {});
  CHECK(bound_alone.name == "elbo");
  CHECK(bound_alone.total < total);
}

TEST_CASE("a row has its score whatever rows stand beside it, and on any number of threads") {
  const lvm::FittedModel fitted = loaded(bytes_of(exact_ppca()));
  const lvm::Score all =
      lvm::score(fitted, lvm::bind(fitted, table_of(flowers)), {.importance = 50, .threads = 1});
  for (const int threads : {2, 4}) {
    const lvm::Score again =
        lvm::score(fitted, lvm::bind(fitted, table_of(flowers)), {.importance = 50, .threads = threads});
    CHECK(again.values == all.values);
    CHECK(again.errors == all.errors);
  }
  const lvm::Score three = lvm::score(
      fitted, lvm::bind(fitted, table_of({flowers.begin(), flowers.begin() + 3})), {.importance = 50});
  CHECK(three.values == std::vector<double>(all.values.begin(), all.values.begin() + 3));
}

namespace {

const lvm::ResultColumn& column(const lvm::Results& results, const std::string& name) {
  const auto found = std::ranges::find(results.columns, name, &lvm::ResultColumn::name);
  INFO(name << results.report.render());
  REQUIRE(found != results.columns.end());
  return *found;
}

double sum_of(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// W z + b.
double decoded(const Content& content, size_t element, double first, double second) {
  const std::vector<double>& w = content.parameters[0].values;
  return w[element * 2] * first + w[element * 2 + 1] * second + content.parameters[1].values[element];
}

}  // namespace

TEST_CASE("latents are inferred, and rows reconstructed, as the formulas of a linear model have it") {
  const Content content = exact_ppca();
  const lvm::FittedModel fitted = loaded(bytes_of(content));
  const lvm::BoundModel bound = lvm::bind(fitted, table_of(flowers));
  const lvm::Results latents = lvm::infer(fitted, bound),
                     rows = lvm::reconstruct(fitted, bound, {.mean = true});
  const std::vector<double>&v = content.parameters[3].values, &c = content.parameters[4].values,
        &spread = content.parameters[5].values;
  for (size_t row = 0; row < flowers.size(); ++row) {
    double z[2];
    for (size_t k = 0; k < 2; ++k) {
      z[k] = sum_of({v.begin() + static_cast<std::ptrdiff_t>(4 * k),
                     v.begin() + static_cast<std::ptrdiff_t>(4 * k + 4)},
                    flowers[row]) +
             c[k];
      const std::string name = "z" + std::to_string(k + 1);
      CHECK(column(latents, name).values[row] == Approx(z[k]).epsilon(1e-12));
      CHECK(column(latents, name + "_sd").values[row] == Approx(spread[k]).epsilon(1e-12));
    }
    for (size_t e = 0; e < 4; ++e)
      CHECK(column(rows, iris_columns[e]).values[row] ==
            Approx(decoded(content, e, z[0], z[1])).epsilon(1e-12));
  }
  const lvm::Results made = lvm::decode(fitted, {0.5, -1, 2, 0});
  for (size_t e = 0; e < 4; ++e) {
    CHECK(column(made, iris_columns[e]).values[0] == Approx(decoded(content, e, 0.5, -1)).epsilon(1e-12));
    CHECK(column(made, iris_columns[e]).values[1] == Approx(decoded(content, e, 2, 0)).epsilon(1e-12));
  }
  CHECK_FALSE(lvm::decode(fitted, {1, 2, 3}).ok());
}

TEST_CASE("draws have the moments of the model") {
  const Content content = exact_ppca();
  const lvm::FittedModel fitted = loaded(bytes_of(content));
  constexpr int64_t n = 40000;
  const lvm::Results rows = lvm::sample(fitted, {.rows = n, .seed = 3}),
                     means = lvm::sample(fitted, {.rows = n, .seed = 3, .mean = true});
  const std::vector<double>& w = content.parameters[0].values;
  const double s = content.parameters[2].values[0];
  const auto mean_of = [](const std::vector<double>& values) {
    return sum_of(values, std::vector<double>(values.size(), 1)) / static_cast<double>(values.size());
  };
  for (size_t i = 0; i < 4; ++i) {
    const std::vector<double>& a = column(rows, iris_columns[i]).values;
    for (size_t j = 0; j < 4; ++j) {
      const std::vector<double>& b = column(rows, iris_columns[j]).values;
      const double expected = w[i * 2] * w[j * 2] + w[i * 2 + 1] * w[j * 2 + 1] + (i == j ? s * s : 0);
      const double found = sum_of(a, b) / n - mean_of(a) * mean_of(b);
      // Var of a product of normals is at most 2 var var: four standard errors, with variances below 1.5.
      CHECK(std::abs(found - expected) < 4 * 1.5 * std::sqrt(2.0 / n));
    }
    CHECK(std::abs(mean_of(a) - content.parameters[1].values[i]) < 4 * std::sqrt(1.5 / n));
    CHECK(column(means, iris_columns[i]).values[7] ==
          Approx(decoded(content, i, column(means, "z1").values[7], column(means, "z2").values[7]))
              .epsilon(1e-12));
  }
  CHECK(column(lvm::sample(fitted, {.rows = 5, .seed = 3}), "z1").values[4] == column(rows, "z1").values[4]);
  CHECK(column(lvm::sample(fitted, {.rows = 5, .seed = 4}), "z1").values[4] != column(rows, "z1").values[4]);
}

TEST_CASE("rows drawn from a mixture have its weights and its means") {
  const Content content = content_of(gmm_bytes());
  const lvm::FittedModel fitted = loaded(gmm_bytes());
  constexpr int64_t n = 40000;
  const lvm::Results rows = lvm::sample(fitted, {.rows = n, .seed = 2});
  const auto parameter = [&](const std::string& name) {
    return std::ranges::find(content.parameters, name, &lvm::Values::name)->values;
  };
  const std::vector<double>& z = column(rows, "z").values;
  for (size_t k = 0; k < 2; ++k) {
    double count = 0, sum = 0;
    for (size_t row = 0; row < z.size(); ++row) {
      if (z[row] != static_cast<double>(k)) continue;
      ++count;
      sum += column(rows, "waiting").values[row];
    }
    const double weight = parameter("weight")[k];
    CHECK(std::abs(count / n - weight) < 4 * std::sqrt(weight * (1 - weight) / n));
    CHECK(std::abs(sum / count - parameter("mean")[k * 2 + 1]) <
          4 * std::sqrt(parameter("cov")[k * 4 + 3] / count));
  }
}

TEST_CASE("latents come in the order of the model, and their means decode to the reconstructions") {
  // The names are in another order than the alphabet's; the posterior of the first depends on the second.
  const std::string text = R"(model two {
  axis D = columns
  axis L = 2
  data   y: real[D]
  param  W: real[D, L]
  param  U: real[D]
  param  noise: positive
  param  V: real[L, D]
  param  h: real[L]
  param  s: positive
  latent z: real[L]
  latent a: real
  P(z) = Normal(0, sd: 1)
  P(a) = Normal(0, sd: 1)
  P(y | z, a) = Normal(W * z + U * a, sd: noise)
  q(z, a | y) = q(z | y) * q(a | z)
  q(z | y) = Normal(V * y, sd: s)
  q(a | z) = Normal(dot(h, z), sd: s)
  fit { epochs = 5, batch = 8, precision = double }
})";
  const lvm::Fit fit = lvm::fit(lvm::bind(lvm::compile(text), table_of(flowers)));
  INFO(fit.report().render());
  REQUIRE(fit.ok());
  const lvm::FittedModel fitted = loaded(bytes_of(fit));
  const lvm::BoundModel bound = lvm::bind(fitted, table_of(flowers));
  const lvm::Results latents = lvm::infer(fitted, bound),
                     rows = lvm::reconstruct(fitted, bound, {.mean = true});
  INFO(latents.report.render());
  REQUIRE(latents.ok());
  std::vector<std::string> names;
  std::vector<double> means;
  for (const lvm::ResultColumn& each : latents.columns) names.push_back(each.name);
  CHECK(names == std::vector<std::string>{"z1", "z2", "z1_sd", "z2_sd", "a", "a_sd"});
  for (size_t row = 0; row < flowers.size(); ++row) {
    for (const char* name : {"z1", "z2", "a"}) means.push_back(column(latents, name).values[row]);
  }
  const lvm::Results made = lvm::decode(fitted, means);
  for (const std::string& name : iris_columns) CHECK(column(made, name).values == column(rows, name).values);
}

TEST_CASE("latents are active whose posterior means vary over the rows") {
  Content content = exact_ppca();
  std::vector<double>& v = content.parameters[3].values;
  for (size_t i = 4; i < 8; ++i) v[i] *= 0.01;
  const lvm::FittedModel fitted = loaded(bytes_of(content));
  const lvm::ActiveLatents active =
      lvm::active_latents(lvm::infer(fitted, lvm::bind(fitted, table_of(flowers))));
  CHECK(active.all == 2);
  CHECK(active.names == std::vector<std::string>{"z1"});
  const lvm::FittedModel mixture = loaded(gmm_bytes());
  CHECK(lvm::active_latents(
            lvm::infer(mixture, lvm::bind(mixture, lvm::read_data(source("examples/data/faithful.csv")))))
            .all == 0);
}
