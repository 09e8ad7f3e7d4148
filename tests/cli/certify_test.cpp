// `lvmc check --certify`: lines, JSON, exit codes.

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

using Catch::Contains;
using lvm::cli::lvmc;
using lvm::cli::Outcome;
using lvm::cli::scratch;

TEST_CASE("check --certify prints a line for each latent and parameter") {
  const Outcome with_data = lvmc({"check", "examples/gmm.lvm", "examples/data/faithful.csv", "--certify"});
  INFO(with_data.error);
  CHECK(with_data.code == 0);
  CHECK(with_data.error.empty());
  for (const char* part : {"certificates, on 256 rows",
                           "z       enumerate          certified  ln P(y, z) - ln q(z | y) is constant in z",
                           "cov     scatter            certified  Q is at its top", "9 of 9 coordinates"}) {
    CHECK_THAT(with_data.out, Contains(part));
  }
  const Outcome random = lvmc({"check", "examples/poisson_regressions.lvm", "--certify", "--seed", "3"});
  INFO(random.error);
  CHECK(random.code == 0);
  CHECK_THAT(random.out, Contains("on 256 random rows") && Contains("Q rises along the step"));
}

TEST_CASE("check --certify --json prints one object") {
  const Outcome outcome = lvmc({"check", "examples/waiting.lvm", "--certify", "--json"});
  REQUIRE(outcome.code == 0);
  const auto json = nlohmann::json::parse(outcome.out);
  CHECK(json["ok"] == true);
  CHECK(json["certificates"].size() == 4);
}

TEST_CASE("what cannot be certified exits with 1, and --emit beside it with 2") {
  const std::string model =
      scratch().write("never.lvm",
                      "model never {\n  data y: real\n  param m: real\n"
                      "  P(y) = Truncated(Normal(m, sd: 1), low: 1000, high: 1001)\n}\n");
  const Outcome none = lvmc({"check", model, "--certify"});
  CHECK(none.code == 1);
  CHECK_THAT(none.error, Contains("error[E0802]"));
  CHECK(lvmc({"check", model, "--certify", "--emit", "plan"}).code == 2);
}
