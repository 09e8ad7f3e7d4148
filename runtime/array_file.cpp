#include "runtime/array_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>

#include "runtime/mapped_file.h"

namespace lvm::runtime {
namespace {

constexpr int64_t most_columns = 1000000;
constexpr int64_t let_go_bytes = int64_t{1} << 22;  // of a mapped file, at once
constexpr int64_t block_rows = 64;  // of a row-major array: a block of the columns' cells stays in the cache

template <typename T>
T load(const char* at, bool swap) {
  std::array<char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), at, sizeof(T));
  if (swap) std::reverse(bytes.begin(), bytes.end());
  return std::bit_cast<T>(bytes);
}

/// `count` cells, `stride` bytes apart. False where a whole number is beyond 2^53 and not a double.
template <typename T>
bool convert(const char* from, int64_t stride, bool swap, int64_t count, double* to) {
  bool exact = true;
  for (int64_t i = 0; i < count; ++i) {
    const T cell = load<T>(from + i * stride, swap);
    to[i] = static_cast<double>(cell);
    if constexpr (std::is_integral_v<T> && sizeof(T) == 8) {
      constexpr T limit = T{1} << 53;
      exact = exact && cell <= limit && (std::is_unsigned_v<T> || cell >= T{0} - limit);
    }
  }
  return exact;
}

/// Any byte but 0 and 1 is no `bool`.
bool convert_bools(const char* from, int64_t stride, int64_t count, double* to) {
  bool exact = true;
  for (int64_t i = 0; i < count; ++i) {
    const auto cell = static_cast<uint8_t>(from[i * stride]);
    to[i] = cell;
    exact = exact && cell <= 1;
  }
  return exact;
}

bool convert(const Array& array, const char* from, int64_t stride, int64_t count, double* to) {
  const bool swap = array.big_endian;
  switch (array.kind) {
    case Array::Kind::boolean: return convert_bools(from, stride, count, to);
    case Array::Kind::real:
      return array.bytes == 4 ? convert<float>(from, stride, swap, count, to)
                              : convert<double>(from, stride, swap, count, to);
    case Array::Kind::signed_integer:
      if (array.bytes == 1) return convert<int8_t>(from, stride, swap, count, to);
      if (array.bytes == 2) return convert<int16_t>(from, stride, swap, count, to);
      return array.bytes == 4 ? convert<int32_t>(from, stride, swap, count, to)
                              : convert<int64_t>(from, stride, swap, count, to);
    case Array::Kind::unsigned_integer:
      if (array.bytes == 1) return convert<uint8_t>(from, stride, swap, count, to);
      if (array.bytes == 2) return convert<uint16_t>(from, stride, swap, count, to);
      return array.bytes == 4 ? convert<uint32_t>(from, stride, swap, count, to)
                              : convert<uint64_t>(from, stride, swap, count, to);
  }
  return false;
}

/// False where some cell is not what its type says.
bool read_cells(const Array& array, Table& table, Pool& pool) {
  std::atomic<bool> exact = true;
  if (array.by_columns || array.columns == 1) {
    pool.run(array.columns, [&](int64_t c, int) {
      std::vector<double>& values = table.columns[static_cast<size_t>(c)].values;
      values.resize(static_cast<size_t>(array.rows));
      const char* from = array.cells.data() + c * array.rows * array.bytes;
      if (!convert(array, from, array.bytes, array.rows, values.data())) exact = false;
      if (array.mapped)
        let_go(array.cells.substr(static_cast<size_t>(c * array.rows * array.bytes),
                                  static_cast<size_t>(array.rows * array.bytes)));
    });
    return exact;
  }
  pool.run(array.columns, [&](int64_t c, int) {
    table.columns[static_cast<size_t>(c)].values.resize(static_cast<size_t>(array.rows));
  });
  const int64_t stride = array.columns * array.bytes;
  const int64_t part_rows = std::max(int64_t{1}, let_go_bytes / (stride * block_rows)) * block_rows;
  pool.run((array.rows + part_rows - 1) / part_rows, [&](int64_t part, int) {
    const int64_t begin = part * part_rows, end = std::min(begin + part_rows, array.rows);
    for (int64_t first = begin; first < end; first += block_rows) {
      const int64_t count = std::min(block_rows, end - first);
      for (int64_t c = 0; c < array.columns; ++c) {
        double* to = table.columns[static_cast<size_t>(c)].values.data() + first;
        if (!convert(array, array.cells.data() + first * stride + c * array.bytes, stride, count, to))
          exact = false;
      }
    }
    if (array.mapped)
      let_go(array.cells.substr(static_cast<size_t>(begin * stride),
                                static_cast<size_t>((end - begin) * stride)));
  });
  return exact;
}

