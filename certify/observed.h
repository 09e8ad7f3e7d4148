#pragma once
// The density of what is observed of a vector, the rest integrated out: of a Normal that of the sub-vector,
// with the rows and columns of its covariance. Element by element and row by row, as one does it by hand.

#include "backends/interpreter/interpret.h"
#include "ir/tensor/tensor.h"

namespace lvm::certificate {

/// A logpdf node whose value may lack elements, as nodes of a function that the interpreter evaluates.
struct ObservedVector {
  int factor = -1;  // of the model
  ir::NodeId value = ir::no_node;
  std::vector<ir::NodeId> slots = {};
  std::string parameterisation = {};
  std::vector<ir::AxisId> axes = {};  // of the density, without the row axis
  ir::AxisId row = -1, column = -1;   // of the matrix
};

/// Throws InternalError where the family is no Normal with a matrix.
ObservedVector observed_vector(const ir::Module& module, const ir::Function& function, const ir::Node& logpdf,
                               ir::NodeId value, std::vector<ir::NodeId> slots);

/// ln P of the observed elements of table row `row`, summed over the density's axes.
double log_density(const ir::Module& module, const ObservedVector& vector,
                   const std::vector<interpreter::Value>& values, int64_t row);

}  // namespace lvm::certificate
