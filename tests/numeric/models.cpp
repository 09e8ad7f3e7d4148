#include "tests/numeric/models.h"

#include <catch2/catch.hpp>

namespace lvm::numeric {
namespace {

struct Emission {
  std::string_view form, parameters, density;
};

// The columns of each emission's data are chosen when it is bound.
constexpr Emission emissions[] = {
    {"full", "param mean: real[K, D]  param cov: covariance[K, D]", "Normal(mean[z], cov: cov[z])"},
    {"tied", "param mean: real[K, D]  param cov: covariance[D]", "Normal(mean[z], cov: cov)"},
    {"diagonal", "param mean: real[K, D]  param var: positive[K, D]", "Normal(mean[z], var: var[z])"},
    {"tied_diagonal", "param mean: real[K, D]  param var: positive[D]", "Normal(mean[z], var: var)"},
    {"spherical", "param mean: real[K, D]  param var: positive[K]", "Normal(mean[z], var: var[z])"},
    {"tied_spherical", "param mean: real[K, D]  param var: positive", "Normal(mean[z], var: var)"},
};

std::string mixture(const std::string& declarations, const std::string& factors,
                    const std::string& observed) {
  return "model mixture {\n  axis K = 2\n" + declarations +
         "  param weight: simplex[K]\n  latent z: category[K]\n  P(z) = Categorical(weight)\n" + factors +
         "  q(z | " + observed + ") = exact\n}\n";
}

std::string plain_text(std::string_view form) {
  for (const Emission& emission : emissions) {
    if (emission.form != form) continue;
    return mixture("  axis D = columns\n  data y: real[D]\n  " + std::string(emission.parameters) + "\n",
                   "  P(y | z) = " + std::string(emission.density) + "\n", "y");
  }
  if (form == "bernoulli") {
    return mixture("  axis D = columns\n  data y: bool[D]\n  param p: unit[K, D]\n",
                   "  P(y | z) = Bernoulli(p[z])\n", "y");
  }
  if (form == "categorical") {
    return mixture("  axis V = levels\n  data c: category[V]\n  param p: simplex[K, V]\n",
                   "  P(c | z) = Categorical(p[z])\n", "c");
  }
  if (form == "latent_class") {
    return mixture(
        "  axis D = columns\n  axis V = levels\n  data c: category[D, V]\n  param p: simplex[K, D, V]\n",
        "  P(c | z) = Categorical(p[z])\n", "c");
  }
  if (form == "normal_and_categorical") {
    return mixture(
        "  axis V = levels\n  data y: real\n  data c: category[V]\n"
        "  param mean: real[K]\n  param var: positive[K]\n  param p: simplex[K, V]\n",
        "  P(y | z) = Normal(mean[z], var: var[z])\n  P(c | z) = Categorical(p[z])\n", "y, c");
  }
  FAIL("no model for " << form);
  return "";
}

}  // namespace

std::string model_text(std::string_view form, Weights weights) {
  std::string text = plain_text(form);
  if (weights == Weights::column) text.insert(text.rfind('}'), "  weight n\n");
  return text;
}

std::string spread_name(std::string_view form) {
  return form == "full" || form == "tied" ? "cov" : "var";
}

Model compile_mixture(std::string_view form, int64_t K, Weights weights, bool missing) {
  std::string text = model_text(form, weights);
  if (missing) text.insert(text.find('\n', text.find("  data ")), " missing");
  Model model = compile(text, {.file_name = std::string(form), .settings = {{"K", std::to_string(K)}}});
  INFO(model.report().render());
  REQUIRE(model.ok());
  return model;
}

BoundModel bind_or_fail(const Model& model, const Data& data, const BindOptions& options) {
  BoundModel bound = bind(model, data, options);
  INFO(bound.report().render());
  REQUIRE(bound.ok());
  return bound;
}

Fit fit_or_fail(const BoundModel& bound, const FitOptions& options) {
  Fit result = fit(bound, options);
  INFO(result.report().render());
  REQUIRE(result.ok());
  return result;
}

const std::vector<double>& values(const Fit& fit, const std::string& name) {
  const Parameter* parameter = fit.find(name);
  INFO("parameter " << name);
  REQUIRE(parameter != nullptr);
  return parameter->values;
}

Data table(const std::vector<double>& rows, int64_t columns) {
  std::vector<HostColumn> host;
  for (int64_t d = 0; d < columns; ++d) {
    host.push_back({"y" + std::to_string(d + 1), rows.data() + d, columns});
  }
  return make_data(host, static_cast<int64_t>(rows.size()) / columns);
}

Data example(const std::string& name) {
  Data data = read_data({std::string(LVM_SOURCE_DIR) + "/examples/data/" + name + ".csv"});
  INFO(data.report().render());
  REQUIRE(data.ok());
  return data;
}

}  // namespace lvm::numeric
