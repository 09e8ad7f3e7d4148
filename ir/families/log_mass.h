#pragma once
// The mass of a distribution between two bounds, as its logarithm: what a truncated density is divided by.

#include "ir/families/family.h"

namespace lvm::ir {

struct Bounds {
  NodeId low = no_node, high = no_node;  // no_node: none, at most one of them
};

using LogMass = std::function<NodeId(Builder&, const Slots& slots, Bounds bounds)>;

/// Empty where the mass is not known in closed form to full precision.
LogMass find_log_mass(std::string_view parameterisation);

}  // namespace lvm::ir
