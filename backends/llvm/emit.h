#pragma once
// emit: Loop -> LLVM IR. One block of straight code for each body; nothing is chosen here.

#include <memory>
#include <string>
#include <vector>

#include "ir/loop/loop.h"

namespace llvm {
class LLVMContext;
class Module;
}  // namespace llvm

namespace lvm::jit {

/// The symbol of the `index`th function of a unit: names of the user's model never become symbols.
std::string symbol_name(size_t index);

/// A module of those functions of the unit that `wanted` numbers.
std::unique_ptr<llvm::Module> emit(const loop::Unit& unit, const std::vector<size_t>& wanted,
                                   llvm::LLVMContext& context);

}  // namespace lvm::jit
