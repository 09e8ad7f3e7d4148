#pragma once
// Rows of a table as the steps of series: the `sequence` of a model.

#include <string>
#include <vector>

#include "runtime/bind.h"

namespace lvm::runtime {

struct Series {
  std::vector<int64_t> rows;   // of the table, series by series, each in its order
  std::vector<int64_t> first;  // of each series its first place in `rows`, and their number
  std::vector<std::string> names;
};

/// By the columns of the model's sequence, or those that `options` gives for "t.by" and "t.order"; series in
/// the order of their first rows. Errors (no such column, a missing cell, the same place twice) and a warning
/// where places are not evenly apart go to `diagnostics`.
Series find_series(const ir::Model& model, const Table& table, const BindOptions& options,
                   Diagnostics& diagnostics);

/// `data` in the order of the series, with the variables that ir::chain_rows has made: the number of a row in
/// its series from 0, and values of earlier rows. The rows before a series has begun repeat the row's own
/// value: no factor reads them.
BoundData sequenced(const ir::Model& model, const BoundData& data, Series series);

}  // namespace lvm::runtime
