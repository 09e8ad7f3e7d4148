#include "ir/program/frame.h"
#include "runtime/bind.h"
#include "runtime/memory.h"

namespace lvm::runtime {
namespace {

constexpr int64_t line = 64, page = 4096;
constexpr int64_t odd_lines =
    3 * line;  // of a stride modulo a page: odd, so that 64 columns begin at 64 different lines of it

int64_t round_up(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

void PackedColumns::Free::operator()(double* memory) const {
  release(memory);
}

PackedColumns::PackedColumns(int64_t rows, int64_t columns) : rows_(rows), columns_(columns) {
  allocate(columns);
}

PackedColumns::PackedColumns(int64_t rows, std::vector<std::optional<HostCells>> hosts)
    : rows_(rows), columns_(static_cast<int64_t>(hosts.size())), hosts_(std::move(hosts)) {
  int64_t packed = 0;
  for (const auto& host : hosts_) places_.push_back(host ? 0 : packed++);
  allocate(packed);
}

void PackedColumns::allocate(int64_t columns) {
  const int64_t bytes = round_up(rows_, LVM_LANES) * static_cast<int64_t>(sizeof(double));
  const int64_t stride = round_up(bytes - odd_lines, page) + odd_lines;
  const int64_t tight = round_up(bytes, line);
  // Short columns lie next to each other: they are in the nearest cache anyway.
  const int64_t chosen = bytes < page ? tight : stride;
  stride_ = chosen / static_cast<int64_t>(sizeof(double));
  const auto total = static_cast<size_t>(chosen * (columns > 0 ? columns : 1) + line);
  memory_.reset(static_cast<double*>(runtime::allocate(total)));
}

void PackedColumns::pad(int64_t index) {
  double* values = column(index);
  for (int64_t i = rows_; i < round_up(rows_, LVM_LANES); ++i) values[i] = rows_ > 0 ? values[rows_ - 1] : 0;
}

}  // namespace lvm::runtime
