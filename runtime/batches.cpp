#include "runtime/batches.h"

#include <algorithm>
#include <limits>

namespace lvm::runtime {

template <class Real>
RowMajorTable<Real>::RowMajorTable(const ir::Program& program, const BoundData& data)
    : blocks_(program.data.size()), weights_(data.weights) {
  constexpr int64_t tile = 64;  // rows whose cells of one block stay in the cache while columns are read
  for (size_t s = 0; s < program.data.size(); ++s) {
    const ir::DataSlot& slot = program.data[s];
    if (slot.draws != ir::Draws::none && slot.draws != ir::Draws::flags) continue;
    const BoundVariable* variable = data.find(slot.name);
    if (!variable || variable->size != slot.size)
      throw ir::InternalError("no columns for the data slot `" + slot.name + "`");
    blocks_[s].resize(static_cast<size_t>(data.rows * slot.size));
    for (int64_t from = 0; from < data.rows; from += tile) {
      const int64_t to = std::min(from + tile, data.rows);
      for (int64_t e = 0; e < slot.size; ++e) {
        const CellColumn column = data.packed.column(variable->first + e);
        for (int64_t r = from; r < to; ++r)
          blocks_[s][static_cast<size_t>(r * slot.size + e)] = static_cast<Real>(column[r]);
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
  memory_.resize(static_cast<size_t>(columns * program.batch_stride()));
  for (int64_t c = 0; c < columns; ++c) columns_.push_back(memory_.data() + c * program.batch_stride());
}

namespace {

/// Eight rows of a block, turned into eight lanes of each column.
template <class Real>
void turn(const Real* block, int64_t width, const int64_t* rows, Real* to, int64_t stride) {
  const Real* from[LVM_LANES];
  for (int64_t lane = 0; lane < LVM_LANES; ++lane) from[lane] = block + rows[lane] * width;
  for (int64_t e = 0; e < width; ++e) {
    for (int64_t lane = 0; lane < LVM_LANES; ++lane) to[e * stride + lane] = from[lane][e];
  }
}

/// Each probability becomes 1 with that probability, else 0, to 2^-32.
template <class Real>
void draw_flags(const ir::DataSlot& slot, const Random& random, const int64_t* rows, Real* to,
                int64_t stride) {
  constexpr int64_t words = 4;
  for (int64_t lane = 0; lane < LVM_LANES; ++lane) {
    for (int64_t first = 0; first < slot.size; first += words) {
      const int64_t last = std::min(first + words, slot.size);
      const auto cell = [&](int64_t e) -> Real& { return to[e * stride + lane]; };
      bool certain = true;
      for (int64_t e = first; e < last; ++e) certain = certain && (cell(e) == 0 || cell(e) == 1);
      if (certain) continue;
      const auto block = random.block(rows[lane], static_cast<uint32_t>(slot.offset + first));
      for (int64_t e = first; e < last; ++e)
        cell(e) = block[static_cast<size_t>(e - first)] * 0x1p-32 < static_cast<double>(cell(e)) ? 1 : 0;
    }
  }
}

/// Four elements a block of random bits.
template <class Real>
void draw_for_layer(const ir::DataSlot& slot, const Random& random, const int64_t* rows, Real* to,
                    int64_t stride) {
  constexpr int64_t words = 4;
  for (int64_t lane = 0; lane < LVM_LANES; ++lane) {
    for (int64_t first = 0; first < slot.size; first += words) {
      const auto block = random.block(rows[lane], static_cast<uint32_t>(slot.offset + first));
      for (int64_t e = first; e < std::min(first + words, slot.size); ++e)
        to[e * stride + lane] = static_cast<Real>(block[static_cast<size_t>(e - first)] * 0x1p-32);
    }
  }
}

/// Two latents draw different numbers: the elements of each slot have places of their own.
template <class Real>
void draw(const ir::DataSlot& slot, const Random& random, const int64_t* rows, Real* to, int64_t stride) {
  for (int64_t lane = 0; lane < LVM_LANES; ++lane) {
    for (int64_t e = 0; e < slot.size; ++e) {
      const auto place = static_cast<uint32_t>(slot.offset + e);
      Real* cell = to + e * stride + lane;
      if (slot.draws == ir::Draws::uniform) {
        constexpr Real half_step =
            std::numeric_limits<Real>::epsilon() / 4;  // never 0, and never 1 after rounding
        *cell = std::min(static_cast<Real>(random.uniform(rows[lane], place)) + half_step, 1 - 2 * half_step);
        continue;
      }
      const auto [first, second] = random.normal_pair(rows[lane], place);
      *cell = static_cast<Real>(first);
      if (++e < slot.size) cell[stride] = static_cast<Real>(second);
    }
  }
}

}  // namespace

template <class Real>
void BatchTile<Real>::fill(const RowMajorTable<Real>& table, std::span<const int64_t> rows, int64_t first,
                           int64_t last, uint64_t seed, Site site, uint32_t step) {
  const Random random(seed, site, step);
  const int64_t stride = program_.batch_stride();
  for (size_t s = 0; s < program_.data.size(); ++s) {
    const ir::DataSlot& slot = program_.data[s];
    Real* to = memory_.data() + slot.offset * stride;
    for (int64_t from = first; from < last; from += LVM_LANES) {
      int64_t row[LVM_LANES];
      for (int64_t lane = 0; lane < LVM_LANES; ++lane)
        row[lane] = rows[static_cast<size_t>(std::min(from + lane, last - 1))];
      if (!table.blocks()[s].empty()) turn(table.blocks()[s].data(), slot.size, row, to + from, stride);
      if (slot.draws == ir::Draws::flags) draw_flags(slot, random, row, to + from, stride);
      if (slot.draws == ir::Draws::layer && site == Site::noise)
        draw_for_layer(slot, random, row, to + from, stride);
      if (slot.draws == ir::Draws::normal || slot.draws == ir::Draws::uniform)
        draw(slot, random, row, to + from, stride);
    }
  }
}

template <class Real>
void BatchTile<Real>::draw_again(std::span<const int64_t> rows, int64_t first, int64_t last, uint64_t seed,
                                 Site site, uint32_t step) {
  const Random random(seed, site, step);
  const int64_t stride = program_.batch_stride();
  for (const ir::DataSlot& slot : program_.data) {
    if (slot.draws != ir::Draws::normal && slot.draws != ir::Draws::uniform) continue;
    for (int64_t from = first; from < last; from += LVM_LANES) {
      int64_t row[LVM_LANES];
      for (int64_t lane = 0; lane < LVM_LANES; ++lane)
        row[lane] = rows[static_cast<size_t>(std::min(from + lane, last - 1))];
      draw(slot, random, row, memory_.data() + slot.offset * stride + from, stride);
    }
  }
}

template class RowMajorTable<double>;
template class RowMajorTable<float>;
template class BatchTile<double>;
template class BatchTile<float>;

}  // namespace lvm::runtime
