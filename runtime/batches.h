#pragma once
// Tiles of batches: the table once more, row by row, and any rows of it gathered into columns with their
// noise.

#include <span>
#include <vector>

#include "ir/program/program.h"
#include "ir/program/stages.h"
#include "runtime/bind.h"
#include "runtime/numbers.h"
#include "runtime/random.h"

namespace lvm::runtime {

/// The data slots of a Program as blocks Real[row][element]; slots that are drawn stay empty.
template <class Real>
class RowMajorTable {
 public:
  RowMajorTable(const ir::Program& program, const BoundData& data);
  const std::vector<std::vector<Real>>& blocks() const { return blocks_; }
  /// The sum of the weights of these rows; their number where they have none.
  double weight(std::span<const int64_t> rows) const;

 private:
  std::vector<std::vector<Real>> blocks_;
  const double* weights_;
};

/// At most `Program::tile_rows` rows, column by column, `batch_stride` apart: what `lvm_frame::columns`
/// points to. The last row stands repeated up to a multiple of LVM_LANES.
template <class Real>
class BatchTile {
 public:
  explicit BatchTile(const ir::Program& program);
  /// Draws are a function of (seed, site, step, row of the table, element): the same however rows are put
  /// into tiles.
  void fill(const RowMajorTable<Real>& table, std::span<const int64_t> rows, uint64_t seed, Site site,
            uint32_t step) {
    fill(table, rows, 0, static_cast<int64_t>(rows.size()), seed, site, step);
  }
  /// Rows [from, to) of them, `from` a multiple of LVM_LANES; several parts may be filled at once.
  void fill(const RowMajorTable<Real>& table, std::span<const int64_t> rows, int64_t from, int64_t to,
            uint64_t seed, Site site, uint32_t step);
  /// Draws the latents of the rows in it anew; the table's cells stay, those that were drawn from
  /// probabilities too.
  void draw_again(std::span<const int64_t> rows, int64_t from, int64_t to, uint64_t seed, Site site,
                  uint32_t step);
  const void* const* columns() const { return columns_.data(); }

 private:
  const ir::Program& program_;
  Numbers<Real> memory_;
  std::vector<const void*> columns_;
};

}  // namespace lvm::runtime
