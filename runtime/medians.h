#pragma once
// Weighted medians of columns: the M-step of parameters that no sum over the rows gives.

#include <map>
#include <string>
#include <vector>

#include "ir/program/program.h"
#include "runtime/bind.h"

namespace lvm::runtime {

/// Minimises  sum of w |y - m|  over each element m of the parameters of Program::medians, w the weight of
/// the row times the probability of the state: the smallest y up to which half of the weight lies. Columns
/// are sorted once.
class Medians {
 public:
  Medians(const ir::Program& program, const BoundData& data);

  bool empty() const { return program_.medians.empty(); }
  /// False where rows count alike in all states.
  bool need_posterior() const;
  /// `outputs`: row outputs by name, doubles[rows][elements]. An element without weight stays.
  void write(const std::map<std::string, std::vector<double>>& outputs, std::vector<double>& parameters);

 private:
  struct Cell {
    double value;
    int64_t row;
  };
  const std::vector<Cell>& sorted(const std::vector<int64_t>& columns);

  const ir::Program& program_;
  const BoundData& data_;
  std::map<std::vector<int64_t>, std::vector<Cell>> sorted_;  // the observed cells of some packed columns
};

}  // namespace lvm::runtime
