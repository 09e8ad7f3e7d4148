#pragma once
// Batches of rows for a row-major Program: the table once more, row by row, and the rows of one batch gathered with their noise.

#include <span>
#include <vector>

#include "ir/program/program.h"
#include "runtime/bind.h"
#include "runtime/random.h"

namespace lvm::runtime {

/// The data slots of a Program as blocks doubles[row][element]; slots that are drawn stay empty.
class RowMajorTable {
 public:
  RowMajorTable(const ir::Program& program, const BoundData& data);
  const std::vector<std::vector<double>>& blocks() const { return blocks_; }
  int64_t rows() const { return rows_; }
  /// The sum of the weights of these rows; their number where they have none.
  double weight(std::span<const int64_t> rows) const;

 private:
  std::vector<std::vector<double>> blocks_;
  const double* weights_;
  int64_t rows_;
};

/// What `lvm_frame::columns` points to.
class Batch {
 public:
  Batch(const ir::Program& program, int64_t most_rows);
  /// Draws are a function of (seed, site, step, row of the table, element): the same however rows are put into batches.
  void fill(const RowMajorTable& table, std::span<const int64_t> rows, uint64_t seed, Site site, uint32_t step);
  const void* const* columns() const { return columns_.data(); }

 private:
  const ir::Program& program_;
  std::vector<std::vector<double>> blocks_;
  std::vector<const void*> columns_;
};

}  // namespace lvm::runtime
