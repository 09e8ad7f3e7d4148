#pragma once
// The frozen results of tests/oracles.

#include "tests/numeric/json.h"
#include "tests/numeric/models.h"

namespace lvm::numeric {

/// tests/oracles/<name>.json; fails the test where there is none.
Json fixture(const std::string& name);

/// Columns of numbers by name as a table; null is an absent cell.
Data table_of(const Json& columns);

/// The columns of a fixture's example, without the cells whose places it calls removed (row-major).
Data table_with_holes(const Json& test);

/// Nested arrays by name, as the values that a fit can start from.
std::vector<Values> parameters_of(const Json& json);

/// Every element of every parameter, relative to its own size.
void check_parameters(const Fit& fit, const Json& expected, double tolerance);

}  // namespace lvm::numeric
