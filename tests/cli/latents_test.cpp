// Finite latents and flags in models that are trained by gradients, as a user fits and asks them.

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/cli/program.h"

using Catch::Contains;
using lvm::cli::lvmc;
using lvm::cli::Outcome;
using lvm::cli::scratch;
using Json = nlohmann::ordered_json;

namespace {

const std::string digits = "examples/data/digits.csv", flags = "examples/data/digits_binary.csv",
                  iris = "examples/data/iris_labels.csv";

/// Fits once a model; returns the folder of the run.
std::string fitted(const std::string& model, const std::string& data, const std::string& epochs) {
  const std::string folder = scratch().path("latents_" + model);
  if (std::filesystem::exists(folder)) return folder;
  const Outcome outcome = lvmc(
      {"run", "examples/" + model + ".lvm", data, "--set", "fit.epochs=" + epochs, "--out", folder, "-q"});
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

Json result_of(const std::string& folder) {
  return Json::parse(lvm::golden::read(folder + "/result.json"));
}
Json scored(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"score"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  all.emplace_back("--json");
  return Json::parse(asked(all).out);
}

/// The cells of a table without quotes, its header first.
std::vector<std::vector<std::string>> cells_of(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    rows.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}

}  // namespace

TEST_CASE("clusters of a VAE: held-out bound, probabilities that add up to 1, rows that are drawn") {
  const std::string folder = fitted("clustered_vae", digits, "12");
  constexpr double independent_pixels = -26.4359;  // of the same rows (vae_test.cpp)
  CHECK(result_of(folder)["held_out"]["per_row"].get<double>() > independent_pixels + 0.5);
  const auto rows = cells_of(asked({"infer", folder, digits}).out);
  REQUIRE(rows.size() == 1798);
  CHECK(rows[0][0] == "k");
  CHECK(rows[0][1] == "k=1");
  CHECK(rows[0][11] == "z1");
  std::set<std::string> used;
  for (size_t row = 1; row < rows.size(); ++row) {
    double sum = 0, greatest = 0;
    for (size_t k = 1; k <= 10; ++k) {
      sum += std::stod(rows[row][k]);
      greatest = std::max(greatest, std::stod(rows[row][k]));
    }
    CHECK(sum == Approx(1).epsilon(1e-4));
    used.insert(rows[row][0]);
    CHECK(std::stod(rows[row][static_cast<size_t>(std::stoi(rows[row][0]))]) == greatest);
  }
  CHECK(used.size() > 1);
  CHECK(cells_of(asked({"sample", folder, "-n", "7"}).out).size() == 8);
  CHECK(cells_of(asked({"sample", folder, "--given", digits, "--mean"}).out).size() == 1798);
}

TEST_CASE("labels of some rows: those that are written stay, the others are found") {
  const std::string folder = fitted("semi_supervised", iris, "150");
  const auto table = cells_of(lvm::golden::read(std::string(LVM_SOURCE_DIR) + "/" + iris)),
             rows = cells_of(asked({"infer", folder, iris}).out);
  REQUIRE(rows.size() == table.size());
  const auto label = static_cast<size_t>(std::ranges::find(table[0], "Species") - table[0].begin());
  REQUIRE(label < table[0].size());
  int64_t written = 0, kept = 0;
  for (size_t row = 1; row < rows.size(); ++row) {
    if (label >= table[row].size() || table[row][label].empty() || table[row][label] == "NA") continue;
    ++written;
    kept += table[row][label] == rows[row][0] ? 1 : 0;
  }
  CHECK(written > 10);
  CHECK(kept == written);
  // The bound of importance weights, summed over the labels, is above that of q.
  const Json weights = scored({folder, iris, "--importance", "100"});
  CHECK(weights["total"].get<double>() > weights["bound"]["total"].get<double>());
}

TEST_CASE(
    "flags by a score function: better than independent pixels, and the same bits on any number of threads") {
  const std::string folder = fitted("binary_latents", flags, "15");
  const auto table = cells_of(lvm::golden::read(std::string(LVM_SOURCE_DIR) + "/" + flags));
  // A Bernoulli for each pixel with the mean of the rows that are trained on.
  const size_t pixels = table[0].size(), trained = 1618;
  std::vector<double> p(pixels, 0.5);
  for (size_t row = 1; row <= trained; ++row) {
    for (size_t d = 0; d < pixels; ++d) p[d] += std::stod(table[row][d]);
  }
  double independent = 0;
  for (size_t row = trained + 1; row < table.size(); ++row) {
    for (size_t d = 0; d < pixels; ++d)
      independent += std::log(table[row][d] == "1" ? p[d] / (trained + 1) : 1 - p[d] / (trained + 1));
  }
  independent /= static_cast<double>(table.size() - 1 - trained);
  const double held_out = result_of(folder)["held_out"]["per_row"].get<double>();
  INFO(independent << " " << held_out);
  CHECK(held_out > independent + 2);
  const auto run = [](const char* threads) {
    return Json::parse(asked({"run", "examples/binary_latents.lvm", flags, "--set", "fit.epochs=2",
                              "--threads", threads, "--json", "--no-folder"})
                           .out);
  };
  const Json one = run("1");
  for (const char* threads : {"2", "4"}) CHECK(run(threads)["parameters"] == one["parameters"]);
}

TEST_CASE("the plan says which estimator a latent has, and why") {
  const Outcome summed = asked({"explain", "examples/clustered_vae.lvm", digits}),
                score = asked({"explain", "examples/binary_latents.lvm", flags});
  CHECK_THAT(summed.out, Contains("enumerate          exact        summed over its 10 values") &&
                             Contains("k: E and H as ln Σ_k exp of all that depends on it"));
  CHECK_THAT(score.out, Contains("score function") &&
                            Contains("(f - baseline) ∇ ln q, less the mean of the other draws; its "
                                     "divergence from P in closed form") &&
                            Contains("4 draws of each row"));
}
