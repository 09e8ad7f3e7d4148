#pragma once
// Questions about the parameters that the run time moves itself.

#include <algorithm>
#include <string>

#include "ir/program/program.h"

namespace lvm::ir {

/// Is the parameter a weighted median? The objective then has kinks along it, and no curvature.
inline bool is_median(const Program& program, const std::string& parameter) {
  return std::ranges::find(program.medians, parameter, &Median::parameter) != program.medians.end();
}

}  // namespace lvm::ir
