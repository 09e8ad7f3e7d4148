#include "tests/unit/loop/run_program.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lvm::test {

Block::Block(int64_t doubles) : size_(doubles) {
  size_t bytes = (static_cast<size_t>(doubles) * 8 + 64) / 64 * 64;
  data_.reset(static_cast<double*>(std::aligned_alloc(64, bytes)));
  std::fill_n(data_.get(), bytes / 8, 0.0);
}

Buffers::Buffers(const ir::Program& program)
    : parameters(program.parameter_doubles()),
      derived(program.derived_doubles()),
      statistics(program.statistic_doubles() * LVM_LANES),
      totals(program.statistic_doubles()),
      outputs([&] {
        int64_t size = 0;
        for (const auto& slot : program.row_outputs) size += slot.size;
        return size * LVM_TILE_ROWS;
      }()),
      updated(program.parameter_doubles()),
      scratch(program.scratch_bytes / 8) {
  for (int64_t i = 0; i < program.data_columns(); ++i) columns.emplace_back(LVM_TILE_ROWS);
  for (const Block& column : columns) pointers.push_back(column.data());
}

void Buffers::pad(int32_t rows) {
  for (const Block& column : columns) {
    for (int64_t i = rows; i < (rows + LVM_LANES - 1) / LVM_LANES * LVM_LANES; ++i)
      column[i] = column[rows - 1];
  }
}

int32_t Buffers::run_rows(const ir::Executable& executable, const std::string& function, int32_t rows) {
  lvm_frame frame{pointers.data(),
                  parameters.data(),
                  derived.data(),
                  statistics.data(),
                  outputs.data(),
                  scratch.data(),
                  0,
                  0,
                  0,
                  rows};
  return executable.at(function)(&frame);
}

int32_t Buffers::run_prepare(const ir::Executable& executable, const std::string& function) {
  lvm_frame frame{
      nullptr, parameters.data(), derived.data(), nullptr, derived.data(), scratch.data(), 0, 0, 0, 0};
  return executable.at(function)(&frame);
}

int32_t Buffers::run_update(const ir::Executable& executable, const std::string& function) {
  lvm_frame frame{
      nullptr, parameters.data(), derived.data(), totals.data(), updated.data(), scratch.data(), 0, 0, 0, 0};
  return executable.at(function)(&frame);
}

void Buffers::add_lanes(const ir::Program& program) {
  for (int64_t i = 0; i < totals.size(); ++i) {
    totals[i] = 0;
    for (int64_t lane = 0; lane < LVM_LANES; ++lane) totals[i] += statistics[i * LVM_LANES + lane];
  }
  ir::complete_symmetric(program, totals.data());
}

double difference(const Block& a, const Block& b, double floor) {
  double worst = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    double d = std::abs(a[i] - b[i]) / std::max({std::abs(a[i]), std::abs(b[i]), floor});
    worst = std::isnan(d) ? 1e300 : std::max(worst, d);
  }
  return worst;
}

bool same_bits(const Block& a, const Block& b) {
  return std::memcmp(a.data(), b.data(), static_cast<size_t>(a.size()) * 8) == 0;
}

}  // namespace lvm::test
