#pragma once
// inline_calls: Module -> Module.  Purpose: passes that look inside need not know `call`.
// Before: verified (functions call earlier ones only).  After: no function holds a `call`; functions named by
// `scan` stay functions.
//
//   %1 = call @square_of %0   ->   %1 = square %0

#include "ir/tensor/tensor.h"

namespace lvm::ir {

Module inline_calls(const Module& module);
/// One function, whose callees are in `module`.
Function inline_calls(Module& module, const Function& function);

}  // namespace lvm::ir
