#pragma once
// Pieces of Tensor's text that several printers share.

#include <string>

#include "ir/tensor/tensor.h"

namespace lvm::ir {

/// An axis name as printed: bare where it is a word (with primes), else quoted.
std::string axis_text(std::string_view name);

/// "positive[K, D]", "category<K>[row]".
std::string type_text(const Module& module, const Type& type);

}  // namespace lvm::ir
