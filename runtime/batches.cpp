#include "runtime/batches.h"

#include <algorithm>

namespace lvm::runtime {

RowMajorTable::RowMajorTable(const ir::Program& program, const BoundData& data)
    : blocks_(program.data.size()), weights_(data.weights), rows_(data.rows) {
  constexpr int64_t tile = 64;  // rows whose cells of one block stay in the cache while columns are read
  for (size_t s = 0; s < program.data.size(); ++s) {
    const ir::DataSlot& slot = program.data[s];
    if (slot.draws != ir::Draws::none) continue;
    const BoundVariable* variable = data.find(slot.name);
    if (!variable || variable->size != slot.size) throw ir::InternalError("no columns for the data slot `" + slot.name + "`");
    blocks_[s].resize(static_cast<size_t>(rows_ * slot.size));
    for (int64_t from = 0; from < rows_; from += tile) {
      const int64_t to = std::min(from + tile, rows_);
      for (int64_t e = 0; e < slot.size; ++e) {
        const double* column = data.packed.column(variable->first + e);
        for (int64_t r = from; r < to; ++r) blocks_[s][static_cast<size_t>(r * slot.size + e)] = column[r];
      }
    }
  }
}

double RowMajorTable::weight(std::span<const int64_t> rows) const {
  if (!weights_) return static_cast<double>(rows.size());
  double sum = 0;
  for (const int64_t row : rows) sum += weights_[row];
  return sum;
}

Batch::Batch(const ir::Program& program, int64_t most_rows) : program_(program), blocks_(program.data.size()) {
  for (size_t s = 0; s < blocks_.size(); ++s) blocks_[s].resize(static_cast<size_t>(program.data[s].size * most_rows));
  for (const std::vector<double>& block : blocks_) columns_.push_back(block.data());
}

void Batch::fill(const RowMajorTable& table, std::span<const int64_t> rows, uint64_t seed, Site site, uint32_t step) {
  for (size_t s = 0; s < blocks_.size(); ++s) {
    const ir::DataSlot& slot = program_.data[s];
    double* to = blocks_[s].data();
    // Two latents draw different numbers: the elements of each slot have places of their own.
    const Random random(seed, site, step);
    for (const int64_t row : rows) {
      if (slot.draws == ir::Draws::none) {
        const double* from = table.blocks()[s].data() + row * slot.size;
        std::copy(from, from + slot.size, to);
      } else {
        for (int64_t e = 0; e < slot.size; ++e) {
          const auto element = static_cast<uint32_t>(slot.offset + e);
          to[e] = slot.draws == ir::Draws::normal ? random.normal(row, element) : random.uniform(row, element) + 0x1p-54;  // never 0
        }
      }
      to += slot.size;
    }
  }
}

}  // namespace lvm::runtime
