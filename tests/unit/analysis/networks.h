#pragma once
// Networks of a model's text, evaluated by the interpreter on weights that are drawn here.

#include <map>
#include <random>
#include <string>
#include <vector>

#include "backends/interpreter/interpret.h"
#include "ir/tensor/tensor.h"
#include "support.h"

namespace lvm::test {

/// Numbers row-major over the axes as the user wrote them, rows first.
using Numbers = std::vector<double>;

class Networks {
 public:
  /// Sizes of axes that the text leaves to the data, by name. Throws where the text has errors.
  explicit Networks(const std::string& text, const std::map<std::string, int64_t>& sizes = {},
                    int64_t rows = 3);

  /// The value of a node of the model, with the leaves as they are now: [row, axes in their sorted order].
  Numbers value(ir::NodeId node) const;
  /// The slot of P(variable | …) or q(variable | …), from 0.
  ir::NodeId slot_of_p(const std::string& variable, size_t slot) const;
  ir::NodeId slot_of_q(const std::string& variable, size_t slot) const;
  /// A leaf's numbers, in the order of its declaration.
  Numbers numbers(const std::string& name) const;
  void set(const std::string& name, const Numbers& numbers);
  void set_training(bool training);
  /// The numbers of any leaf as they are stored: "data.noise.f.dropout1".
  const Numbers& leaf(const std::string& key) const;
  const ir::Variable& variable(const std::string& name) const;
  const ir::Model& model() const { return model_; }
  int64_t rows() const { return rows_; }

  /// The greatest distance between the derivative of a weighted sum of the node's elements, in every weight
  /// and latent, and its central differences; relative where they are above 1.
  double gradient_fault(ir::NodeId node);
  /// The derivative of the sum of the node's elements in a parameter, in its stored order.
  Numbers gradient(ir::NodeId node, const std::string& parameter) const;

 private:
  ir::Model model_;
  int64_t rows_;
  interpreter::Environment leaves_;

  interpreter::Value random_value(const ir::Type& type, std::mt19937_64& random) const;
  std::vector<size_t> stored_places(const ir::Variable& variable) const;
};

}  // namespace lvm::test
