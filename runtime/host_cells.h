#pragma once
// Cells where a host program keeps them: read in place, row by row or a block at a time, and never copied as
// a whole.

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace lvm::runtime {

/// What a cell is in the host's memory. `bit`: one bit a row, the least significant of a byte first, as Arrow
/// keeps booleans.
enum class HostType : uint8_t { f64, f32, i64, i32, i16, i8, u64, u32, u16, u8, bit };

/// How many bytes a cell takes; 0 of a bit.
int64_t size_of(HostType type);

/// What becomes of a number on its way into a model: `(x - low) / (high - low)`, or whether x is above `low`.
struct CellChange {
  enum class Kind : uint8_t { none, scale, threshold } kind = Kind::none;
  double low = 0, high = 1;
  double operator()(double x) const {
    switch (kind) {
      case Kind::none: return x;
      case Kind::scale: return (x - low) / (high - low);
      case Kind::threshold: return std::isnan(x) ? x : x > low ? 1 : 0;
    }
    return x;
  }
};

struct HostCells {
  HostType type = HostType::f64;
  const unsigned char* data = nullptr;  // of row 0
  int64_t stride = 0;                   // bytes from a row to the next
  int64_t first_bit = 0;                // of row 0, where a cell is a bit
  /// A bit a row, 0 where the cell is missing; null: none is. A NaN is a missing cell too.
  const unsigned char* validity = nullptr;
  int64_t first_valid = 0;  // the bit of row 0
  int64_t rows = 0;
  CellChange change = {};
  /// Of categories: what the whole numbers from `first_code` become.
  std::shared_ptr<const std::vector<double>> codes = {};
  int64_t first_code = 0;

  bool is_missing(int64_t row) const { return validity != nullptr && !bit(validity, first_valid + row); }
  /// As the host wrote it; NaN where it is missing.
  double raw(int64_t row) const {
    if (is_missing(row)) return std::numeric_limits<double>::quiet_NaN();
    const unsigned char* at = data + row * stride;
    switch (type) {
      case HostType::f64: return *reinterpret_cast<const double*>(at);
      case HostType::f32: return static_cast<double>(*reinterpret_cast<const float*>(at));
      case HostType::i64: return static_cast<double>(*reinterpret_cast<const int64_t*>(at));
      case HostType::i32: return *reinterpret_cast<const int32_t*>(at);
      case HostType::i16: return *reinterpret_cast<const int16_t*>(at);
      case HostType::i8: return *reinterpret_cast<const int8_t*>(at);
      case HostType::u64: return static_cast<double>(*reinterpret_cast<const uint64_t*>(at));
      case HostType::u32: return *reinterpret_cast<const uint32_t*>(at);
      case HostType::u16: return *reinterpret_cast<const uint16_t*>(at);
      case HostType::u8: return *at;
      case HostType::bit: return bit(data, first_bit + row) ? 1 : 0;
    }
    return 0;
  }
  /// As the model sees it.
  double at(int64_t row) const {
    const double x = raw(row);
    if (!codes) return change(x);
    return std::isnan(x) ? x : (*codes)[static_cast<size_t>(static_cast<int64_t>(x) - first_code)];
  }
  /// The cells of rows [first, first + count).
  void read(int64_t first, int64_t count, double* to) const;

  static bool bit(const unsigned char* bits, int64_t index) {
    return (bits[index >> 3] >> (index & 7) & 1) != 0;
  }
};

/// A column of a bound table: doubles side by side, or cells of a host.
class CellColumn {
 public:
  CellColumn(const double* packed) : packed_(packed) {}
  CellColumn(const HostCells* host) : host_(host) {}
  double operator[](int64_t row) const { return packed_ != nullptr ? packed_[row] : host_->at(row); }
  /// Aligned and padded for compiled code; null where a host has the cells.
  const double* packed() const { return packed_; }
  /// The cells of rows [first, first + count): where they lie, or read into `room`.
  const double* block(int64_t first, int64_t count, double* room) const {
    if (packed_ != nullptr) return packed_ + first;
    host_->read(first, count, room);
    return room;
  }

 private:
  const double* packed_ = nullptr;
  const HostCells* host_ = nullptr;
};

}  // namespace lvm::runtime
