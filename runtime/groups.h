#pragma once
// Rows of a table in groups that share the values of some columns: the plate of a model.

#include <string>
#include <vector>

#include "runtime/bind.h"

namespace lvm::runtime {

struct Groups {
  std::vector<std::vector<int64_t>> rows;  // of each group in order; groups in the order of their first rows
  std::vector<std::string> names;          // "308", "north, 3"
  int64_t longest() const;
  bool ragged() const;
};

/// By the columns of the model's plate. Errors (no such column, a missing cell) go to `diagnostics`.
Groups find_groups(const ir::Model& model, const Table& table, Diagnostics& diagnostics);

/// `data` with a row for each group, as the Model of ir::group_rows has it: cells that a group lacks are
/// absent, those of given variables repeat its last row. A variable `per` the plate that differs inside a
/// group is an error.
BoundData grouped(const ir::Model& model, const BoundData& data, const Groups& groups,
                  Diagnostics& diagnostics);

}  // namespace lvm::runtime
