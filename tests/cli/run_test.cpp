// The commands on real models and data: what they print, and where.

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

using Catch::Contains;
using lvm::cli::lvmc;
using lvm::cli::Outcome;
using lvm::cli::scratch;
using Json = nlohmann::ordered_json;

namespace {

const std::string faithful = "examples/data/faithful.csv";

Json run_json(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "run");
  arguments.emplace_back("--json");
  const Outcome outcome = lvmc(arguments);
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  return Json::parse(outcome.out);
}

std::vector<std::string> keys(const Json& json) {
  std::vector<std::string> names;
  for (const auto& [name, value] : json.items()) names.push_back(name);
  return names;
}

}  // namespace

TEST_CASE("run prints a summary on stdout and nothing else") {
  const Outcome outcome = lvmc({"run", "examples/gmm.lvm", faithful, "--set", "K=2"});
  INFO(outcome.error);
  CHECK(outcome.code == 0);
  CHECK(outcome.error.empty());
  for (const char* part : {"gmm: EM on 272 rows of examples/data/faithful.csv", "y ← eruptions, waiting",
                           "log likelihood   -1130.264", "11 free parameters", "converged",
                           "seed             1", "mean [K, D]", "cov [K, D, D']"}) {
    CHECK_THAT(outcome.out, Contains(part));
  }
}

TEST_CASE("run --json has the keys that other programs rely on") {
  const Json json = run_json({"examples/gmm_tied.lvm", faithful, "--restarts", "10"});
  const std::vector<std::string> first = {"model",     "method",      "converged", "iterations", "seconds",
                                          "objective", "information", "rows",      "seed",       "parameters",
                                          "plan",      "timing",      "warnings"};
  const std::vector<std::string> all = keys(json);
  CHECK(std::vector<std::string>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(first.size())) ==
        first);
  CHECK(keys(json["objective"]) == std::vector<std::string>{"name", "value", "per_row"});
  CHECK(keys(json["information"]) == std::vector<std::string>{"parameters", "aic", "bic", "icl"});
  CHECK(keys(json["plan"][0]) == std::vector<std::string>{"block", "kind", "solver", "exact", "reason"});
  CHECK(keys(json["timing"]) == std::vector<std::string>{"compile", "read", "fit"});
  CHECK(keys(json["profile"]) == std::vector<std::string>{"read", "compile", "bind", "lower", "code", "start",
                                                          "iteration", "functions"});
  CHECK(keys(json["parameters"]) == std::vector<std::string>{"weight", "mean", "cov"});
  CHECK(json["model"] == "gmm_tied");
  CHECK(json["method"] == "em");
  CHECK(json["converged"] == true);
  CHECK(json["objective"]["name"] == "log_likelihood");
  CHECK(json["objective"]["value"].get<double>() == Approx(-1126.316).margin(5e-4));
  CHECK(json["information"]["parameters"] == 11);
  CHECK(json["information"]["aic"].get<double>() == Approx(2274.632).margin(1e-3));
  CHECK(json["information"]["bic"].get<double>() == Approx(2314.296).margin(1e-3));
  CHECK(json["parameters"]["mean"].size() == 3);
  CHECK(json["parameters"]["cov"][1].size() == 2);
  CHECK(json["warnings"].empty());
}

TEST_CASE("absent cells are counted, and have functions of their own in the profile") {
  const std::string gaps = "examples/data/faithful_gaps.csv";
  const std::string counted = "y ← eruptions, waiting, 109 of 544 cells absent";
  CHECK_THAT(lvmc({"run", "examples/gmm.lvm", gaps, "--set", "K=2"}).out, Contains(counted));
  CHECK_THAT(lvmc({"check", "examples/gmm.lvm", gaps, "--set", "K=2"}).out, Contains(counted));
  CHECK_THAT(lvmc({"check", "examples/gmm.lvm", faithful}).out, !Contains("absent"));

  const Json json =
      run_json({"examples/gmm.lvm", gaps, "--set", "K=2", "--iterations", "5", "--tolerance", "0"});
  CHECK(keys(json["variables"][0]) == std::vector<std::string>{"name", "columns", "cells", "absent"});
  CHECK(json["variables"][0]["absent"] == 109);
  const Json functions = json["profile"]["functions"];
  CHECK(keys(functions) ==
        std::vector<std::string>{"start", "prepare", "pattern", "rows", "impute", "reduce", "update"});
  // Two passes of the start; the objective of the start and of each of five iterations.
  CHECK(functions["update"]["calls"] == 2 + 5);
  CHECK(functions["rows"]["rows"] == 272 * 6);
  CHECK(functions["start"]["rows"] == 272 * 2);
  CHECK(functions["pattern"]["calls"] == functions["impute"]["calls"]);
  for (const auto& [name, function] : functions.items()) {
    INFO(name);
    CHECK(function["seconds"].get<double>() > 0);
    CHECK(function.contains("rows_per_second") == (name == "rows" || name == "start"));
  }
}

