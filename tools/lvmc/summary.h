#pragma once
// What a statistician wants to see of a fit.

#include <string>

#include "api/lvm.h"

namespace lvmc {

/// `table` is the data as the user named it.
std::string summary(const lvm::Fit& fit, const std::string& table, bool verbose);

/// One line a block: name, solver, kind, reason.
std::string plan_lines(const std::vector<lvm::PlanBlock>& plan);
/// One line a certificate: name, solver, what was found, the claim.
std::string certificate_lines(const std::vector<lvm::Certificate>& certificates);
/// "y ← eruptions, waiting": one line a variable.
std::string binding_lines(const std::vector<lvm::BoundVariable>& variables, bool full);

}  // namespace lvmc
