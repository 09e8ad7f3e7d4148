#pragma once
// order: Function -> Function.  Purpose: one numbering for one graph. C++ leaves the order of a call's
// arguments open, so that two compilers may build the same nodes in different orders; text and code must not
// depend on it. Before: inputs come first.  After: nodes stand depth-first from the arguments and then the
// outputs, in their order; what neither needs is gone.
//
//   %0 = constant 2; %1 = parameter "a"; %2 = exp %1; %3 = mul %1, %0   ->   %0 = parameter "a"; %1 =
//   constant 2; %2 = mul %0, %1

#include "ir/tensor/tensor.h"

namespace lvm::ir {

Function ordered(const Function& function);
Module ordered(const Module& module);

}  // namespace lvm::ir