TEST_CASE("a fit goes on from the parameters of another") {
  const std::string saved = scratch().path("fit.json");
  const Outcome first = lvmc({"run", "examples/gmm.lvm", faithful, "--seed", "3", "--save", saved, "--json"});
  REQUIRE(first.code == 0);
  const double best = Json::parse(first.out)["objective"]["value"];
  const std::string whole = scratch().write("whole.json", first.out);
  for (const std::string& file : {saved, whole}) {
    const Json again = run_json({"examples/gmm.lvm", faithful, "--init", file, "--iterations", "0"});
    CHECK(again["iterations"] == 0);
    CHECK(again["objective"]["value"].get<double>() == Approx(best).epsilon(1e-12));
  }
}

TEST_CASE("compiled code and the reference interpreter agree") {
  for (const char* model : {"examples/gmm.lvm", "examples/gmm_diagonal.lvm"}) {
    const Json compiled = run_json({model, faithful, "--iterations", "20", "--tolerance", "0"});
    const Json interpreted =
        run_json({model, faithful, "--iterations", "20", "--tolerance", "0", "--backend", "interpreter"});
    CHECK(compiled["objective"]["value"].get<double>() ==
          Approx(interpreted["objective"]["value"].get<double>()).epsilon(1e-10));
  }
}

TEST_CASE("the number of threads does not change a bit") {
  const Json one = run_json({"examples/gmm.lvm", faithful, "--threads", "1"});
  for (const char* threads : {"2", "7"}) {
    const Json many = run_json({"examples/gmm.lvm", faithful, "--threads", threads});
    CHECK(many["parameters"].dump() == one["parameters"].dump());
    CHECK(many["objective"].dump() == one["objective"].dump());
  }
}

TEST_CASE("every example runs") {
  const auto [model, data] = GENERATE(table<std::string, std::string>({
      {"gmm", "faithful"},
      {"gmm", "faithful_gaps"},
      {"gmm_tied", "faithful"},
      {"gmm_diagonal", "faithful"},
      {"gmm_diagonal_tied", "faithful"},
      {"gmm_spherical", "faithful"},
      {"gmm_spherical_tied", "faithful"},
      {"waiting", "faithful"},
      {"gaussian", "faithful"},
      {"latent_class", "survey"},
      {"bernoulli_mixture", "digits_binary"},
      {"regressions", "faithful"},
      {"inventions", "discoveries"},
      {"poisson_regressions", "claims"},
      {"partly_labelled", "iris_labels"},
      {"kmeans", "faithful"},
      {"two_traits", "survey"},
      {"factor_analysis", "wine"},
      {"ppca", "breast_cancer"},
      {"factor_mixture", "wine"},
      {"robust", "wine"},
      {"policies", "claims"},
      {"litters", "litters"},
      {"menus", "menus"},
      {"bayesian_gmm", "faithful"},
      {"lda", "corpus"},
      {"bayesian_pca", "iris"},
      {"sleep", "sleepstudy"},
      {"windows", "windows"},
  }));
  INFO(model);
  const Json json = run_json({"examples/" + model + ".lvm", "examples/data/" + data + ".csv"});
  CHECK(json["model"] == model);
  CHECK(std::isfinite(json["objective"]["value"].get<double>()));
}

TEST_CASE("every stage can be printed") {
  for (const char* stage : {"ast", "model", "elbo", "plan", "canonical"}) {
    const Outcome outcome = lvmc({"check", "examples/gmm.lvm", std::string("--emit=") + stage});
    INFO(stage << "\n" << outcome.error);
    CHECK(outcome.code == 0);
    CHECK_FALSE(outcome.out.empty());
  }
  const std::vector<std::pair<const char*, const char*>> bound = {
      {"model", "gmm"}, {"program", "prepare"}, {"loop", "rows"}, {"llvm", "<8 x double>"}, {"asm", ".text"}};
  for (const auto& [stage, part] : bound) {
    const Outcome outcome = lvmc({"run", "examples/gmm.lvm", faithful, std::string("--emit=") + stage});
    INFO(stage << "\n" << outcome.error);
    CHECK(outcome.code == 0);
    CHECK_THAT(outcome.out, Contains(part));
    CHECK(outcome.out == lvmc({"run", "examples/gmm.lvm", faithful, std::string("--emit=") + stage}).out);
  }
}

