// Where runs are kept when nobody says where.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/cli/program.h"

using Catch::Contains;
using lvm::cli::faithful;
using lvm::cli::gmm;
using lvm::cli::lvmc;
using lvm::cli::Outcome;
using lvm::cli::quoted;
using lvm::cli::scratch;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

TEST_CASE("a run is kept under the next number of its model, unless it is said otherwise") {
  const std::string runs = scratch().path("numbered");
  const std::string there = "export LVM_RUNS=" + runs + ";";
  const auto names = [&] {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(runs + "/gmm"))
      found.insert(entry.path().filename().string());
    return found;
  };
  const Outcome first = lvmc({"run", gmm, faithful, "--posterior"}, there);
  INFO(first.error);
  REQUIRE(first.code == 0);
  CHECK_THAT(first.out, Catch::EndsWith("run: " + runs + "/gmm/1\n"));
  CHECK_THAT(lvm::golden::read(fs::path(runs) / "gmm/1/posterior.csv"), Catch::StartsWith("row,state,p1"));
  const Outcome json = lvmc({"run", gmm, faithful, "--json"}, there);
  REQUIRE(json.code == 0);
  CHECK(lvm::golden::read(fs::path(runs) / "gmm/2/result.json") == json.out);
  const Outcome none = lvmc({"run", gmm, faithful, "--no-folder"}, there);
  CHECK(none.code == 0);
  CHECK_THAT(none.out, !Contains("run: "));
  CHECK(names() == std::set<std::string>{"1", "2"});
  // A number that is taken by anything is passed over, and a gap is not filled.
  fs::create_directories(runs + "/gmm/7");
  CHECK(lvmc({"run", gmm, faithful, "--json"}, there).code == 0);
  CHECK(names() == std::set<std::string>{"1", "2", "7", "8"});
  // Four at once: each has a folder of its own.
  const std::string one = quoted(LVMC) + " run " + gmm + " " + faithful + " -q --json >/dev/null &";
  CHECK(lvmc({"--version"}, there + one + one + one + one + "wait;").code == 0);
  CHECK(names() == std::set<std::string>{"1", "10", "11", "12", "2", "7", "8", "9"});
  CHECK(Json::parse(lvm::golden::read(fs::path(runs) / "gmm/12/config.json"))["seed"] == 1);
}

TEST_CASE("where no run can be kept the fit is printed all the same") {
  const std::string file = scratch().write("no_folder", "");
  const Outcome outcome = lvmc({"run", gmm, faithful}, "export LVM_RUNS=" + file + ";");
  CHECK(outcome.code == 4);
  CHECK_THAT(outcome.out, Contains("mean [K, D]") && !Contains("run: "));
  CHECK_THAT(outcome.error,
             Contains("the run is not saved: cannot make the folder `" + file + "/gmm`: Not a directory") &&
                 Contains("`--no-folder` saves none"));
  // No file may have any length, as on a full disk.
  const std::string runs = scratch().path("full_runs");
  const Outcome full = lvmc({"run", gmm, faithful},
                            "export LVM_RUNS=" + runs + "; ( ulimit -f 0; trap '' XFSZ;", "2>&1 ) | cat");
  CHECK_THAT(full.out,
             Contains("the run is not saved: cannot write `config.json`") && Contains("mean [K, D]"));
  CHECK(fs::is_empty(fs::path(runs) / "gmm"));
}
