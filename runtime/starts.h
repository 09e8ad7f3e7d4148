#pragma once
// The parameters that a run begins with.

#include <map>
#include <string>
#include <vector>

#include "ir/program/program.h"

namespace lvm::runtime {

/// Every parameter's `start` values, or those of its domain that say least: 0, 1, 0.5, uniform, the unit
/// matrix, 0 1 2 ….
std::vector<double> default_parameters(const ir::Program& program);

/// Zeros where masks hold zeros; the rest of a simplex is scaled to sum to one, or uniform where nothing is
/// left of it.
void apply_masks(const ir::Program& program, std::vector<double>& parameters);

/// Where there are masks, moves all probabilities that are not held a tenth of the way to equal ones: a mask
/// may exclude a row from the cluster that it started in, and another must then have room for it.
void make_room(const ir::Program& program, std::vector<double>& parameters);

/// Writes given values over them. Simplexes are scaled to sum to one and matrices made symmetric where a
/// file's decimals were not exact: an objective at a simplex that sums to more than one lies above what any
/// update can reach.
void set_parameters(const ir::Program& program, const std::map<std::string, std::vector<double>>& given,
                    std::vector<double>& parameters);

}  // namespace lvm::runtime
