// A fit's file is read by a few lines of NumPy; where Python or NumPy is not there, that is said.

#include "tests/cli/program.h"

using Catch::Contains;
using lvm::cli::lvmc;
using lvm::cli::scratch;

TEST_CASE("fit.lvmfit is read by ten lines of NumPy") {
  if (std::system("/usr/bin/python3 -c 'import numpy' 2> /dev/null") != 0) {
    WARN("skipped: /usr/bin/python3 has no NumPy (python3-numpy)");
    return;
  }
  const std::string folder = scratch().path("fit_for_numpy"), out = scratch().path("read_by_numpy");
  REQUIRE(lvmc({"run", lvm::cli::gmm, lvm::cli::faithful, "--set", "K=2", "--out", folder, "-q"}).code == 0);
  REQUIRE(std::system(
              ("/usr/bin/python3 tests/python/read_fit.py " + folder + "/fit.lvmfit > " + out).c_str()) == 0);
  const std::string text = lvm::golden::read(out);
  CHECK_THAT(
      text, Catch::StartsWith("em lvmfit 1\n") && Contains("\nmean [2, 2] ") && Contains("\ncov [2, 2, 2] "));
  const double sum = std::stod(text.substr(text.find("weight [2] ") + 11));
  CHECK(sum == Approx(1).epsilon(1e-12));
}
