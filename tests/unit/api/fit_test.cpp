// The interface as a host program uses it.

#include <algorithm>
#include <cmath>

#include "api/lvm.h"
#include "tests/support/golden.h"

namespace {

const std::string examples = std::string(LVM_SOURCE_DIR) + "/examples/";

lvm::BoundModel faithful(const std::string& model, const std::map<std::string, std::string>& settings = {}) {
  return lvm::bind(lvm::compile_file(examples + model + ".lvm", {.settings = settings}),
                   lvm::read_data(examples + "data/faithful.csv"));
}

}  // namespace

TEST_CASE("a model is compiled, bound and fitted") {
  const lvm::Model model = lvm::compile_file(examples + "gmm.lvm", {.settings = {{"K", "2"}}});
  INFO(model.report().render());
  REQUIRE(model.ok());
  CHECK(model.name() == "gmm");
  CHECK(model.objective_name() == "log_likelihood");
  REQUIRE(model.plan().size() == 4);
  CHECK(model.plan()[0].name == "z");
  CHECK(model.plan()[0].latent);
  CHECK(model.plan()[0].solver == "enumerate");

  const lvm::Data data = lvm::read_data(examples + "data/faithful.csv");
  REQUIRE(data.ok());
  CHECK(data.columns() == std::vector<std::string>{"eruptions", "waiting"});
  const lvm::BoundModel bound = lvm::bind(model, data);
  INFO(bound.report().render());
  REQUIRE(bound.ok());
  CHECK(bound.rows() == 272);
  CHECK(bound.free_parameters() == 11);
  REQUIRE(bound.variables().size() == 1);
  CHECK(bound.variables()[0].columns == data.columns());

  const lvm::Fit fit = lvm::fit(bound);
  INFO(fit.report().render());
  REQUIRE(fit.ok());
  CHECK(fit.converged);
  CHECK(fit.objective == Approx(-1130.264).margin(5e-4));
  CHECK(fit.free_parameters == 11);
  CHECK(fit.aic == Approx(-2 * fit.objective + 22));
  CHECK(fit.bic == Approx(-2 * fit.objective + 11 * std::log(272)));
  CHECK(fit.per_row() == Approx(fit.objective / 272));
}

TEST_CASE("parameters have the order and the names of their declaration") {
  const lvm::Fit fit = lvm::fit(faithful("gmm"));
  REQUIRE(fit.ok());
  REQUIRE(fit.parameters.size() == 3);
  const lvm::Parameter& cov = *fit.find("cov");
  CHECK(cov.domain == "covariance");
  CHECK(cov.axes == std::vector<std::string>{"K", "D", "D'"});
  CHECK(cov.shape == std::vector<int64_t>{3, 2, 2});
  CHECK(cov.labels[0] == std::vector<std::string>{"1", "2", "3"});
  CHECK(cov.labels[1] == std::vector<std::string>{"eruptions", "waiting"});
  CHECK(cov.labels[2] == cov.labels[1]);
  CHECK(cov.values[1] == cov.values[2]);
  CHECK(fit.find("nothing") == nullptr);
}

TEST_CASE("axes in another order than the model's keep the user's order") {
  const std::string text = R"(model mixture {
  axis K = 2
  axis D = columns
  data   y: real[D]
  param  weight: simplex[K]
  param  mean:   real[K, D]
  param  sd:     positive[K, D]
  latent z: category[K]
  P(z)     = Categorical(weight)
  P(y | z) = Normal(mean[z], sd: sd[z])
  q(z | y) = exact
}
)";
  // The same model with D declared first: its axis has the smaller id, and buffers are laid out the other way
  // round.
  std::string swapped = text;
  swapped.replace(swapped.find("  axis K = 2\n"), 13, "");
  swapped.replace(swapped.find("  data "), 0, "  axis K = 2\n");
  const lvm::Data data = lvm::read_data(examples + "data/faithful.csv");
  const lvm::Fit one = lvm::fit(lvm::bind(lvm::compile(text), data)),
                 two = lvm::fit(lvm::bind(lvm::compile(swapped), data));
  REQUIRE(one.ok());
  REQUIRE(two.ok());
  CHECK(two.find("mean")->shape == std::vector<int64_t>{2, 2});
  for (size_t i = 0; i < 4; ++i)
    CHECK(one.find("mean")->values[i] == Approx(two.find("mean")->values[i]).epsilon(1e-9));
  std::vector<lvm::Values> start;
  for (const lvm::Parameter& parameter : two.parameters) start.push_back(parameter);
  const lvm::Fit again = lvm::fit(lvm::bind(lvm::compile(swapped), data), {.iterations = 0, .init = start});
  REQUIRE(again.ok());
  CHECK(again.find("mean")->values == two.find("mean")->values);
}

TEST_CASE("responsibilities are the posterior of each row") {
  const lvm::Fit fit = lvm::fit(faithful("gmm"));
  REQUIRE(fit.ok());
  const std::vector<double> r = fit.responsibilities();
  REQUIRE(r.size() == 272 * 3);
  std::vector<double> counts(3, 0.0);
  for (size_t row = 0; row < 272; ++row) {
    CHECK(r[3 * row] + r[3 * row + 1] + r[3 * row + 2] == Approx(1));
    for (size_t k = 0; k < 3; ++k) counts[k] += r[3 * row + k];
  }
  // At a maximum the weights are the mean responsibilities.
  for (size_t k = 0; k < 3; ++k) CHECK(counts[k] / 272 == Approx(fit.find("weight")->values[k]).margin(1e-4));
}

