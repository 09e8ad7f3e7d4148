#pragma once
// The functions of networks in single precision, as Loop bodies over singles: at most 3 ULP of a float over
// the whole range; results below the least normal float may be 0. All others are computed in double.

#include "ir/loop/builder.h"

namespace lvm::maths::single {

using loop::Builder;
using loop::Value;

Value exp(Builder& b, Value x);
Value tanh(Builder& b, Value x);
Value sigmoid(Builder& b, Value x);
Value softplus(Builder& b, Value x);

}  // namespace lvm::maths::single
