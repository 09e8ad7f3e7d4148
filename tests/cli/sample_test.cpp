// infer and sample, as a user calls them.

#include "tests/cli/program.h"

using Catch::Contains;
using lvm::cli::lvmc;
using lvm::cli::Outcome;
using lvm::cli::scratch;

namespace {

const std::string faithful = "examples/data/faithful.csv";

std::string fit() {
  const std::string folder = scratch().path("fit_to_sample");
  if (std::filesystem::exists(folder)) return folder;
  const Outcome outcome = lvmc({"run", "examples/gmm.lvm", faithful, "--set", "K=2", "--out", folder, "-q"});
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  return folder;
}

Outcome asked(const std::vector<std::string>& arguments) {
  const Outcome outcome = lvmc(arguments);
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  return outcome;
}

int64_t lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

}  // namespace

TEST_CASE("infer prints the most probable state and the probability of each, a row a line") {
  const Outcome outcome = asked({"infer", fit(), faithful});
  CHECK_THAT(outcome.out, Catch::StartsWith("z,z=1,z=2\n1,"));
  CHECK(lines(outcome.out) == 273);
  CHECK(outcome.error.empty());
}

TEST_CASE("what sample draws is a table that run takes") {
  const std::string table = scratch().path("drawn.csv");
  CHECK(asked({"sample", fit(), "-n", "500", "--out", table}).out.empty());
  CHECK_THAT(lvm::golden::read(table), Catch::StartsWith("eruptions,waiting,z\n"));
  asked({"run", "examples/gmm.lvm", table, "--set", "K=2", "--no-folder", "-q", "--bind",
         "y=eruptions,waiting"});
  // It is not written over.
  const Outcome again = lvmc({"sample", fit(), "--out", table});
  CHECK(again.code == 4);
  CHECK_THAT(again.error, Contains("is there already") && Contains("--overwrite"));
  CHECK(lines(lvm::golden::read(table)) == 501);
}

TEST_CASE("the seed of the fit draws the rows where none is given") {
  const std::string own = asked({"sample", fit(), "-n", "5"}).out;
  CHECK(own == asked({"sample", fit(), "-n", "5", "--seed", "1"}).out);
  CHECK(own != asked({"sample", fit(), "-n", "5", "--seed", "2"}).out);
  CHECK(own == asked({"sample", fit() + "/fit.lvmfit", "-n", "5"}).out);
}

TEST_CASE("given rows are made anew, as JSON too") {
  CHECK(lines(asked({"sample", fit(), "--given", faithful, "--mean"}).out) == 273);
  CHECK_THAT(asked({"sample", fit(), "-n", "2", "--json"}).out, Catch::StartsWith("{\"eruptions\":["));
}

TEST_CASE("questions without what they need are refused with the way out") {
  CHECK(lvmc({"infer", fit()}).code == 2);
  CHECK_THAT(lvmc({"infer", fit()}).error, Contains("`infer` needs a data file"));
  CHECK(lvmc({"sample", fit(), "-n", "0"}).code == 2);
  CHECK(lvmc({"sample", scratch().path("nowhere")}).code == 4);
  const Outcome wrong = lvmc({"infer", fit(), "examples/data/discoveries.csv"});
  CHECK(wrong.code == 1);
  CHECK_THAT(wrong.error, Contains("eruptions"));
}
