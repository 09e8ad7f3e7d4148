#pragma once
// A mixture of univariate Gaussians as a Program written by hand, with plain functions for compiled code: the
// run time's own tests stand below the compiler.

#include <functional>
#include <string>
#include <vector>

#include "ir/program/program.h"
#include "runtime/bind.h"

namespace lvm::runtime::test {

struct HandProgram {
  ir::Program program;
  ir::Executable functions;
  int64_t states = 0;
  /// Runs in `update` after the new parameters are written: a test breaks things here.
  std::function<int32_t(double* parameters)> meddle;
};

/// weight: simplex[K], mean: real[K], variance: positive[K]; data y. The result must stay where it is: its
/// functions point into it.
void make_mixture(HandProgram& out, int64_t states);

/// `count` draws around each of the centres, one behind the other, sd 1.
std::vector<double> draws(const std::vector<double>& centres, int64_t count, uint64_t seed);
BoundData bind_values(const std::vector<double>& y);

}  // namespace lvm::runtime::test
