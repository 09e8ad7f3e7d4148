#pragma once
// The reference semantics of Tensor: slow, plain, and the oracle of the compiled code.

#include <map>
#include <string>
#include <vector>

#include "ir/program/program.h"
#include "ir/tensor/tensor.h"

namespace lvm::interpreter {

/// A dense value, row-major over `axes` (sorted by AxisId); the row axis has the size that the environment
/// gives.
struct Value {
  std::vector<ir::AxisId> axes;
  std::vector<int64_t> sizes;
  std::vector<double> data;
};

/// Leaves by kind and name: "data.y", "parameter.mean", "derived.whiten", "statistic.n", "argument.0".
using Environment = std::map<std::string, Value>;

/// Values of all nodes of one function. Throws ir::InternalError for ops of level elbo.
std::vector<Value> evaluate(const ir::Module& module, const ir::Function& function,
                            const Environment& environment);

/// Every function of `program` behind the frame of compiled code. `program` must outlive the result.
ir::Executable interpret(const ir::Program& program);

}  // namespace lvm::interpreter
