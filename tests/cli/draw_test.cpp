// Posteriors, rows and pictures of fitted models, as a user asks for them.

#include "tests/cli/program.h"

using Catch::Contains;
using lvm::cli::lvmc;
using lvm::cli::Outcome;
using lvm::cli::scratch;

namespace {

const std::string digits = "examples/data/digits.csv";

const std::string& vae() {
  static const std::string folder = [] {
    const std::string path = scratch().path("drawn_vae");
    const Outcome outcome =
        lvmc({"run", "examples/vae.lvm", digits, "--out", path, "-q", "--set", "fit.epochs=3"});
    INFO(outcome.error);
    REQUIRE(outcome.code == 0);
    return path;
  }();
  return folder;
}

Outcome draw(const std::string& what, const std::string& out, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"draw", vae(), "--what", what, "--out", out};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return lvmc(arguments);
}

/// Width and height, from the header of a PNG.
std::pair<int, int> size_of(const std::string& path) {
  const std::string bytes = lvm::golden::read(path);
  REQUIRE(bytes.substr(1, 3) == "PNG");
  const auto word = [&](size_t at) {
    return static_cast<unsigned char>(bytes[at + 2]) * 256 + static_cast<unsigned char>(bytes[at + 3]);
  };
  return {word(16), word(20)};
}

}  // namespace

TEST_CASE("pictures of a fitted model are small files that are new") {
  const std::vector<std::tuple<std::string, std::vector<std::string>, std::pair<int, int>>> cases = {
      {"reconstructions", {digits, "-n", "6"}, {2 + 6 * 42, 2 + 2 * 42}},
      {"samples", {"-n", "9"}, {2 + 3 * 42, 2 + 3 * 42}},
      {"manifold", {"-n", "4"}, {2 + 4 * 42, 2 + 4 * 42}},
      {"walk", {digits, "--between", "1,7", "-n", "5"}, {2 + 5 * 42, 2 + 42}},
      {"samples", {"-n", "1", "--shape", "4x16"}, {2 + 50, 2 + 14}},
  };
  int number = 0;
  for (const auto& [what, more, size] : cases) {
    const std::string path = scratch().path("picture" + std::to_string(number++) + ".png");
    const Outcome outcome = draw(what, path, more);
    INFO(what << outcome.error);
    REQUIRE(outcome.code == 0);
    CHECK(size_of(path) == size);
    CHECK(std::filesystem::file_size(path) < 20000);
    CHECK(draw(what, path, more).code == 4);
  }
  const std::string svg = scratch().path("scatter.svg");
  REQUIRE(draw("scatter", svg, {digits, "--label", "digit"}).code == 0);
  CHECK_THAT(lvm::golden::read(svg), Contains(">9</text>") && Contains("z1") && Contains("</svg>"));
}

TEST_CASE("pictures that cannot be are refused") {
  const std::string png = scratch().path("none.png");
  CHECK(lvmc({"draw", "--help"}).code == 0);
  CHECK(lvmc({"draw", vae(), "--what", "samples"}).code == 2);
  CHECK(draw("sample", png, {}).code == 2);
  CHECK(draw("samples", scratch().path("none.svg"), {}).code == 2);
  CHECK(draw("samples", png, {"--shape", "8"}).code == 2);
  CHECK(draw("walk", png, {digits, "--between", "0,1"}).code == 2);
  const std::vector<std::pair<Outcome, std::string>> cases = {
      {draw("samples", png, {"--shape", "7x9"}), "no image of 7 x 9"},
      {draw("walk", png, {digits, "--between", "1,5000"}), "there is no row 5000: the table has 1797"},
      {draw("walk", png, {}), "about the rows of a table"},
      {draw("scatter", scratch().path("none.svg"), {digits, "--label", "nothing"}), "no column `nothing`"},
  };
  for (const auto& [outcome, expected] : cases) {
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.error, Contains("E0713") && Contains(expected));
  }
  CHECK_FALSE(std::filesystem::exists(png));
}

TEST_CASE("posteriors and rows are CSV on stdout or in a new file") {
  const Outcome latents = lvmc({"infer", vae(), digits});
  CHECK(latents.code == 0);
  CHECK(std::count(latents.out.begin(), latents.out.end(), '\n') == 1798);
  CHECK(latents.out.starts_with("z1,z2,z1_sd,z2_sd\n"));
  CHECK_THAT(latents.error, Contains("of 2 latents are active"));
  CHECK(lvmc({"infer", vae(), digits, "-q"}).error.empty());
  const std::string out = scratch().path("rows.csv");
  REQUIRE(lvmc({"sample", vae(), "-n", "7", "--mean", "--out", out}).code == 0);
  const std::string rows = lvm::golden::read(out);
  CHECK(std::count(rows.begin(), rows.end(), '\n') == 8);
  CHECK(lvmc({"sample", vae(), "--out", out}).code == 4);
  CHECK(lvmc({"sample", vae(), "-n", "0"}).code == 2);
  CHECK(lvmc({"infer", vae()}).code == 2);
  CHECK(lvmc({"sample", vae(), "-n", "3", "--seed", "4"}).out ==
        lvmc({"sample", vae(), "-n", "3", "--seed", "4", "--threads", "1"}).out);
  const Outcome remade = lvmc({"sample", vae(), "--given", digits, "--mean"});
  CHECK(remade.code == 0);
  CHECK(std::count(remade.out.begin(), remade.out.end(), '\n') == 1798);
}
