// What is said of settings and start parameters that do not fit the model. The texts are in
// tests/golden/settings.

#include <unistd.h>

#include <cmath>

#include "api/lvm.h"
#include "tests/support/golden.h"

namespace {

const char* const mixture = R"(model mixture {
  axis K = 2
  axis D = columns
  data   y: real[D]
  param  weight: simplex[K]
  param  mean:   real[K, D]
  param  cov:    covariance[D]
  latent z: category[K]
  P(z)     = Categorical(weight)
  P(y | z) = Normal(mean[z], cov: cov)
  q(z | y) = exact
}
)";

lvm::BoundModel bound_mixture(const std::map<std::string, std::string>& settings = {}) {
  static const std::vector<double> a = {0, 1, 2, 10, 11, 12, 3}, b = {1, 0, 2, 9, 12, 11, 2};
  const lvm::Data data = lvm::make_data({{"a", a.data()}, {"b", b.data()}}, static_cast<int64_t>(a.size()));
  return lvm::bind(lvm::compile(mixture, {.file_name = "mixture.lvm", .settings = settings}), data);
}

void check(const std::string& name, const lvm::Report& report, const std::string& code) {
  REQUIRE(report.has_errors());
  CHECK(report.messages().front().code == code);
  lvm::golden::check(lvm::golden::folder("settings") / (name + ".expected"), report.render());
}

struct StartCase {
  std::string name, code;
  std::vector<lvm::Values> values;
};

std::vector<lvm::Values> good_start() {
  return {{"weight", {2}, {.5, .5}}, {"mean", {2, 2}, {0, 0, 10, 10}}, {"cov", {2, 2}, {1, 0, 0, 1}}};
}

StartCase with(std::string name, std::string code, size_t index, lvm::Values values) {
  StartCase to{std::move(name), std::move(code), good_start()};
  to.values[index] = std::move(values);
  return to;
}

