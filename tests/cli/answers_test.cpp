// impute, doctor, completion, explain CODE and the formats of answers, as a user calls them: also wrongly,
// and where nothing can be written.

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/program.h"

using Catch::Contains;
using Catch::StartsWith;
using lvm::cli::faithful;
using lvm::cli::gmm;
using lvm::cli::lvmc;
using lvm::cli::Outcome;
using lvm::cli::scratch;
using Json = nlohmann::ordered_json;

namespace {

const std::string gaps = "examples/data/faithful_gaps.csv";

std::string fit() {
  const std::string folder = scratch().path("fit_to_answer");
  if (std::filesystem::exists(folder)) return folder;
  const Outcome outcome = lvmc({"run", gmm, gaps, "--set", "K=2", "--out", folder, "-q"});
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  return folder;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The numbers of version 1.0 of NumPy's format, row by row.
std::vector<double> numbers_of(const std::string& npy, const std::string& shape) {
  REQUIRE(npy.starts_with(std::string("\x93NUMPY\x01\x00", 8)));
  const size_t header = static_cast<unsigned char>(npy[8]) + 256u * static_cast<unsigned char>(npy[9]);
  CHECK((10 + header) % 64 == 0);
  CHECK_THAT(npy.substr(10, header), Contains("'descr': '<f8'") && Contains("'shape': " + shape));
  std::vector<double> to((npy.size() - 10 - header) / 8);
  std::memcpy(to.data(), npy.data() + 10 + header, to.size() * 8);
  return to;
}

}  // namespace

TEST_CASE("impute completes a table, which can be fitted again") {
  const std::string out = scratch().path("whole.csv");
  std::filesystem::remove(out);
  const Outcome outcome = lvmc({"impute", fit(), gaps, "--out", out});
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  const auto whole = lines_of(lvm::golden::read(out)), before = lines_of(lvm::golden::read(gaps));
  REQUIRE(whole.size() == before.size());
  CHECK(whole[0] == "eruptions,eruptions_sd,waiting,waiting_sd");
  int completed = 0;
  for (size_t row = 1; row < whole.size(); ++row) {
    const size_t comma = whole[row].find(',');
    CHECK(comma > 0);  // every cell has a value
    if (whole[row][comma + 1] == ',') {
      CHECK(before[row].starts_with(whole[row].substr(0, comma)));
    } else {
      ++completed;
    }
  }
  CHECK(completed > 10);
  CHECK(lvmc({"run", gmm, out, "--bind", "y=eruptions,waiting", "--no-folder", "-q"}).code == 0);
  const Outcome none = lvmc({"impute", fit(), faithful});
  CHECK(none.code == 0);
  CHECK_THAT(none.out, StartsWith("eruptions,waiting\n"));
}

TEST_CASE("missing categories and flags come back as the most probable value") {
  const std::string folder = scratch().path("fit_survey");
  std::string table = lvm::golden::read("examples/data/survey.csv");
  auto lines = lines_of(table);
  std::string holes = lines[0] + "\n";
  for (size_t row = 1; row < lines.size(); ++row)
    holes += (row % 5 == 0 ? lines[row].substr(lines[row].find(',')) : lines[row]) + "\n";
  const std::string model = scratch().write("survey.lvm", [] {
    std::string text = lvm::golden::read("examples/latent_class.lvm");
    const size_t end = text.find('\n', text.find("data "));
    return text.insert(end, " missing");
  }());
  const std::string data = scratch().write("holes.csv", holes);
  const Outcome fitted = lvmc({"run", model, data, "--out", folder, "-q"});
  INFO(fitted.error);
  REQUIRE(fitted.code == 0);
  const Outcome outcome = lvmc({"impute", folder, data, "--json"});
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  const Json json = Json::parse(outcome.out);
  const std::string first = lines[0].substr(0, lines[0].find(','));
  REQUIRE(json.contains(first + "_p"));
  int right = 0, all = 0;
  for (size_t row = 1; row < lines.size(); ++row) {
    const Json& p = json[first + "_p"][row - 1];
    CHECK(p.is_null() == (row % 5 != 0));
    if (p.is_null()) continue;
    CHECK(p.get<double>() >= 1.0 / 3);
    CHECK(p.get<double>() <= 1);
    ++all;
    right += json[first][row - 1] == lines[row].substr(0, lines[row].find(','));
  }
  CHECK(right * 2 > all);  // better than a guess among its values
}

TEST_CASE("what cannot be completed is refused by name") {
  const std::string folder = scratch().path("fit_factors");
  const Outcome fitted = lvmc({"run", "examples/vae.lvm", "examples/data/digits.csv", "--set", "fit.epochs=1",
                               "--out", folder, "-q"});
  REQUIRE(fitted.code == 0);
  const Outcome outcome = lvmc({"impute", folder, "examples/data/digits.csv"});
  CHECK(outcome.code == 1);
  CHECK_THAT(outcome.error, Contains("E0713") && Contains("by gradients"));
}

TEST_CASE("answers are CSV, NumPy's format or JSON, by option or by the ending of the file") {
  const Outcome csv = lvmc({"infer", fit(), gaps});
  CHECK(lvmc({"infer", fit(), gaps, "--format", "csv"}).out == csv.out);
  const Outcome json = lvmc({"infer", fit(), gaps, "--format", "json"});
  CHECK(lvmc({"infer", fit(), gaps, "--json"}).out == json.out);
  const Json columns = Json::parse(json.out);
  const std::vector<double> matrix =
      numbers_of(lvmc({"infer", fit(), gaps, "--format", "npy"}).out, "(272, 3)");
  REQUIRE(matrix.size() == 3 * 272);
  for (size_t row = 0; row < 272; row += 9) CHECK(matrix[3 * row + 1] == columns["z=1"][row].get<double>());
  const std::string npy = scratch().path("scores.npy"), by_ending = scratch().path("scores.json");
  CHECK(lvmc({"score", fit(), gaps, "--out", npy}).code == 0);
  CHECK(lvmc({"score", fit(), gaps, "--out", by_ending}).code == 0);
  const std::vector<double> scores = numbers_of(lvm::golden::read(npy), "(272, 1)");
  const Json scored = Json::parse(lvm::golden::read(by_ending));
  for (size_t row = 0; row < 272; row += 9) CHECK(scores[row] == scored["values"][row].get<double>());
  CHECK_THAT(lvmc({"score", fit(), gaps, "--format", "csv"}).out, StartsWith("row,log_likelihood\n1,"));
  CHECK(numbers_of(lvmc({"sample", fit(), "-n", "7", "--format", "npy"}).out, "(7, 3)").size() == 21);
  // What is written can be read again.
  CHECK(lvmc({"run", "examples/gaussian.lvm", npy, "--no-folder", "-q"}).code == 0);
}

TEST_CASE("questions that are asked wrongly, and answers that cannot be written") {
  for (const std::string command :
       {"infer", "score", "sample", "impute", "doctor", "completion", "explain"}) {
    INFO(command);
    const Outcome help = lvmc({command, "--help"});
    CHECK(help.code == 0);
    CHECK_THAT(help.out, Contains(command));
  }
  for (const std::string command : {"infer", "score", "impute"}) {
    INFO(command);
    CHECK(lvmc({command}).code == 2);
    CHECK(lvmc({command, fit()}).code == 2);
    CHECK(lvmc({command, fit(), gaps, "--format", "xml"}).code == 2);
    CHECK(lvmc({command, fit(), gaps, "--json", "--format", "csv"}).code == 2);
    CHECK(lvmc({command, "no_such_fit", gaps}).code == 4);
    CHECK(lvmc({command, fit(), "no_such_table.csv"}).code == 4);
    CHECK(lvmc({command, gmm, gaps}).code == 1);
    CHECK(lvmc({command, fit(), "examples/data/iris.csv"}).code == 1);
    // A full disk, by the device that is always full.
    const Outcome full = lvmc({command, fit(), gaps, "--format", "csv"}, "", "> /dev/full");
    CHECK(full.code == 4);
    CHECK_THAT(full.error, Contains("No space left"));
    CHECK(lvmc({command, fit(), gaps, "--out", "/dev/full", "--overwrite"}).code == 4);
    // A folder where nothing can be created, whoever asks.
    const Outcome denied = lvmc({command, fit(), gaps, "--out", "/proc/answers.csv"});
    CHECK(denied.code == 4);
    CHECK_THAT(denied.error, Contains("/proc/answers.csv"));
    // A reader that goes away.
    const Outcome closed =
        lvmc({command, fit(), gaps, "--format", "csv"}, "{ ", "; echo \"code $?\" >&2; } | head -n 1");
    CHECK_THAT(closed.error, Contains("code 0"));
    CHECK(lines_of(closed.out).size() == 1);
  }
  CHECK(lvmc({"sample", fit(), "-n", "10"}, "", "> /dev/full").code == 4);
  CHECK(lvmc({"sample", fit(), "-n", "0"}).code == 2);
  CHECK(lvmc({"sample", fit(), "--out", "/proc/rows.csv"}).code == 4);
}

TEST_CASE("doctor tries what a fit needs") {
  const Outcome outcome = lvmc({"doctor"});
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.out,
             Contains("ok    machine code") && Contains("ok    threads") && Contains("ok    folder of runs"));
  CHECK_THAT(outcome.out, !Contains("FAIL"));
  CHECK(lvmc({"doctor", "-q"}).out.empty());
  const Outcome denied = lvmc({"doctor"}, "LVM_RUNS=/proc/runs ");
  CHECK(denied.code == 70);
  CHECK_THAT(denied.out, Contains("FAIL  folder of runs") && Contains("LVM_RUNS"));
  CHECK(lvmc({"doctor", "now"}).code == 2);
  CHECK(lvmc({"doctor"}, "", "> /dev/full").code == 4);
}

