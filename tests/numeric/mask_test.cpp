// Structural zeros in tables of probabilities.

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

/// Two questions: the second has answers 0 … 3, the first 0 and 1.
struct Answers {
  std::vector<double> first, second;
  Answers() {
    for (int row = 0; row < 120; ++row) {
      const int group = row % 2;
      first.push_back((row % 7 < 2) == (group == 0) ? 1 : 0);
      second.push_back((2 * group + (row % 5 < 3 ? 0 : row % 3)) % 4);
    }
  }
  Data data() const {
    return make_data({{"y1", first.data(), 1}, {"y2", second.data(), 1}}, static_cast<int64_t>(first.size()));
  }
};

BoundModel items(const std::string& mask, const Data& data) {
  const Model model = compile(
      "model items {\n  axis K = 2\n  axis D = 2\n  axis V = 4\n  data y: category[D, V]\n  param weight: "
      "simplex[K]\n"
      "  param p: simplex[K, D, V]" +
      mask +
      "\n  latent z: category[K]\n  P(z) = Categorical(weight)\n  P(y | z) = Categorical(p[z])\n  q(z | y) = "
      "exact\n}\n");
  INFO(model.report().render());
  REQUIRE(model.ok());
  return bind_or_fail(model, data);
}

}  // namespace

TEST_CASE("items of different numbers of levels: a mask counts what is free") {
  const Data data = Answers().data();
  const std::vector<double> p = {0.4, 0.6, 0, 0, 0.4, 0.3, 0.2, 0.1, 0.7, 0.3, 0, 0, 0.1, 0.2, 0.3, 0.4};
  const FitOptions options{.tolerance = 1e-10, .init = {{"weight", {2}, {0.5, 0.5}}, {"p", {2, 2, 4}, p}}};
  const std::string mask = " mask [[[1, 1, 0, 0], [1, 1, 1, 1]], [[1, 1, 0, 0], [1, 1, 1, 1]]]";
  const Fit masked = fit_or_fail(items(mask, data), options);
  const Fit plain = fit_or_fail(items("", data), options);
  // Levels that no row has are never estimated above zero: the mask changes what is counted, and no value.
  CHECK(plain.free_parameters == 1 + 2 * 2 * 3);
  CHECK(masked.free_parameters == 1 + 2 * (1 + 3));
  CHECK(masked.objective == plain.objective);
  CHECK(values(masked, "p") == values(plain, "p"));
}

TEST_CASE("a masked probability is zero from the start on, and the others climb") {
  const Data data = Answers().data();
  // The second group never gives the last answer.
  const BoundModel bound = items(" mask [[[1, 1, 0, 0], [1, 1, 1, 1]], [[1, 1, 0, 0], [1, 1, 1, 0]]]", data);
  for (const Backend backend : {Backend::compiled, Backend::interpreter}) {
    for (const uint64_t seed : {1, 2, 3, 4}) {
      FitOptions options{.tolerance = 1e-10, .seed = seed};
      options.backend = backend;
      const Fit fit = fit_or_fail(bound, options);
      CHECK(fit.converged);
      CHECK(values(fit, "p")[15] == 0);
      for (size_t i = 1; i < fit.trace.size(); ++i)
        CHECK(fit.trace[i] >= fit.trace[i - 1] - 1e-12 * std::abs(fit.trace[i]));
      for (size_t row = 0; row < 4; ++row) {
        double sum = 0;
        for (size_t v = 0; v < 4; ++v) sum += values(fit, "p")[4 * row + v];
        CHECK(sum == Approx(1).epsilon(1e-14));
      }
      // All rows with the last answer are then of the first group.
      const std::vector<double> r = fit.responsibilities();
      const Answers answers;
      for (size_t row = 0; row < answers.second.size(); ++row) {
        if (answers.second[row] == 3) CHECK(r[2 * row] == 1);
      }
    }
  }
}

TEST_CASE("a given start must hold the zeros of a mask") {
  const Data data = Answers().data();
  const BoundModel bound = items(" mask [[[1, 1, 0, 0], [1, 1, 1, 1]], [[1, 1, 0, 0], [1, 1, 1, 0]]]", data);
  const std::vector<double> p = {0.5, 0.5, 0, 0, 0.25, 0.25, 0.25, 0.25,
                                 0.5, 0.5, 0, 0, 0.25, 0.25, 0.25, 0.25};
  const Fit refused = fit(bound, {.init = {{"weight", {2}, {0.5, 0.5}}, {"p", {2, 2, 4}, p}}});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.report().render().find("`p[2, 2, 4]` is 0.25, which its mask holds at zero") !=
        std::string::npos);
}

}  // namespace lvm::numeric