/// Text as a file that is removed at the end.
class TextFile {
 public:
  explicit TextFile(const std::string& text)
      : path_((std::filesystem::temp_directory_path() / ("lvm-start-" + std::to_string(getpid()) + ".json"))
                  .string()) {
    std::ofstream(path_) << text;
  }
  ~TextFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("a start that fits the model is taken as it is") {
  const lvm::Fit fit = lvm::fit(bound_mixture(), {.iterations = 0, .init = good_start()});
  INFO(fit.report().render());
  REQUIRE(fit.ok());
  CHECK(fit.find("mean")->values == good_start()[1].values);
}

TEST_CASE("start values outside shape or domain are refused by name") {
  const std::vector<StartCase> cases = {
      with("unknown_parameter", "E0702", 1, {"meen", {2, 2}, {0, 0, 10, 10}}),
      with("shape", "E0703", 1, {"mean", {2, 3}, {0, 0, 0, 1, 1, 1}}),
      with("scalar_for_matrix", "E0703", 2, {"cov", {}, {1}}),
      with("not_finite", "E0704", 1, {"mean", {2, 2}, {0, NAN, 1, 1}}),
      with("simplex_sum", "E0704", 0, {"weight", {2}, {.5, .6}}),
      with("simplex_negative", "E0704", 0, {"weight", {2}, {-.5, 1.5}}),
      with("not_symmetric", "E0704", 2, {"cov", {2, 2}, {1, .5, .2, 1}}),
      with("not_positive_definite", "E0704", 2, {"cov", {2, 2}, {1, 2, 2, 1}}),
      {"incomplete", "E0705", {good_start()[0], good_start()[1]}},
  };
  for (const StartCase& one : cases) {
    INFO(one.name);
    const lvm::Fit fit = lvm::fit(bound_mixture(), {.init = one.values});
    CHECK_FALSE(fit.ok());
    check(one.name, fit.report(), one.code);
  }
}

TEST_CASE("files of start parameters are read or refused") {
  const TextFile good(R"({"model": "m", "parameters": {"s": 1.5, "mean": [[1, 2, 3], [4, 5, 6]]}})");
  const lvm::ParameterFile read = lvm::read_parameters(good.path());
  REQUIRE_FALSE(read.report.has_errors());
  REQUIRE(read.parameters.size() == 2);
  CHECK(read.parameters[0].shape.empty());
  CHECK(read.parameters[1].shape == std::vector<int64_t>{2, 3});
  CHECK(read.parameters[1].values == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(lvm::read_parameters("/no/such/file.json").report.file_error());
  for (const char* text :
       {"", "[1, 2]", "{\"a\": \"x\"}", "{\"a\": [[1, 2], [3]]}", "{\"a\": []}", "{\"a\": [1, [2]]}",
        "{\"a\": [", "{\"parameters\": 3}", "{\"a\": [[[[[[[[[[1]]]]]]]]]]}"}) {
    INFO(text);
    const TextFile file(text);
    const lvm::ParameterFile refused = lvm::read_parameters(file.path());
    REQUIRE(refused.report.has_errors());
    CHECK(refused.report.messages().front().code == "E0701");
  }
  const TextFile ragged("{\"mean\": [[1, 2], [3]]}");
  std::string text = lvm::read_parameters(ragged.path()).report.render();
  text.replace(text.find(ragged.path()), ragged.path().size(), "start.json");
  lvm::golden::check(lvm::golden::folder("settings") / "unreadable.expected", text);
}

TEST_CASE("settings of the fit outside their range are refused") {
  const auto refused = [](const std::string& name, const std::string& code, const lvm::FitOptions& options) {
    INFO(name);
    check(name, lvm::fit(bound_mixture(), options).report(), code);
  };
  refused("method_unknown", "E0706", {.method = "gradien"});
  refused("method_is_compiled", "E0707", {.method = "gradient"});
  refused("iterations", "E0708", {.iterations = -1});
  refused("restarts", "E0708", {.restarts = 0});
  refused("tolerance", "E0708", {.tolerance = -1.0});
}

TEST_CASE("bfloat16 is refused where decompositions are computed in double") {
  const char* const text = R"(model heads {
  axis L = 2
  axis D = columns
  data   y: real[D]
  param  W: real[D, L]
  param  C: covariance[D] = [[1, 0.5], [0.5, 2]] fixed
  latent z: real[L]
  net encode(y: real[D]) -> (mean: real[L], sd: positive[L]) {
    h    = tanh(dense(y, 8))
    mean = dense(h)
    sd   = exp(dense(h))
  }
  P(z)     = Normal(0, sd: 1)
  P(y | z) = Normal(W * z, cov: C)
  q(z | y) = Normal(encode(y).mean, sd: encode(y).sd)
  fit { epochs = 1, precision = bf16 }
}
)";
  const std::vector<double> a = {0, 1, 2, 3, 1, 2}, b = {1, 0, 2, 2, 1, 3};
  const lvm::Data data = lvm::make_data({{"a", a.data()}, {"b", b.data()}}, static_cast<int64_t>(a.size()));
  const lvm::BoundModel bound =
      lvm::bind(lvm::compile(text, {.file_name = "heads.lvm", .settings = {}}), data);
  INFO(bound.report().render());
  REQUIRE(bound.ok());
  const lvm::Fit fit = lvm::fit(bound);
  CHECK_FALSE(fit.ok());
  REQUIRE(fit.report().has_errors());
  CHECK(fit.report().messages().front().code == "E0604");
  lvm::golden::check(lvm::golden::folder("fit") / "precision_unavailable.expected", fit.report().render());
  lvm::FitOptions options;  // the interpreter is the oracle: it computes all in double
  options.backend = lvm::Backend::interpreter;
  const lvm::Fit interpreted = lvm::fit(bound, options);
  CHECK(interpreted.ok());
}
