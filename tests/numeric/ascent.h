#pragma once
// Is a fit at the top? An oracle that knows nothing of EM: the objective itself, moved in one parameter.

#include "tests/numeric/models.h"

namespace lvm::numeric {

/// What a parabola through three values of the (penalised) objective says could still be gained by moving one
/// element of a parameter of the fit; fails the test where the parabola opens upward. Elements that a
/// constraint ties (of a simplex, off the diagonal of a covariance) have no such parabola.
double gain(const BoundModel& bound, const Fit& fit, const std::string& name, size_t index);

/// The same where the top is a kink: the most that steps of several sizes to either side gain (below 0: all
/// lose).
double rise(const BoundModel& bound, const Fit& fit, const std::string& name, size_t index);

}  // namespace lvm::numeric