TEST_CASE("completion knows the commands and their options") {
  const std::string script = scratch().path("completion.bash");
  const Outcome bash = lvmc({"completion", "bash"});
  REQUIRE(bash.code == 0);
  std::ofstream(script) << bash.out;
  // As bash asks it: the words so far, and which of them is completed.
  const auto completed = [&](const std::string& words, int at) {
    const std::string command = "bash -c 'source " + script + "; COMP_WORDS=(" + words +
                                "); COMP_CWORD=" + std::to_string(at) + "; _lvmc; echo ${COMPREPLY[*]}' > " +
                                scratch().path("completed");
    REQUIRE(std::system(command.c_str()) == 0);
    return lvm::golden::read(scratch().path("completed"));
  };
  CHECK(completed("lvmc im", 1) == "impute\n");
  CHECK(completed("lvmc run --accel", 2) == "--accelerate\n");
  CHECK(completed("lvmc infer --format n", 3) == "npy\n");
  CHECK(completed("lvmc run --color al", 3) == "always\n");
  CHECK_THAT(lvmc({"completion", "zsh"}).out, StartsWith("#compdef lvmc\n") && Contains("'impute:"));
  CHECK_THAT(lvmc({"completion", "fish"}).out, Contains("complete -c lvmc") && Contains("-l accelerate"));
  CHECK(lvmc({"completion", "powershell"}).code == 2);
  CHECK(lvmc({"completion"}).code == 2);
  CHECK(lvmc({"completion", "bash"}, "", "> /dev/full").code == 4);
}

TEST_CASE("explain tells of codes, and of no others") {
  const Outcome known = lvmc({"explain", "E0713"});
  CHECK(known.code == 0);
  CHECK_THAT(known.out, StartsWith("E0713 error (fit_cannot_answer)\n"));
  const Outcome unknown = lvmc({"explain", "E9999"});
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.error, Contains("there is no diagnostic `E9999`"));
  CHECK(lvmc({"explain", "E0713"}, "", "> /dev/full").code == 4);
  CHECK(lvmc({"explain"}).code == 2);
}

TEST_CASE("the manual page has every command") {
  const std::string page = lvm::golden::read("docs/man/lvmc.1");
  for (const std::string command : {"run", "check", "explain", "score", "infer", "impute", "sample", "draw",
                                    "fmt", "doctor", "completion"}) {
    INFO(command);
    CHECK((page.find(".BI \"" + std::string(command) + " ") != std::string::npos ||
           page.find(".B " + std::string(command) + "\n") != std::string::npos));
    CHECK_THAT(lvmc({"--help"}).out, Contains("\n  " + std::string(command)));
  }
}
