#pragma once
// ln P(row, z) of the factors that hold a continuous latent, as a function of its own in which z is an
// argument.

#include "backends/em/emission.h"

namespace lvm::em {

class JointDensity {
 public:
  /// `members`: the factors; absent cells of them are integrated out.
  JointDensity(const ir::Module& axes, const Setting& setting, const std::vector<Emission>& members,
               const ir::NodeLatent& latent);

  ir::Module& module() { return module_; }
  const std::vector<ir::Axis>& axes() const { return module_.axes; }
  const ir::Function& function() const { return module_.functions.front(); }
  NodeId leaf() const { return leaf_; }  // z
  /// In z, for all rows side by side.
  NodeId gradient();
  /// The density at `value` of `to`.
  NodeId at(Builder& to, NodeId value) const;

 private:
  ir::Module module_;
  Builder b_;
  NodeId leaf_, density_;
};

}  // namespace lvm::em