TEST_CASE("progress is told and can stop a fit") {
  int64_t calls = 0;
  const lvm::Fit fit = lvm::fit(faithful("gmm"), {.progress = [&](const lvm::Progress& progress) {
                                  CHECK(progress.iteration == calls);
                                  return ++calls < 4;
                                }});
  CHECK(calls == 4);
  CHECK(fit.stopped);
  CHECK_FALSE(fit.converged);
  CHECK(fit.trace.size() == 4);
  for (size_t i = 1; i < fit.trace.size(); ++i) CHECK(fit.trace[i] > fit.trace[i - 1]);
}

TEST_CASE("ICL is BIC plus twice the entropy of the responsibilities") {
  const lvm::Fit fit = lvm::fit(faithful("gmm"), {.threads = 1});
  REQUIRE(fit.ok());
  double entropy = 0;
  for (const double r : fit.responsibilities()) entropy -= r > 0 ? r * std::log(r) : 0;
  CHECK(entropy > 1);
  CHECK(fit.icl == Approx(fit.bic + 2 * entropy).epsilon(1e-12));
  CHECK(lvm::fit(faithful("gmm"), {.threads = 3}).icl == fit.icl);
  CHECK(std::isnan(lvm::fit(faithful("gaussian")).icl));
}

TEST_CASE("data that nobody else holds are used up, others stay") {
  const lvm::Model model = lvm::compile_file(examples + "gmm.lvm");
  lvm::Data data = lvm::read_data(examples + "data/faithful.csv");
  const lvm::Data kept = data;
  const double expected = lvm::fit(lvm::bind(model, data)).objective;
  CHECK(lvm::fit(lvm::bind(model, std::move(data))).objective == expected);
  CHECK(kept.columns().size() == 2);
  CHECK(lvm::fit(lvm::bind(model, kept)).objective == expected);
  CHECK(lvm::fit(lvm::bind(model, lvm::read_data(examples + "data/faithful.csv"))).objective == expected);
}

TEST_CASE("the profile tells the phases of a fit") {
  const lvm::Fit fit = lvm::fit(faithful("gmm"));
  REQUIRE(fit.ok());
  const lvm::Profile& p = fit.profile;
  for (const double seconds : {p.read, p.compile, p.bind, p.lower, p.code, p.start, p.iteration})
    CHECK(seconds > 0);
  std::vector<std::string> names;
  for (const lvm::FunctionTime& function : p.functions) names.push_back(function.name);
  CHECK(names ==
        std::vector<std::string>{"start", "prepare", "rows_about_origin", "reduce", "recentre", "update"});
  CHECK(p.functions[2].rows == 272 * (fit.iterations + 1));
  CHECK(fit.variables.front().cells == 544);
  CHECK(fit.variables.front().absent == 0);
  CHECK(fit.trace_seconds.size() == fit.trace.size());
  CHECK(std::ranges::is_sorted(fit.trace_seconds));
}

TEST_CASE("columns of a host are taken with their stride") {
  std::vector<double> rows;
  for (int i = 0; i < 40; ++i) {
    rows.push_back(i % 2 == 0 ? 0.1 * i : 10 + 0.1 * i);
    rows.push_back(i);
  }
  const lvm::Data data = lvm::make_data({{"waiting", rows.data(), 2}}, 40);
  const lvm::Fit fit = lvm::fit(lvm::bind(lvm::compile_file(examples + "waiting.lvm"), data));
  INFO(fit.report().render());
  REQUIRE(fit.ok());
  CHECK(fit.rows == 40);
  CHECK(fit.find("weight")->values[0] == Approx(0.5).margin(0.01));
}

TEST_CASE("a failed step is passed on, not thrown") {
  const lvm::Model model = lvm::compile("model broken { data y: real  P(y) = Normal(m, sd: 1.0) }");
  CHECK_FALSE(model.ok());
  REQUIRE(model.report().has_errors());
  CHECK(model.report().messages().front().line == 1);
  const lvm::BoundModel bound = lvm::bind(model, lvm::read_data("/no/such.csv"));
  CHECK_FALSE(bound.ok());
  CHECK(bound.report().messages().size() == model.report().messages().size() + 1);
  const lvm::Fit fit = lvm::fit(bound);
  CHECK_FALSE(fit.ok());
  CHECK(fit.report().render() == bound.report().render());
  CHECK(fit.responsibilities().empty());
  CHECK_FALSE(lvm::compile_file("/no/such.lvm").ok());
  CHECK(lvm::compile_file("/no/such.lvm").report().file_error());
}

TEST_CASE("every code has a long text, unknown codes have none") {
  CHECK_FALSE(lvm::explain_code("E9999"));
  REQUIRE(lvm::explain_code("E0701"));
  CHECK_THAT(*lvm::explain_code("E0701"), Catch::Contains("E0701 error"));
}
