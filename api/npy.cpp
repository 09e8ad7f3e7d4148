// Answers as NumPy's .npy, version 1.0 of its format: a matrix of doubles, rows by columns; of categories the
// number of the value, from 0.

#include <bit>

#include <fmt/format.h>

#include "api/fitted.h"

namespace lvm {

std::string to_npy(const Results& results) {
  const size_t rows = results.columns.empty() ? 0 : results.columns.front().values.size();
  std::string header = fmt::format("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, {}), }}", rows,
                                   results.columns.size());
  constexpr size_t before = 10;  // magic, version, length of the header
  header.resize((before + header.size() + 1 + 63) / 64 * 64 - before, ' ');
  header.back() = '\n';
  std::string text("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>(header.size() & 0xFF);
  text += static_cast<char>(header.size() >> 8);
  text += header;
  for (size_t row = 0; row < rows; ++row) {
    for (const ResultColumn& column : results.columns) {
      const auto word = std::bit_cast<uint64_t>(column.values[row]);
      for (int shift = 0; shift < 64; shift += 8) text += static_cast<char>(word >> shift & 0xFF);
    }
  }
  return text;
}

}  // namespace lvm
