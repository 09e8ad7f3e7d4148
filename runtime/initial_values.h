#pragma once
// Where the gradient route begins: coordinates without bounds for every parameter, in the Program's layout.

#include <map>
#include <string>
#include <vector>

#include "ir/program/program.h"

namespace lvm::runtime {

/// `given` has natural values by name (init and fixed values stand in the slots); what nobody gives is small
/// and random.
std::vector<double> initial_values(const ir::Program& program,
                                   const std::map<std::string, std::vector<double>>& given, uint64_t seed);

}  // namespace lvm::runtime
