// The reference implementations on their own data and protocols, against the numbers that they print. MNIST
// and the Frey faces are no part of lvm: they are looked for in the folder LVM_DATA.
// Minutes each: they run where LVM_LONG=1.

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/bfloat16.h"
#include "tests/cli/program.h"

using lvm::cli::lvmc;
using lvm::cli::Outcome;
using lvm::cli::scratch;
using Json = nlohmann::ordered_json;

namespace {

std::string data(const std::string& file) {
  const char* folder = std::getenv("LVM_DATA");
  return std::string(folder ? folder : "LVM_DATA") + "/" + file;
}

const std::string train = data("mnist/train-images-idx3-ubyte.gz"),
                  test = data("mnist/t10k-images-idx3-ubyte.gz"), faces = data("frey/frey-idx3-ubyte.gz");

bool runs(const std::string& file) {
  if (!std::filesystem::exists(file)) {
    WARN("skipped: there is no " << file);
    return false;
  }
  if (std::getenv("LVM_LONG") != nullptr) return true;
  WARN("skipped: it takes minutes, and LVM_LONG=1 asks for it");
  return false;
}

/// An epoch of trace.csv, in nats a row: the mean of what its steps climbed, and the bound of the held-out
/// rows behind it.
struct Epoch {
  double climbed = 0, held_out = 0;
};

struct Trained {
  std::vector<Epoch> epochs;  // from 1
  std::string folder;
  const Epoch& at(size_t epoch) const { return epochs.at(epoch - 1); }
};

Trained trained(const std::string& name, const std::string& model, const std::vector<std::string>& more) {
  Trained to;
  to.folder = scratch().path(name);
  std::vector<std::string> arguments = {
      "run", model.ends_with(".lvm") ? model : "examples/references/" + model + ".lvm"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  arguments.insert(arguments.end(), {"--out", to.folder, "--json"});
  const Outcome outcome = lvmc(arguments);
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  const Json json = Json::parse(outcome.out);
  const bool held = json.contains("held_out");
  const double out = held ? json["held_out"]["rows"].get<double>() : 0,
               rows = json["rows"].get<double>() - out;
  std::istringstream lines(lvm::golden::read(to.folder + "/trace.csv"));
  std::string line;
  for (std::getline(lines, line); std::getline(lines, line);) {
    std::istringstream cells(line);
    std::vector<double> numbers;
    for (std::string cell; std::getline(cells, cell, ',');)
      numbers.push_back(cell.empty() ? 0 : std::stod(cell));
    to.epochs.push_back({numbers.at(2) / rows, held ? numbers.at(5) / out : 0});
  }
  return to;
}

}  // namespace

TEST_CASE("grey MNIST: PyTorch's example comes to its bound in ten epochs, in bfloat16 too") {
  if (!runs(train)) return;
  const double single = trained("pytorch", "pytorch", {train, test}).at(10).held_out;
  CHECK(single >= -106.2);
  if (!lvm::runtime::has_bfloat16()) return;
  const double narrow =
      trained("pytorch_bf16", "pytorch", {train, test, "--precision", "bf16"}).at(10).held_out;
  CHECK(narrow >= -106.2);
  CHECK(narrow == Approx(single).margin(0.3));
}

TEST_CASE("MNIST at a threshold: mat-vae's bounds on its split") {
  if (!runs(train)) return;
  const Trained adam = trained("mat_vae", "mat_vae", {train});
  CHECK(adam.at(5).held_out >= -106.5);
  CHECK(adam.at(10).held_out >= -97.5);
  const Trained cosine = trained("mat_vae_cosine", "mat_vae",
                                 {train, "--set", "fit.optimizer=adam(rate: 4e-3, schedule: cosine)"});
  CHECK(cosine.at(10).held_out >= -92.15);  // what mat-vae reaches there
}

TEST_CASE("grey MNIST: the training cost that jmetzen prints") {
  if (!runs(train)) return;
  const Trained wide = trained("jmetzen", "jmetzen", {train, "--set", "fit.epochs=21"});
  CHECK(-wide.at(6).climbed <= 110.45 + 2);
  CHECK(-wide.at(21).climbed <= 101.20 + 2);
  const Trained plane =
      trained("jmetzen_plane", "jmetzen", {train, "--set", "fit.epochs=21", "--set", "L=2"});
  CHECK(-plane.at(6).climbed <= 153.52 + 2);
  CHECK(-plane.at(21).climbed <= 144.19 + 2);
}

TEST_CASE("Frey faces: the bound of frames that were held out rises") {
  if (!runs(faces)) return;
  for (const char* model : {"y0ast_faces", "kingma_faces"}) {
    INFO(model);
    const Trained run = trained(model, model, {faces});
    double before = -1e300;
    for (size_t last = 20; last <= 100; last += 20) {  // means of twenty epochs: a single one is noisy
      double mean = 0;
      for (size_t epoch = last - 19; epoch <= last; ++epoch) mean += run.at(epoch).held_out / 20;
      CHECK(mean > before);
      before = mean;
    }
  }
}

TEST_CASE("grey MNIST: convolutions have a better bound than the dense model of the same latents") {
  if (!runs(test)) return;
  const std::vector<std::string> ten_thousand = {test, "--set", "fit.epochs=5", "--set", "fit.holdout=2000"};
  std::string text = lvm::golden::read(std::string(LVM_SOURCE_DIR) + "/bench/peers/vae_conv.lvm");
  const std::string declared = "data   y: unit[channel, rows, cols]";
  REQUIRE(text.find(declared) != std::string::npos);
  text.insert(text.find(declared) + declared.size(), " = scale(columns(\"*\"), 0..255)");
  const Trained images = trained("images", scratch().write("images.lvm", text), ten_thousand);
  const Trained dense = trained("dense", "pytorch", ten_thousand);
  CHECK(images.at(5).held_out > dense.at(5).held_out);
}

TEST_CASE("MNIST drawn anew: importance weights tighten the bound, and the bound is below ln P") {
  if (!runs(train)) return;
  const Trained weighted =
      trained("iwae", "iwae", {test, "--set", "fit.epochs=5", "--set", "fit.holdout=2000"});
  const Trained plain =
      trained("iwae_elbo", "iwae",
              {test, "--set", "fit.epochs=5", "--set", "fit.holdout=2000", "--set", "fit.objective=elbo"});
  CHECK(weighted.at(5).held_out > plain.at(5).held_out);
  for (const Trained& run : {weighted, plain}) {
    const Outcome bound = lvmc({"score", run.folder, test, "--json"}),
                  sampled = lvmc({"score", run.folder, test, "--importance", "20", "--json"});
    INFO(bound.error << sampled.error);
    REQUIRE(bound.code + sampled.code == 0);
    CHECK(Json::parse(sampled.out)["total"].get<double>() > Json::parse(bound.out)["total"].get<double>());
  }
}
