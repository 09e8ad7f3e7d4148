#pragma once
// A family is a distribution's mathematics in one file: log density, sufficient statistics, closed forms. `families()` is the registry.

#include <functional>
#include <string_view>
#include <vector>

#include "ir/tensor/tensor.h"

namespace lvm::ir {

/// Writes ln p(value | slots) as Tensor arithmetic (level step). `value` and `slots` are the inputs of a logpdf node in its order.
/// The result has the axes of the logpdf node: those of value and slots without event axes.
using LogDensity = std::function<NodeId(Builder&, NodeId value, const std::vector<NodeId>& slots)>;

/// One parameterisation of one family: "Normal.mean.cov".
struct Family {
  std::string_view parameterisation;
  LogDensity log_density;
};

const Family* find_family(std::string_view parameterisation);
const std::vector<Family>& families();

}  // namespace lvm::ir
