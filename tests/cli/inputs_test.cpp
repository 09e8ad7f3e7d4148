// What goes in and comes out, as a user types it: files of every format, sweeps, run folders.

#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

using Catch::Contains;
using lvm::cli::faithful;
using lvm::cli::gmm;
using lvm::cli::lvmc;
using lvm::cli::Outcome;
using lvm::cli::scratch;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

Json run_json(std::vector<std::string> arguments, const std::string& before = "") {
  arguments.insert(arguments.begin(), "run");
  arguments.emplace_back("--json");
  const Outcome outcome = lvmc(arguments, before);
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  return Json::parse(outcome.out);
}

/// faithful in two files of the same columns, the second with its columns the other way round.
std::pair<std::string, std::string> halves() {
  std::ifstream all(faithful);
  std::string header, line, first, second;
  std::getline(all, header);
  const auto comma = [](const std::string& text) { return text.find(','); };
  const auto swapped = [&](const std::string& text) {
    return text.substr(comma(text) + 1) + "\t" + text.substr(0, comma(text));
  };
  first = header + "\n";
  second = swapped(header) + "\n";
  for (int row = 0; std::getline(all, line); ++row)
    (row < 100 ? first : second) += (row < 100 ? line : swapped(line)) + "\n";
  return {scratch().write("first.csv", first), scratch().write("second.tsv", second)};
}

}  // namespace

TEST_CASE("the same table as gzip, from a pipe, and in two files gives the same bits") {
  const std::string expected = run_json({gmm, faithful})["parameters"].dump();
  const std::string zipped = scratch().path("faithful.csv.gz");
  REQUIRE(std::system(("gzip -c " + faithful + " > " + zipped).c_str()) == 0);
  CHECK(run_json({gmm, zipped})["parameters"].dump() == expected);
  CHECK(run_json({gmm, "-"}, "cat " + zipped + " |")["parameters"].dump() == expected);
  const auto [first, second] = halves();
  CHECK(run_json({gmm, first, second})["parameters"].dump() == expected);
  const Outcome outcome = lvmc({"run", gmm, first, second});
  CHECK_THAT(outcome.out, Contains("272 rows of") && Contains("first.csv and 1 more file"));
}

TEST_CASE("files that are no one table name the file and the column") {
  const auto [first, second] = halves();
  const std::string other = scratch().write("other.csv", "eruptions,wating\n1,2\n");
  const Outcome outcome = lvmc({"run", gmm, first, other});
  CHECK(outcome.code == 1);
  CHECK_THAT(outcome.error, Contains("E0518") && Contains("other.csv") && Contains("`waiting`"));
}

TEST_CASE("a delimiter that is given wins") {
  const std::string file = scratch().write("odd.tsv", "a;b\n1;2\n3;4\n5;7\n");
  const std::string model = scratch().write("g.lvm",
                                            "model g {\n axis D = columns\n data y: real[D]\n param mean: "
                                            "real[D]\n P(y) = Normal(mean, sd: 1)\n}\n");
  CHECK(run_json({model, file, "--delimiter", ";"})["parameters"]["mean"] ==
        Json::parse("[3,4.333333333333333]"));
  CHECK(lvmc({"run", model, file}).code == 1);
}

TEST_CASE("a sweep fits each value and keeps the best") {
  const Json json = run_json({"examples/gmm_tied.lvm", faithful, "--set", "K=1..5", "--restarts", "5"});
  REQUIRE(json["sweep"].size() == 5);
  CHECK(json["selected"]["by"] == "bic");
  double best = INFINITY;
  for (const Json& entry : json["sweep"]) {
    if (entry["ok"] == true) best = std::min(best, entry["bic"].get<double>());
  }
  CHECK(json["information"]["bic"] == best);
  CHECK(json["parameters"]["weight"].size() == json["selected"]["settings"]["K"].get<size_t>());
  // K = 1 has no doubt about its rows.
  CHECK(json["sweep"][0]["icl"].get<double>() ==
        Approx(json["sweep"][0]["bic"].get<double>()).epsilon(1e-12));
  CHECK(json["sweep"][1]["icl"].get<double>() > json["sweep"][1]["bic"].get<double>());
  const Json alone = run_json({"examples/gmm_tied.lvm", faithful, "--set", "K=3", "--restarts", "5"});
  CHECK(alone["information"]["bic"] == json["sweep"][2]["bic"]);
}

