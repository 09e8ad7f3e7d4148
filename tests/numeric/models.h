#pragma once
// The mixtures that the numeric tests fit, as text, and the parameters that they start from.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/lvm.h"

namespace lvm::numeric {

inline constexpr std::string_view gaussian_forms[] = {"full",          "tied",      "diagonal",
                                                      "tied_diagonal", "spherical", "tied_spherical"};

/// A mixture by the name that the fixtures give it: a covariance form, "bernoulli", "categorical" or
/// "normal_and_categorical".
/// With weights the column `n` weighs the rows.
enum class Weights : uint8_t { none, column };
std::string model_text(std::string_view form, Weights weights = Weights::none);
/// `cov` or `var`: the parameter of a covariance form.
std::string spread_name(std::string_view form);

/// Compiles `model_text(form)` for K components; fails the test with the report if that has errors.
/// `missing`: its data are declared so.
Model compile_mixture(std::string_view form, int64_t K, Weights weights = Weights::none,
                      bool missing = false);
/// Fails the test, with the report, unless all is well.
BoundModel bind_or_fail(const Model& model, const Data& data, const BindOptions& options = {});
Fit fit_or_fail(const BoundModel& bound, const FitOptions& options);

/// The values of a parameter; fails the test when the fit has none of that name.
const std::vector<double>& values(const Fit& fit, const std::string& name);

/// Rows x columns of a host, row-major, as a table whose columns are y1, y2, …
Data table(const std::vector<double>& rows, int64_t columns);
/// examples/data/<name>.csv
Data example(const std::string& name);

}  // namespace lvm::numeric
