#pragma once
// The frozen results of tests/oracles.

#include "tests/numeric/json.h"
#include "tests/numeric/models.h"

namespace lvm::numeric {

/// tests/oracles/<name>.json; fails the test where there is none.
Json fixture(const std::string& name);

/// Nested arrays by name, as the values that a fit can start from.
std::vector<Values> parameters_of(const Json& json);

}  // namespace lvm::numeric
