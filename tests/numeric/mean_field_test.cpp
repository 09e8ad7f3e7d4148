// Latents of groups and of the whole model, against tests/oracles/mean_field.py, which finds the same without lvm.

#include <catch2/catch.hpp>

#include "tests/numeric/fixture.h"

namespace lvm::numeric {
namespace {

BoundModel example_model(const std::string& name, const std::string& data, const BindOptions& options = {}) {
  const Model model = compile_file(std::string(LVM_SOURCE_DIR) + "/examples/" + name + ".lvm");
  INFO(model.report().render());
  REQUIRE(model.ok());
  return bind_or_fail(model, example(data), options);
}

}  // namespace

TEST_CASE("Dirichlet-multinomial: the fit is the maximum of the marginal likelihood") {
  const Json test = fixture("mean_field")["menus"];
  const Fit fit = fit_or_fail(example_model("menus", "menus"), {.iterations = 10'000, .tolerance = 1e-10});
  CHECK(fit.converged);
  CHECK(fit.objective == Approx(test["log_likelihood"].number()).margin(1e-7).epsilon(0));
  for (size_t v = 0; v < 4; ++v) CHECK(values(fit, "alpha")[v] == Approx(test["alpha"].array()[v].number()).epsilon(1e-5));
}

}  // namespace lvm::numeric
