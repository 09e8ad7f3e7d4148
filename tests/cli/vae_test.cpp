// The examples of the gradient route, as a user runs them.

#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/bfloat16.h"
#include "tests/cli/program.h"

using Catch::Contains;
using lvm::cli::lvmc;
using lvm::cli::Outcome;
using Json = nlohmann::ordered_json;

namespace {

const std::string digits = "examples/data/digits.csv";

Json run_json(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"run"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  arguments.insert(arguments.end(), {"--json", "--no-folder"});
  const Outcome outcome = lvmc(arguments);
  INFO(outcome.error);
  REQUIRE(outcome.code == 0);
  return Json::parse(outcome.out);
}

}  // namespace

TEST_CASE("a VAE of digits beats independent pixels on images that it has not seen") {
  // A Bernoulli for each pixel with the mean of the rows that are trained on: what latents that tell nothing
  // come to.
  constexpr double independent_pixels = -26.4359;
  for (const char* model : {"examples/vae.lvm", "examples/vae_images.lvm"}) {
    INFO(model);
    const Json json = run_json({model, digits, "--set", "fit.epochs=15"});
    CHECK(json["method"] == "gradient");
    CHECK(json["objective"]["name"] == "cross_entropy_bound");
    CHECK(json["held_out"]["rows"] == 179);
    CHECK(json["held_out"]["per_row"].get<double>() > independent_pixels + 0.5);
    CHECK(json["iterations"] == 15);
  }
}

TEST_CASE("the trace of a run has the parts of its bound, and nothing of rows that are not held out") {
  for (const char* holdout : {"0", "100"}) {
    const std::string folder = lvm::cli::scratch().path(std::string("trace") + holdout);
    const Outcome outcome =
        lvmc({"run", "examples/vae.lvm", digits, "--set", std::string("fit.holdout=") + holdout, "--set",
              "fit.epochs=2", "--out", folder});
    INFO(outcome.error);
    REQUIRE(outcome.code == 0);
    std::istringstream lines(lvm::golden::read(folder + "/trace.csv"));
    std::string line;
    std::getline(lines, line);
    CHECK(line == "epoch,seconds,objective,reconstruction,divergence,held_out");
    int epochs = 0;
    while (std::getline(lines, line)) {
      std::vector<std::string> cells(1);
      for (const char c : line) {
        if (c == ',')
          cells.emplace_back();
        else
          cells.back() += c;
      }
      REQUIRE(cells.size() == 6);
      CHECK(std::stod(cells[2]) == Approx(std::stod(cells[3]) - std::stod(cells[4])).epsilon(1e-6));
      CHECK(cells[5].empty() == (std::string(holdout) == "0"));
      ++epochs;
    }
    CHECK(epochs == 2);
  }
}

TEST_CASE("the same seed trains to the same bits on any number of threads") {
  const Json one = run_json({"examples/vae.lvm", digits, "--set", "fit.epochs=2", "--threads", "1"});
  for (const char* threads : {"2", "4"}) {
    const Json more = run_json({"examples/vae.lvm", digits, "--set", "fit.epochs=2", "--threads", threads});
    CHECK(more["objective"] == one["objective"]);
    CHECK(more["parameters"] == one["parameters"]);
  }
}

TEST_CASE(
    "products in bfloat16 train as single precision does, and are refused where the processor has none") {
  const std::vector<std::string> arguments = {"examples/vae.lvm", digits, "--set", "fit.epochs=5"};
  const auto with = [&](const char* precision) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--precision", precision});
    return all;
  };
  // oneDNN is told of a lesser processor.
  std::vector<std::string> run = {"run", "--no-folder"};
  run.insert(run.end(), arguments.begin(), arguments.end());
  run.insert(run.end(), {"--precision", "bf16"});
  const Outcome refused = lvmc(run, "DNNL_MAX_CPU_ISA=AVX2");
  CHECK(refused.code == 1);
  CHECK_THAT(refused.error, Contains("E0604") && Contains("no products of bfloat16 numbers") &&
                                Contains("take `precision = single`"));
  if (!lvm::runtime::has_bfloat16()) return;
  const std::string folder = lvm::cli::scratch().path("narrow");
  run = {"run", "--out", folder, "--precision", "bf16"};
  run.insert(run.end(), arguments.begin(), arguments.end());
  CHECK(lvmc(run).code == 0);
  // What is trained there is scored anywhere.
  const Outcome scored = lvmc({"score", folder + "/fit.lvmfit", digits}, "DNNL_MAX_CPU_ISA=AVX2");
  INFO(scored.error);
  CHECK(scored.code == 0);
  const Json single = run_json(with("single")), narrow = run_json(with("bf16"));
  CHECK(narrow["held_out"]["per_row"] != single["held_out"]["per_row"]);
  CHECK(narrow["held_out"]["per_row"].get<double>() ==
        Approx(single["held_out"]["per_row"].get<double>()).margin(0.3));
}

TEST_CASE("an optimiser is set with its options, and several are swept") {
  const Json json = run_json({"examples/linear_vae.lvm", "examples/data/iris.csv", "--set", "fit.epochs=2",
                              "--set", "fit.optimizer=adam(rate: 0.05, beta1: 0.8)"});
  CHECK(json["plan"].back()["reason"] == "adam, in its logarithm");
  const Outcome wrong = lvmc({"run", "examples/linear_vae.lvm", "examples/data/iris.csv", "--set",
                              "fit.optimizer=adam(rat: 1)", "--no-folder"});
  CHECK(wrong.code == 1);
  CHECK_THAT(wrong.error, Contains("`adam` has no option `rat`"));
}

TEST_CASE("the summary counts a network's weights, and the plan names the networks") {
  const Outcome outcome = lvmc({"run", "examples/vae.lvm", digits, "--set", "fit.epochs=1", "--no-folder"});
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.out, Contains("encode           8836 weights") &&
                              Contains("adam, 6 blocks of weights") && Contains("held out"));
}

TEST_CASE("certificates of a VAE") {
  const Outcome outcome = lvmc({"check", "examples/vae.lvm", digits, "--certify"});
  INFO(outcome.error);
  CHECK(outcome.code == 0);
  CHECK_THAT(
      outcome.out,
      Contains("encode.h.weight       gradient  certified  its derivative is that of central differences"));
}

TEST_CASE("every reference model is well formed") {
  for (const char* name : {"chainer", "edward", "edward_conv", "iwae", "jmetzen", "keras", "keras_images",
                           "kingma", "kingma_faces", "mat_vae", "pytorch", "y0ast", "y0ast_faces"}) {
    const Outcome outcome = lvmc({"check", std::string("examples/references/") + name + ".lvm"});
    INFO(name << outcome.error);
    CHECK(outcome.code == 0);
  }
  CHECK(lvmc({"check", "examples/fashion.lvm"}).code == 0);
}

TEST_CASE("the precision is a setting of its own") {
  const auto bound = [](const char* precision) {
    return run_json({"examples/vae.lvm", digits, "--set", "fit.epochs=1", "--precision",
                     precision})["objective"]["value"]
        .get<double>();
  };
  CHECK(bound("single") != bound("double"));
  CHECK(bound("single") == Approx(bound("double")).epsilon(1e-3));
  const Outcome wrong = lvmc({"run", "examples/vae.lvm", digits, "--precision", "half"});
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.error, Contains("{single,double,bf16}"));
}
