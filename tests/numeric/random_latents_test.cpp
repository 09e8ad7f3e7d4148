// Random models of one to three finite latents: depending on each other or not, seen in some rows or none,
// with factors over any of them, weights or none, exact or point. Compiled code against the interpreter, the
// climb, the same bits on any number of threads.

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "tests/numeric/random_fit.h"

namespace lvm::numeric {
namespace {

class RandomLatents {
 public:
  explicit RandomLatents(uint64_t seed) : engine_(seed * 0x9E3779B97F4A7C15u + 7) {
    rows_ = whole(30, 200);
    point_ = whole(0, 2) == 0;
    const int64_t latents = whole(1, 3);
    for (int64_t i = 0; i < latents; ++i) add_latent(i);
    const int64_t observed = whole(1, 3);
    for (int64_t i = 0; i < observed; ++i) add_observed(i);
    if (whole(0, 2) == 0) add_weights();
    add_posterior();
  }

  std::string text() const { return "model m {\n" + declarations_ + factors_ + "}\n"; }
  Data table() const {
    std::vector<HostColumn> host;
    for (const auto& [name, cells] : columns_) host.push_back({name, cells.data(), 1});
    return make_data(host, rows_);
  }

 private:
  struct Latent {
    std::string name, axis;
    bool labelled = false;
    std::vector<double> values;
  };

  int64_t whole(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine_);
  }
  double normal() { return normal_(engine_); }

  void add_latent(int64_t i) {
    const char letter = static_cast<char>('a' + i);
    Latent latent{std::string(1, letter), std::string(1, static_cast<char>('A' + i)), false, {}};
    const int64_t size = whole(1, 4);
    latent.labelled = whole(0, 3) == 0;
    for (int64_t row = 0; row < rows_; ++row)
      latent.values.push_back(static_cast<double>(whole(0, size - 1)));
    declarations_ += "  axis " + latent.axis + " = " + std::to_string(size) + "\n";
    if (latent.labelled) {
      declarations_ += "  data " + latent.name + ": category[" + latent.axis + "] missing\n";
      std::vector<double> cells = latent.values;
      for (double& cell : cells) cell = whole(0, 2) > 0 ? std::numeric_limits<double>::quiet_NaN() : cell;
      // Every level is seen, so that labels mean the same for any draw.
      for (int64_t k = 0; k < size; ++k) cells[static_cast<size_t>(k)] = static_cast<double>(k);
      columns_.emplace_back(latent.name, std::move(cells));
    } else {
      declarations_ += "  latent " + latent.name + ": category[" + latent.axis + "]\n";
    }
    const Latent* parent =
        i > 0 && whole(0, 1) == 0 ? &latents_[static_cast<size_t>(whole(0, i - 1))] : nullptr;
    const std::string table = "t" + latent.name;
    declarations_ +=
        "  param " + table + ": simplex[" + (parent ? parent->axis + ", " : "") + latent.axis + "]\n";
    factors_ += "  P(" + latent.name + (parent ? " | " + parent->name : "") + ") = Categorical(" + table +
                (parent ? "[" + parent->name + "]" : "") + ")\n";
    latents_.push_back(std::move(latent));
  }

  /// Some latents, none twice, in their order.
  std::vector<const Latent*> some_latents() {
    std::vector<const Latent*> some;
    for (const Latent& latent : latents_) {
      if (whole(0, 1) == 0) some.push_back(&latent);
    }
    return some;
  }

  void add_observed(int64_t i) {
    const std::string name = "y" + std::to_string(i + 1), parameter = "p" + std::to_string(i + 1);
    const std::vector<const Latent*> parents = some_latents();
    std::string axes, indices, names;
    for (const Latent* parent : parents) {
      axes += (axes.empty() ? "" : ", ") + parent->axis;
      indices += "[" + parent->name + "]";
      names += (names.empty() ? " | " : ", ") + parent->name;
    }
    const auto centre = [&](int64_t row) {
      double sum = 0, scale = 1;
      for (const Latent* parent : parents) sum += (scale *= 2.5) * parent->values[static_cast<size_t>(row)];
      return sum;
    };
    std::vector<double> cells;
    switch (whole(0, 2)) {
      case 0: {
        declarations_ += "  data " + name + ": real\n  param " + parameter + ": real" +
                         (axes.empty() ? "" : "[" + axes + "]") + "\n  param v" + name + ": positive\n";
        factors_ += "  P(" + name + names + ") = Normal(" + parameter + indices + ", var: v" + name + ")\n";
        for (int64_t row = 0; row < rows_; ++row) cells.push_back(centre(row) + normal());
        break;
      }
      case 1: {
        declarations_ += "  data " + name + ": bool\n  param " + parameter + ": unit" +
                         (axes.empty() ? "" : "[" + axes + "]") + "\n";
        factors_ += "  P(" + name + names + ") = Bernoulli(" + parameter + indices + ")\n";
        for (int64_t row = 0; row < rows_; ++row) cells.push_back(centre(row) + 2 * normal() > 2 ? 1 : 0);
        break;
      }
      default: {
        const std::string levels = "V" + std::to_string(i + 1);
        declarations_ += "  axis " + levels + " = 3\n  data " + name + ": category[" + levels +
                         "]\n  param " + parameter + ": simplex[" + axes + (axes.empty() ? "" : ", ") +
                         levels + "]\n";
        factors_ += "  P(" + name + names + ") = Categorical(" + parameter + indices + ")\n";
        for (int64_t row = 0; row < rows_; ++row) {
          const auto typical = static_cast<int64_t>(centre(row)) % 3;
          cells.push_back(static_cast<double>(row < 3 ? row : whole(0, 1) == 0 ? typical : whole(0, 2)));
        }
      }
    }
    columns_.emplace_back(name, std::move(cells));
    observed_.push_back(name);
  }

  void add_weights() {
    declarations_ += "  weight n\n";
    std::vector<double> cells;
    for (int64_t row = 0; row < rows_; ++row) cells.push_back(static_cast<double>(whole(0, 3)) / 2);
    cells[0] = 1;
    columns_.emplace_back("n", std::move(cells));
  }

  void add_posterior() {
    if (!point_) return;  // exact is what is chosen
    std::string left, right;
    for (const Latent& latent : latents_) left += (left.empty() ? "" : ", ") + latent.name;
    for (const std::string& name : observed_) right += (right.empty() ? "" : ", ") + name;
    factors_ += "  q(" + left + " | " + right + ") = point\n";
  }

  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_;
  int64_t rows_ = 0;
  bool point_ = false;
  std::string declarations_, factors_;
  std::vector<Latent> latents_;
  std::vector<std::string> observed_;
  std::vector<std::pair<std::string, std::vector<double>>> columns_;
};

}  // namespace

TEST_CASE(
    "random finite latents: compiled code equals the interpreter, climbs, and does not depend on threads") {
  int fitted = 0;
  constexpr uint64_t cases = 80;
  for (uint64_t seed = 0; seed < cases; ++seed) {
    const RandomLatents random(seed);
    INFO("case " << seed << "\n" << random.text());
    const Model model = compile(random.text());
    INFO(model.report().render());
    REQUIRE(model.ok());
    const BoundModel bound = bind_or_fail(model, random.table());
    fitted += check_climb(bound, 1e-12) ? 1 : 0;
  }
  CHECK(fitted >= static_cast<int>(cases) * 3 / 4);
}

}  // namespace lvm::numeric