/// The name of a file without its folder and what only says its format: "train-images" of
/// "data/train-images-idx3-ubyte.gz".
std::string stem(std::string_view name) {
  name = name.substr(name.find_last_of('/') + 1);
  const auto drop = [&](std::string_view end) {
    if (name.size() > end.size() && name.ends_with(end)) name.remove_suffix(end.size());
  };
  drop(".gz");
  for (const std::string_view end :
       {".npy", "-ubyte", ".ubyte", ".idx", "-idx1", "-idx2", "-idx3", "-idx4", ".idx1", ".idx3"})
    drop(end);
  return name == "-" ? "x" : std::string(name);
}

bool ends_as(std::string_view name, std::string_view extension) {
  if (name.ends_with(".gz")) name.remove_suffix(3);
  return name.ends_with(extension);
}

bool is_idx(std::string_view name, std::string_view bytes) {
  const bool begins = bytes.size() >= 4 && bytes[0] == 0 && bytes[1] == 0 && bytes[2] >= 0x08 &&
                      bytes[2] <= 0x0E && bytes[3] > 0;
  return begins || ends_as(name, "ubyte") || ends_as(name, ".idx");
}

bool is_npy(std::string_view name, std::string_view bytes) {
  return bytes.starts_with("\x93NUMPY") || ends_as(name, ".npy");
}

}  // namespace

bool is_array_file(std::string_view name, std::string_view bytes) {
  return is_npy(name, bytes) || is_idx(name, bytes);
}

std::optional<ArrayFault> set_shape(Array& array, const std::vector<int64_t>& dimensions,
                                    std::string_view behind) {
  array.rows = dimensions.front();
  array.columns = 1;
  const auto have = static_cast<int64_t>(behind.size());
  int64_t cells = array.rows;
  bool huge = false;
  for (size_t i = 1; i < dimensions.size(); ++i) {
    huge = huge || __builtin_mul_overflow(array.columns, dimensions[i], &array.columns);
  }
  huge = huge || __builtin_mul_overflow(cells, array.columns, &cells) ||
         __builtin_mul_overflow(cells, array.bytes, &cells);
  constexpr size_t shown = 6;
  const std::vector<int64_t> first(
      dimensions.begin(), dimensions.begin() + static_cast<int64_t>(std::min(shown, dimensions.size())));
  const std::string shape =
      fmt::format("{}{}", fmt::join(first, " × "), dimensions.size() > shown ? " × …" : "");
  if (huge || cells != have) {
    return ArrayFault{
        Code::array_damaged,
        huge ? fmt::format("the header promises {} cells, more than any file holds", shape)
             : fmt::format("the header promises {} cells of {} byte{}, which are {} bytes, and {} follow",
                           shape, array.bytes, array.bytes == 1 ? "" : "s", cells, have)};
  }
  if (array.rows == 0)
    return ArrayFault{Code::table_without_rows, fmt::format("the array is {}: it has no rows", shape)};
  if (array.columns == 0)
    return ArrayFault{Code::array_unsupported, fmt::format("the array is {}: it has no columns", shape)};
  if (array.columns > most_columns) {
    return ArrayFault{Code::array_unsupported, fmt::format("the array has {} columns, and a table at most {}",
                                                           array.columns, most_columns)};
  }
  array.cells = behind;
  return std::nullopt;
}

std::optional<Table> read_array_file(const std::string& name, std::string_view bytes, bool mapped, Pool& pool,
                                     Diagnostics& diagnostics) {
  const auto fail = [&](ArrayFault fault) {
    Diagnostic d{fault.code, std::move(fault.message)};
    d.hint = std::move(fault.hint);
    d.table = {name, 0, {}, {}};
    diagnostics.report(std::move(d));
    return std::nullopt;
  };
  std::variant<Array, ArrayFault> read = is_npy(name, bytes) ? read_npy(bytes) : read_idx(bytes);
  if (ArrayFault* fault = std::get_if<ArrayFault>(&read)) return fail(std::move(*fault));
  Array& array = std::get<Array>(read);
  array.mapped = mapped;
  Table table;
  table.file = name;
  table.rows = array.rows;
  const std::string base = stem(name);
  // "x2" and 1 would make x21, which is also "x" and 21.
  const bool digit = !base.empty() && base.back() >= '0' && base.back() <= '9';
  for (int64_t c = 1; c <= array.columns; ++c) {
    Column column;
    column.name = array.columns == 1 ? base : fmt::format("{}{}{}", base, digit ? "." : "", c);
    table.columns.push_back(std::move(column));
  }
  if (!read_cells(array, table, pool)) {
    return fail({Code::array_unsupported, array.kind == Array::Kind::boolean
                                              ? "a cell of type `bool` is neither 0 nor 1"
                                              : "a whole number is beyond 2^53, where doubles have gaps"});
  }
  pool.run(array.columns, [&](int64_t c, int) { count_cells(table.columns[static_cast<size_t>(c)]); });
  return table;
}

}  // namespace lvm::runtime
