// Fitted models that are asked how probable rows are, as a user does.

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/program.h"

using Catch::Contains;
using lvm::cli::lvmc;
using lvm::cli::Outcome;
using lvm::cli::scratch;
using Json = nlohmann::ordered_json;

namespace {

/// Fits once a name; returns the folder of the run.
std::string fitted(const std::string& name, const std::string& model, const std::string& data,
                   const std::vector<std::string>& more = {}) {
  const std::string folder = scratch().path("fit_" + name);
  if (std::filesystem::exists(folder)) return folder;
  std::vector<std::string> arguments = {"run", model, data, "--out", folder, "-q"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Outcome outcome = lvmc(arguments);
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  return folder;
}

Json scored(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"score"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  all.emplace_back("--json");
  const Outcome outcome = lvmc(all);
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  return Json::parse(outcome.out);
}

Json result_of(const std::string& folder) {
  return Json::parse(lvm::golden::read(folder + "/result.json"));
}

/// The header and the lines [from, to) behind it.
std::string part_of(const std::string& table, size_t from, size_t to) {
  std::istringstream lines(lvm::golden::read(std::string(LVM_SOURCE_DIR) + "/" + table));
  std::string line, text;
  for (size_t i = 0; std::getline(lines, line); ++i) {
    if (i == 0 || (i > from && i <= to)) text += line + "\n";
  }
  return text;
}

const std::string digits = "examples/data/digits.csv";
const std::vector<std::string> short_run = {"--set", "fit.epochs=5"};

}  // namespace

TEST_CASE("a fit by EM scores the rows that it was fitted to with its own objective") {
  const std::vector<std::vector<std::string>> cases = {
      {"gmm", "faithful"},       {"latent_class", "survey"},    {"partly_labelled", "iris_labels"},
      {"gmm_prior", "faithful"}, {"two_traits", "survey"},      {"regressions", "faithful"},
      {"kmeans", "faithful"},    {"inventions", "discoveries"}, {"poisson_regressions", "claims"}};
  for (const auto& names : cases) {
    const std::string model = "examples/" + names[0] + ".lvm", data = "examples/data/" + names[1] + ".csv";
    INFO(names[0]);
    const std::string folder = fitted(names[0], model, data);
    const Json score = scored({folder, data});
    CHECK(score["exact"] == true);
    CHECK(score["total"].get<double>() ==
          Approx(result_of(folder)["objective"]["value"].get<double>()).epsilon(1e-9));
  }
}

TEST_CASE("rows have the same score in a table of a few, whose categories are not all there") {
  for (const auto& [model, data] :
       {std::pair("latent_class", "survey"), std::pair("partly_labelled", "iris_labels")}) {
    INFO(model);
    const std::string table = std::string("examples/data/") + data + ".csv";
    const std::string folder = fitted(model, std::string("examples/") + model + ".lvm", table);
    const Json all = scored({folder, table});
    for (const size_t row : {size_t{0}, size_t{60}, size_t{120}}) {
      const Json few = scored({folder, scratch().write("few.csv", part_of(table, row, row + 2))});
      CHECK(few["values"][0] == all["values"][row]);
      CHECK(few["values"][1] == all["values"][row + 1]);
    }
  }
  const std::string folder = fitted("latent_class", "examples/latent_class.lvm", "examples/data/survey.csv");
  const Outcome odd =
      lvmc({"score", folder, scratch().write("odd.csv", "q1,q2,q3,q4,q5,q6\nno,yes,no,maybe,no,never\n")});
  CHECK(odd.code == 1);
  CHECK_THAT(
      odd.error,
      Contains("E0538") &&
          Contains("column `q6` has `never`, which is none of the categories that the model was fitted to"));
}

TEST_CASE("importance weights of a VAE tighten its bound, to the same bits on any number of threads") {
  const std::string folder = fitted("vae", "examples/vae.lvm", digits, short_run);
  const std::string few = scratch().write("digits.csv", part_of(digits, 0, 300));
  const Json one = scored({folder, few, "--importance", "50", "--threads", "1"});
  CHECK(one["name"] == "importance_cross_entropy");
  CHECK(one["draws"] == 50);
  CHECK(one["total"].get<double>() > one["bound"]["total"].get<double>());
  CHECK(one["error"].get<double>() > 0);
  CHECK(scored({folder, few, "--importance", "50", "--threads", "4"})["values"] == one["values"]);
  CHECK(scored({folder, few, "--importance", "50", "--seed", "2"})["values"] != one["values"]);
  const Json bound = scored({folder, few});
  CHECK(bound["name"] == "cross_entropy_bound");
  CHECK(std::abs(bound["total"].get<double>() - one["bound"]["total"].get<double>()) <
        5 * (bound["error"].get<double>() + one["bound"]["error"].get<double>()));
}

TEST_CASE("rows go into a file that is new") {
  const std::string folder = fitted("gmm", "examples/gmm.lvm", "examples/data/faithful.csv");
  const std::string out = scratch().path("scores.csv");
  const Outcome first = lvmc({"score", folder + "/fit.lvmfit", "examples/data/faithful.csv", "--out", out});
  CHECK(first.code == 0);
  CHECK_THAT(first.out, Contains("gmm by em, 272 rows") && Contains("log_likelihood: -"));
  CHECK(lvm::golden::read(out).starts_with("row,log_likelihood\n1,-"));
  const Outcome second = lvmc({"score", folder, "examples/data/faithful.csv", "--out", out});
  CHECK(second.code == 4);
  CHECK_THAT(second.error, Contains("is there already: `--overwrite` replaces it"));
  CHECK(lvmc({"score", folder, "examples/data/faithful.csv", "--out", out, "--overwrite"}).code == 0);
}

TEST_CASE("what `score` cannot use is refused") {
  const std::string folder = fitted("gmm", "examples/gmm.lvm", "examples/data/faithful.csv");
  CHECK(lvmc({"score", "--help"}).code == 0);
  CHECK(lvmc({"score", folder}).code == 2);
  CHECK(lvmc({"score", folder, "examples/data/faithful.csv", "--importance", "0"}).code == 2);
  CHECK(lvmc({"score", "no_such_fit", "examples/data/faithful.csv"}).code == 4);
  const Outcome em = lvmc({"score", folder, "examples/data/faithful.csv", "--importance", "5"});
  CHECK(em.code == 1);
  CHECK_THAT(em.error, Contains("E0713"));
  const Outcome other = lvmc({"score", folder, "examples/data/iris.csv"});
  CHECK(other.code == 1);
  CHECK_THAT(other.error,
             Contains("has no column `eruptions`, to which `y` was fitted; 2 of its 2 columns are missing"));
  const Outcome foreign = lvmc({"score", "examples/gmm.lvm", "examples/data/faithful.csv"});
  CHECK(foreign.code == 1);
  CHECK_THAT(foreign.error, Contains("E0710"));
  CHECK(
      lvmc({"score", scratch().write("cut.lvmfit", lvm::golden::read(folder + "/fit.lvmfit").substr(0, 900)),
            "examples/data/faithful.csv"})
          .code == 1);
}