TEST_CASE("a sweep prints a table; a fit that fails is a row of it") {
  const Outcome outcome = lvmc({"run", gmm, faithful, "--set", "K=2,0,3,300", "--select", "aic"});
  INFO(outcome.error << outcome.out);
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.out, Contains("log likelihood  parameters") && Contains("← best by AIC") &&
                              Contains("272 rows, and `z` has 300 states") && Contains("mean [K, D]"));
  const Outcome none = lvmc({"run", gmm, faithful, "--set", "K=0,300"});
  CHECK(none.code == 1);
  CHECK(none.out.empty());
  CHECK_THAT(none.error, Contains("error["));
}

TEST_CASE("two swept settings are tried together") {
  const Json json = run_json({"examples/bernoulli_mixture.lvm", "examples/data/digits_binary.csv", "--set",
                              "K=2,3", "--set", "iterations=2,4", "--tolerance", "0"});
  REQUIRE(json["sweep"].size() == 4);
  CHECK(json["sweep"][1]["settings"].dump() == R"({"K":2,"iterations":4})");
}

TEST_CASE("sweeps that make no sense are usage errors") {
  using List = std::vector<std::string>;
  const std::vector<std::pair<List, std::string>> cases = {
      {{"run", gmm, faithful, "--set", "K=9..1"}, "a range is written 1..9"},
      {{"run", gmm, faithful, "--set", "K=1.."}, "a range is written 1..9"},
      {{"run", gmm, faithful, "--set", "K=1..1000000000"}, "at most 1000 values"},
      {{"run", gmm, faithful, "--set", "K=1,,2"}, "a list is written 2,3,5"},
      {{"run", gmm, faithful, "--select", "bic"}, "`--select` chooses among several settings"},
      {{"run", gmm, faithful, "--set", "K=1..2", "--select", "dic"}, "--select"},
      {{"run", gmm, faithful, "--set", "K=1..2", "--emit=plan"}, "give one"},
      {{"check", gmm, "--set", "K=1..2"}, "give one"},
      {{"run", "-", faithful, "--set", "K=1..2"}, "more than once"},
      {{"run", "-", "-"}, "once"},
      {{"run", gmm, "-", "-"}, "once"},
      {{"run", gmm, faithful, "--overwrite"}, "`--out`"},
      {{"run", gmm, faithful, "--posterior", "--no-folder"}, "`--no-folder`"},
      {{"run", gmm, faithful, "--out", "there", "--no-folder"}, "`--no-folder`"},
      {{"explain", gmm, "--latex", "--emit=plan"}, "choose one"},
  };
  for (const auto& [arguments, expected] : cases) {
    const Outcome outcome = lvmc(arguments);
    INFO(outcome.error);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.error, Contains(expected));
  }
}

