#include "runtime/host_cells.h"

namespace lvm::runtime {
namespace {

template <class Cell>
void gather(const HostCells& from, int64_t first, int64_t count, double* to) {
  const unsigned char* at = from.data + first * from.stride;
  if (from.stride == static_cast<int64_t>(sizeof(Cell))) {
    const auto* cells = reinterpret_cast<const Cell*>(at);
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<double>(cells[i]);
    return;
  }
  for (int64_t i = 0; i < count; ++i, at += from.stride)
    to[i] = static_cast<double>(*reinterpret_cast<const Cell*>(at));
}

void gather(const HostCells& from, int64_t first, int64_t count, double* to) {
  switch (from.type) {
    case HostType::f64: return gather<double>(from, first, count, to);
    case HostType::f32: return gather<float>(from, first, count, to);
    case HostType::i64: return gather<int64_t>(from, first, count, to);
    case HostType::i32: return gather<int32_t>(from, first, count, to);
    case HostType::i16: return gather<int16_t>(from, first, count, to);
    case HostType::i8: return gather<int8_t>(from, first, count, to);
    case HostType::u64: return gather<uint64_t>(from, first, count, to);
    case HostType::u32: return gather<uint32_t>(from, first, count, to);
    case HostType::u16: return gather<uint16_t>(from, first, count, to);
    case HostType::u8: return gather<uint8_t>(from, first, count, to);
    case HostType::bit:
      for (int64_t i = 0; i < count; ++i)
        to[i] = HostCells::bit(from.data, from.first_bit + first + i) ? 1 : 0;
  }
}

}  // namespace

int64_t size_of(HostType type) {
  switch (type) {
    case HostType::f64:
    case HostType::i64:
    case HostType::u64: return 8;
    case HostType::f32:
    case HostType::i32:
    case HostType::u32: return 4;
    case HostType::i16:
    case HostType::u16: return 2;
    case HostType::i8:
    case HostType::u8: return 1;
    case HostType::bit: return 0;
  }
  return 0;
}

void HostCells::read(int64_t first, int64_t count, double* to) const {
  if (codes) {
    for (int64_t i = 0; i < count; ++i) to[i] = at(first + i);
    return;
  }
  gather(*this, first, count, to);
  for (int64_t i = 0; validity != nullptr && i < count; ++i) {
    if (is_missing(first + i)) to[i] = std::numeric_limits<double>::quiet_NaN();
  }
  if (change.kind == CellChange::Kind::none) return;
  for (int64_t i = 0; i < count; ++i) to[i] = change(to[i]);
}

}  // namespace lvm::runtime
