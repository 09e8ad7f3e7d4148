#pragma once
// Posteriors of latents that rows share, as equally likely values with the same expected statistics: means
// over them are expectations of everything that a bound holds, without the places and corrections that
// compiled code has in their stead (backends/em/global.h).
//
//   Gamma, Beta, Normal         two values, as ir/passes/nodes.h has them; an InverseGamma is the reciprocal
//   of a Gamma Normal with a covariance    mean ± sqrt(D) (column of C),  C C' the covariance Dirichlet exp E
//   ln of all shares but two, which divide the rest as a Beta Wishart                     df scale (1 ± d),
//   (1 - d²)^(D/2) = |exp E ln|X|| / |E X|;  InverseWishart: the inverses Normal(mean, V / kappa)     of each
//   value of V: mean ± sqrt(D) (column of C),  C C' = V / kappa

#include <map>
#include <string>
#include <vector>

#include "backends/interpreter/interpret.h"
#include "ir/model/model.h"
#include "ir/program/program.h"

namespace lvm::certificate {

class GlobalNodes {
 public:
  GlobalNodes(const ir::Model& model, const ir::Program& layout) : model_(model), layout_(layout) {}
  bool any() const;
  using Values = std::map<std::string, interpreter::Value>;
  /// The latents at each node, by their names.
  std::vector<Values> nodes(const std::vector<double>& parameters) const;
  /// H[q] of all of them.
  double entropy(const std::vector<double>& parameters) const;

 private:
  const ir::Model& model_;
  const ir::Program& layout_;
};

}  // namespace lvm::certificate
