#pragma once
// Modules in text, random values for their leaves, random modules.

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "backends/interpreter/interpret.h"
#include "ir/tensor/tensor.h"

namespace lvm::test {

using ir::Function;
using ir::Module;
using ir::NodeId;
using ir::Op;

inline constexpr int64_t row_count = 5;

/// The axes row, K 3, D 2, D' 2, E 4 and these functions.
Module module_of(std::string_view functions);
/// One plain function "f" with these lines; its outputs among them.
Module one_function(std::string_view lines);

/// Values for all leaves of a function, from the element type: positive in (0.2, 2.2), unit in (0.05, 0.95),
/// real in (-2, 2).
interpreter::Environment random_leaves(const Module& module, const Function& function,
                                       std::mt19937_64& random);

std::vector<double> output_value(const Module& module, const Function& function, size_t output,
                                 const interpreter::Environment& leaves);

/// A function "f" of `size` nodes over the axes of module_of, all of its ops well defined on random_leaves
/// and of moderate size.
Module random_module(std::mt19937_64& random, int size);

/// |a - b| <= tolerance * max(1, |a|, |b|); two NaN are close, infinities only to themselves.
bool close(double a, double b, double tolerance);

}  // namespace lvm::test
