#pragma once
// Standard errors of the fitted parameters from the observed information: minus the second derivatives of the
// objective in Coordinates, by central differences of the compiled objective itself, inverted and carried
// over to the parameters by the delta method (McLachlan and Peel 2000, section 2.15). With a prior it is the
// curvature of the posterior.

#include <string>
#include <vector>

#include "ir/program/program.h"
#include "runtime/bind.h"

namespace lvm::runtime {

struct StandardErrors {
  std::string reason;          // why there are none; empty: there are
  std::vector<double> values;  // in the layout of the Program; NaN of what is fixed or on a bound
};

/// `parameters` maximise the objective. Costs about p² passes over the data for p free parameters.
StandardErrors standard_errors(const ir::Program& program, const ir::Executable& functions,
                               const BoundData& data, const std::vector<double>& parameters, int threads);

}  // namespace lvm::runtime