TEST_CASE("the posterior of several latents is written one beside the other") {
  const std::string folder = scratch().path("runs_of_two/first");
  const Outcome outcome = lvmc({"run", "examples/two_traits.lvm", "examples/data/survey.csv", "--out", folder,
                                "--posterior", "--iterations", "5"});
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  const std::string text = lvm::golden::read(fs::path(folder) / "posterior.csv");
  CHECK_THAT(text, Catch::StartsWith("row,a_state,a_p1,a_p2,b_state,b_p1,b_p2\n1,"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 401);
}

TEST_CASE("a run folder holds what is needed to do it again") {
  const std::string folder = scratch().path("runs/first");
  const Outcome outcome =
      lvmc({"run", gmm, faithful, "--seed", "5", "--set", "K=3", "--out", folder, "--posterior", "--json"});
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  const auto read = [&](const std::string& name) { return lvm::golden::read(fs::path(folder) / name); };
  CHECK(read("model.lvm") == lvm::golden::read(gmm));
  CHECK(read("result.json") == outcome.out);
  const Json config = Json::parse(read("config.json"));
  CHECK(config["seed"] == 5);
  CHECK(config["settings"]["K"] == 3);
  CHECK(config["data"][0] == faithful);
  CHECK_THAT(read("summary.txt"), Contains("mean [K, D]"));
  const Json result = Json::parse(outcome.out);
  // One line an iteration from 0, and a header; one line a row.
  const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
  CHECK(lines(read("trace.csv")) == result["iterations"].get<int64_t>() + 2);
  CHECK(lines(read("posterior.csv")) == 273);
  CHECK_THAT(read("posterior.csv"), Catch::StartsWith("row,state,p1,p2,p3\n1,"));
  const Json again = run_json({gmm, faithful, "--init", folder, "--iterations", "0", "--set", "K=3"});
  CHECK(again["objective"]["value"].get<double>() ==
        Approx(result["objective"]["value"].get<double>()).epsilon(1e-12));
  // Nothing else was left beside it.
  CHECK(std::distance(fs::directory_iterator(scratch().path("runs")), fs::directory_iterator()) == 1);
}

TEST_CASE("a run folder is never overwritten without being asked") {
  const std::string folder = scratch().path("kept"), other = scratch().path("other");
  REQUIRE(lvmc({"run", gmm, faithful, "--out", folder}).code == 0);
  const std::string before = lvm::golden::read(fs::path(folder) / "result.json");
  const Outcome refused = lvmc({"run", gmm, faithful, "--out", folder, "--seed", "2"});
  CHECK(refused.code == 4);
  CHECK(refused.out.empty());
  CHECK_THAT(refused.error, Contains("`--overwrite`"));
  CHECK(lvm::golden::read(fs::path(folder) / "result.json") == before);
  CHECK(lvmc({"run", gmm, faithful, "--out", folder, "--seed", "2", "--overwrite"}).code == 0);
  CHECK(Json::parse(lvm::golden::read(fs::path(folder) / "config.json"))["seed"] == 2);
  fs::create_directories(other);
  const std::string precious = scratch().write("other/thesis.tex", "years of work");
  CHECK(lvmc({"run", gmm, faithful, "--out", other, "--overwrite"}).code == 4);
  CHECK(lvm::golden::read(precious) == "years of work");
  CHECK(lvmc({"run", gmm, faithful, "--out", precious}).code == 4);
}

TEST_CASE("a folder that cannot be written loses nothing") {
  const Outcome nowhere = lvmc({"run", gmm, faithful, "--out", "/proc/nowhere/run"});
  CHECK(nowhere.code == 4);
  CHECK_THAT(nowhere.error, Contains("cannot"));
  // No file may have any length, as on a full disk: the fit is printed all the same.
  const std::string folder = scratch().path("full");
  const Outcome full =
      lvmc({"run", gmm, faithful, "--out", folder}, "( ulimit -f 0; trap '' XFSZ;", "2>&1 ) | cat");
  CHECK_THAT(full.out, Contains("the run is not saved: cannot write") && Contains("mean [K, D]"));
  CHECK_FALSE(fs::exists(folder));
}

TEST_CASE("covariances print alike on both sides of the diagonal") {
  const Outcome outcome = lvmc({"run", gmm, faithful, "--set", "K=1"});
  std::string off;
  size_t found = 0;
  for (size_t at = outcome.out.find("cov[1]"); (at = outcome.out.find("13.9", at)) != std::string::npos;
       ++at) {
    const std::string cell = outcome.out.substr(at, outcome.out.find_first_of(" \n", at) - at);
    CHECK((off.empty() || cell == off));
    off = cell;
    ++found;
  }
  CHECK(found == 2);
}

TEST_CASE("explain --latex is LaTeX") {
  const std::string model = scratch().write("m.lvm", R"(model m {
  axis K_1 = 2
  axis D = columns
  data   y_1: real[D]
  param  weight: simplex[K_1]
  param  mu: real[K_1, D]
  param  the_cov: covariance[K_1, D]
  latent z: category[K_1]
  P(z)       = Categorical(weight)
  P(y_1 | z) = Normal(mu[z], cov: the_cov[z])
  q(z | y_1) = exact
}
)");
  const Outcome outcome = lvmc({"explain", model, "--latex"});
  CHECK(outcome.code == 0);
  lvm::golden::check(lvm::golden::folder("explain") / "latex.expected", outcome.out);
  CHECK(lvmc({"explain", model, faithful, "--latex"}).out == outcome.out);
}
