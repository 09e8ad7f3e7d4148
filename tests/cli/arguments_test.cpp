// What the command line itself answers: exit codes, streams, suggestions.

#include "tests/cli/program.h"

using Catch::Contains;
using lvm::cli::lvmc;
using lvm::cli::Outcome;
using lvm::cli::scratch;

namespace {
const std::string faithful = "examples/data/faithful.csv";
}

TEST_CASE("help and version are results") {
  const Outcome help = lvmc({"--help"});
  CHECK(help.code == 0);
  CHECK_THAT(help.out, Contains("Examples:") && Contains("run") && Contains("explain"));
  CHECK(help.error.empty());
  const Outcome run_help = lvmc({"run", "--help"});
  CHECK(run_help.code == 0);
  CHECK_THAT(run_help.out, Contains("--seed") && Contains("--emit"));
  const Outcome version = lvmc({"--version"});
  CHECK(version.code == 0);
  CHECK_THAT(version.out, Catch::Matches("lvmc [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST_CASE("usage errors exit with 2 and say what was meant") {
  using List = std::vector<std::string>;
  const std::vector<std::pair<List, std::string>> cases = {
      {List{}, "Subcommands"},
      {{"rnu", "a.lvm"}, "did you mean `run`?"},
      {{"compare", "a.lvm", "a.csv"}, "`lvmc compare` is not there yet"},
      {{"score", "fit"}, "`score` needs a data file"},
      {{"--verbose"}, "there is no option `--verbose` before a command"},
      {{"run"}, "model is required"},
      {{"run", "examples/gmm.lvm"}, "`run` needs a data file"},
      {{"run", "examples/gmm.lvm", faithful, "--treads", "3"}, "did you mean `--threads`?"},
      {{"run", "examples/gmm.lvm", faithful, "--restart=3"}, "did you mean `--restarts`?"},
      {{"run", "examples/gmm.lvm", faithful, "--seed", "many"}, "many"},
      {{"run", "examples/gmm.lvm", faithful, "--set", "K"}, "NAME=VALUE"},
      {{"run", "examples/gmm.lvm", faithful, "--bind", "=a"}, "NAME=COLUMN"},
      {{"run", "examples/gmm.lvm", faithful, "--delimiter", "::"}, "one character"},
      {{"run", "examples/gmm.lvm", faithful, "--emit=lop"}, "there is no stage `lop`"},
      {{"run", "examples/gmm.lvm", faithful, "--color", "blue"}, "--color"},
      {{"check", "examples/gmm.lvm", "--emit=loop"}, "needs a data file"},
      {{"explain", "E9999"}, "there is no diagnostic `E9999`"},
  };
  for (const auto& [arguments, expected] : cases) {
    const Outcome outcome = lvmc(arguments);
    INFO(outcome.error);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.error, Contains(expected));
  }
}

TEST_CASE("files that cannot be read or written exit with 4") {
  CHECK(lvmc({"run", "no_such.lvm", faithful}).code == 4);
  CHECK(lvmc({"check", "no_such.lvm"}).code == 4);
  CHECK(lvmc({"fmt", "no_such.lvm"}).code == 4);
  CHECK(lvmc({"check", "examples"}).code == 4);
  CHECK(lvmc({"run", "examples/gmm.lvm", "no_such.csv"}).code == 4);
  CHECK(lvmc({"run", "examples/gmm.lvm", faithful, "--init", "no_such.json"}).code == 4);
  CHECK(lvmc({"run", "examples/gmm.lvm", faithful, "--save", "/no/such/folder/x.json"}).code == 4);
  const Outcome full = lvmc({"check", "examples/gmm.lvm"}, "", ">/dev/full");
  CHECK(full.code == 4);
  CHECK_THAT(full.error, Contains("cannot write"));
}

TEST_CASE("a reader that goes away is not an error") {
  const Outcome outcome = lvmc({"check", "examples/gmm.lvm", faithful}, "{", "; echo code $? >&2; } | true");
  CHECK(outcome.error == "code 0\n");
}

TEST_CASE("errors come with colour only where it is asked for") {
  const std::string wrong = scratch().write("wrong.lvm", "model wrong {\n  axis K = \n}\n");
  const std::string escape = "\033[";
  const Outcome plain = lvmc({"check", wrong});
  CHECK(plain.code == 1);
  CHECK(plain.out.empty());
  CHECK_THAT(plain.error, Contains("error[E01") && !Contains(escape));
  CHECK_THAT(lvmc({"check", wrong, "--color", "always"}).error, Contains(escape));
  CHECK_THAT(lvmc({"check", wrong, "--color", "never"}).error, !Contains(escape));
}

TEST_CASE("explain knows every diagnostic by its code") {
  const Outcome outcome = lvmc({"explain", "E0412"});
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.out, Contains("E0412 error") && Contains("`exact`"));
}

TEST_CASE("fmt writes a layout that it then finds canonical") {
  const std::string text =
      "# two coins\nmodel coins { axis K=2 # sides\n data y:bool param p : unit\n\n# the likelihood\n "
      "P(y)=Bernoulli(p) }\n";
  const std::string path = scratch().write("coins.lvm", text);
  const Outcome check = lvmc({"fmt", path, "--check"});
  CHECK(check.code == 1);
  CHECK(lvm::golden::read(path) == text);
  CHECK(lvmc({"fmt", path}).code == 0);
  const std::string formatted = lvm::golden::read(path);
  CHECK_THAT(formatted, Contains("# two coins") && Contains("# sides") && Contains("# the likelihood"));
  CHECK_THAT(formatted, Contains("  P(y) = Bernoulli(p)\n"));
  const Outcome again = lvmc({"fmt", path, "--check"});
  INFO(formatted);
  CHECK(again.code == 0);
}

TEST_CASE("fmt is asked wrongly, has nowhere to write, or nobody who reads") {
  const std::string path =
      scratch().write("plain.lvm", "model m { data y:bool param p: unit P(y)=Bernoulli(p) }\n");
  CHECK(lvmc({"fmt", "--help"}).code == 0);
  CHECK(lvmc({"fmt"}).code == 2);
  CHECK(lvmc({"fmt", path, "--out", "other.lvm"}).code == 2);
  CHECK(lvmc({"fmt", "no_such_model.lvm"}).code == 4);
  CHECK(lvmc({"fmt", "README.md"}).code == 1);
  const Outcome filter = lvmc({"fmt", "-"}, "cat " + path + " |");
  CHECK(filter.code == 0);
  CHECK_THAT(filter.out, Contains("  P(y) = Bernoulli(p)\n"));
  const Outcome full = lvmc({"fmt", "-"}, "cat " + path + " |", "> /dev/full");
  CHECK(full.code == 4);
  CHECK_THAT(full.error, Contains("No space left"));
}
