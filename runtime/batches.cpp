#include "runtime/batches.h"

#include <algorithm>

namespace lvm::runtime {

template <class Real>
RowMajorTable<Real>::RowMajorTable(const ir::Program& program, const BoundData& data)
    : blocks_(program.data.size()), weights_(data.weights) {
  constexpr int64_t tile = 64;  // rows whose cells of one block stay in the cache while columns are read
  for (size_t s = 0; s < program.data.size(); ++s) {
    const ir::DataSlot& slot = program.data[s];
    if (slot.draws != ir::Draws::none) continue;
    const BoundVariable* variable = data.find(slot.name);
    if (!variable || variable->size != slot.size) throw ir::InternalError("no columns for the data slot `" + slot.name + "`");
    blocks_[s].resize(static_cast<size_t>(data.rows * slot.size));
    for (int64_t from = 0; from < data.rows; from += tile) {
      const int64_t to = std::min(from + tile, data.rows);
      for (int64_t e = 0; e < slot.size; ++e) {
        const double* column = data.packed.column(variable->first + e);
        for (int64_t r = from; r < to; ++r) blocks_[s][static_cast<size_t>(r * slot.size + e)] = static_cast<Real>(column[r]);
      }
    }
  }
}

template <class Real>
double RowMajorTable<Real>::weight(std::span<const int64_t> rows) const {
  if (!weights_) return static_cast<double>(rows.size());
  double sum = 0;
  for (const int64_t row : rows) sum += weights_[row];
  return sum;
}

template <class Real>
BatchTile<Real>::BatchTile(const ir::Program& program) : program_(program) {
  const int64_t columns = program.data_columns();
  memory_.resize(static_cast<size_t>(columns * ir::batch_stride));
  for (int64_t c = 0; c < columns; ++c) columns_.push_back(memory_.data() + c * ir::batch_stride);
}

template <class Real>
void BatchTile<Real>::fill(const RowMajorTable<Real>& table, std::span<const int64_t> rows, uint64_t seed, Site site, uint32_t step) {
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t padded = (count + LVM_LANES - 1) / LVM_LANES * LVM_LANES;
  const Random random(seed, site, step);
  for (size_t s = 0; s < program_.data.size(); ++s) {
    const ir::DataSlot& slot = program_.data[s];
    Real* to = memory_.data() + slot.offset * ir::batch_stride;
    for (int64_t from = 0; from < padded; from += LVM_LANES) {
      int64_t row[LVM_LANES];
      for (int64_t lane = 0; lane < LVM_LANES; ++lane) row[lane] = rows[static_cast<size_t>(std::min(from + lane, count - 1))];
      for (int64_t e = 0; e < slot.size; ++e) {
        Real* cells = to + e * ir::batch_stride + from;
        // Two latents draw different numbers: the elements of each slot have places of their own.
        const auto element = static_cast<uint32_t>(slot.offset + e);
        for (int64_t lane = 0; lane < LVM_LANES; ++lane) {
          switch (slot.draws) {
            case ir::Draws::none: cells[lane] = table.blocks()[s][static_cast<size_t>(row[lane] * slot.size + e)]; break;
            case ir::Draws::normal: cells[lane] = static_cast<Real>(random.normal(row[lane], element)); break;
            case ir::Draws::uniform: cells[lane] = static_cast<Real>(random.uniform(row[lane], element) + 0x1p-54); break;  // never 0
          }
        }
      }
    }
  }
}

template class RowMajorTable<double>;
template class RowMajorTable<float>;
template class BatchTile<double>;
template class BatchTile<float>;

}  // namespace lvm::runtime
