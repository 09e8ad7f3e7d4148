#pragma once
// A Gaussian mixture with a full covariance for each component, its Program written by hand.

#include "ir/program/program.h"

namespace lvm::test {

ir::Program gmm_program(int64_t components, int64_t dimensions);

}  // namespace lvm::test
