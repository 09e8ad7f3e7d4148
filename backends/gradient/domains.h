#pragma once
// Coordinates without bounds for parameters that have some: what the optimiser steps in.

#include "ir/model/model.h"

namespace lvm::gradient {

/// The parameter from its coordinates u (of the same axes): u, e^u, 1 / (1 + e^-u), or softmax over the event
/// axis.
ir::NodeId natural(ir::Builder& builder, const ir::Variable& parameter, ir::NodeId coordinates);

}  // namespace lvm::gradient