TEST_CASE("check and explain say how a model is fitted") {
  const Outcome check = lvmc({"check", "examples/gmm.lvm", faithful});
  CHECK(check.code == 0);
  CHECK_THAT(check.out, Contains("gmm is well formed") && Contains("272 rows") && Contains("enumerate") &&
                            Contains("17 free parameters"));
  const Outcome explain = lvmc({"explain", "examples/gmm.lvm"});
  CHECK(explain.code == 0);
  for (const char* part : {"weight", "mean", "cov", "enumerate"}) CHECK_THAT(explain.out, Contains(part));
  const Json json = Json::parse(lvmc({"check", "examples/gmm.lvm", "--json"}).out);
  CHECK(json["ok"] == true);
  CHECK(json["errors"].empty());
}

TEST_CASE("every example is explained without a table") {
  for (const auto& entry : std::filesystem::directory_iterator("examples")) {
    if (entry.path().extension() != ".lvm") continue;
    const Outcome outcome = lvmc({"explain", entry.path().string()});
    INFO(entry.path() << "\n" << outcome.error);
    CHECK(outcome.code == 0);
    CHECK_THAT(outcome.out, Contains("plan"));
  }
}

TEST_CASE("a model that breaks `exact` is refused") {
  const std::string model = scratch().write("factor.lvm", R"(model factor {
  axis L = 2
  axis D = columns
  data   y: real[D]
  param  W: real[D, L]
  param  s: positive
  latent z: real[L]
  P(z)     = Normal(0, sd: 1)
  P(y | z) = Normal(tanh(W * z), sd: s)
  q(z | y) = exact
}
)");
  const Outcome outcome = lvmc({"run", model, faithful});
  CHECK(outcome.code == 1);
  CHECK(outcome.out.empty());
  CHECK_THAT(outcome.error, Contains("error[E0412]: `q(z | y)` cannot be exact") &&
                                Contains("factor.lvm:9:21") && Contains("^^^^^^^^^^^") &&
                                Contains("`tanh`") && Contains("= help: "));
  const Outcome json = lvmc({"check", model, "--json"});
  CHECK(json.code == 1);
  const Json error = Json::parse(json.out)["errors"][0];
  CHECK(error["code"] == "E0412");
  CHECK(error["range"]["line"] == 9);
  CHECK(error["range"]["column"] == 21);
}

TEST_CASE("collapsed runs are named and never chosen") {
  const Outcome outcome =
      lvmc({"run", "examples/gmm.lvm", "examples/data/iris.csv", "--set", "K=5", "--restarts", "60", "--bind",
            "y=Sepal.Length,Sepal.Width,Petal.Length,Petal.Width"});
  INFO(outcome.error);
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.out, Contains("collapsed or failed") && Contains("component"));
  CHECK_THAT(outcome.error, Contains("warning[W0612]"));
}

TEST_CASE("strict asks for convergence") {
  CHECK(lvmc({"run", "examples/gmm.lvm", faithful, "--strict"}).code == 0);
  const Outcome outcome = lvmc({"run", "examples/gmm.lvm", faithful, "--iterations", "1", "--strict"});
  CHECK(outcome.code == 3);
  CHECK_THAT(outcome.out, Contains("not converged"));
  CHECK_THAT(outcome.error, Contains("warning[W0611]"));
  CHECK(lvmc({"run", "examples/gmm.lvm", faithful, "--iterations", "1", "--quiet"}).error.empty());
}

TEST_CASE("an interrupt ends the fit and says so") {
  // The fit cannot end by itself: its tolerance is zero and its iterations are endless.
  const Outcome outcome = lvmc({"run", "examples/bernoulli_mixture.lvm", "examples/data/digits_binary.csv",
                                "--iterations", "1000000000", "--tolerance", "0", "--backend", "interpreter"},
                               "timeout --signal=INT --preserve-status 2");
  INFO(outcome.error);
  CHECK(outcome.code == 130);
}

TEST_CASE("the table may come through the standard input") {
  const Json json = run_json({"examples/gmm.lvm", faithful});
  const Outcome outcome = lvmc({"run", "examples/gmm.lvm", "-", "--json"}, "cat " + faithful + " |");
  REQUIRE(outcome.code == 0);
  CHECK(Json::parse(outcome.out)["parameters"].dump() == json["parameters"].dump());
}
