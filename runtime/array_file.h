#pragma once
// array_file: the bytes of a NumPy .npy file or an IDX file -> Table. Rows are the first dimension; the
// columns have no names in the file and are called after it: `digits.npy` has the columns digits1, digits2,
// …, or `digits` where there is one.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "frontend/diagnostics/diagnostic.h"
#include "runtime/pool.h"
#include "runtime/table.h"

namespace lvm::runtime {

/// Its first bytes or its name say that it is one: a damaged one is reported as such, and not as a strange
/// text.
bool is_array_file(std::string_view name, std::string_view bytes);

/// None where `diagnostics` got an error. Of a mapped file pages are let go as they have been read.
std::optional<Table> read_array_file(const std::string& name, std::string_view bytes, bool mapped, Pool& pool,
                                     Diagnostics& diagnostics);

/// Numbers in a file, their header read: `cells` has exactly rows · columns of them.
struct Array {
  enum class Kind : uint8_t { boolean, signed_integer, unsigned_integer, real };
  Kind kind = Kind::real;
  int bytes = 8;
  bool big_endian = false;
  bool by_columns = false;  // Fortran order
  int64_t rows = 0;
  int64_t columns = 1;
  std::string_view cells = {};
  bool mapped = false;
};

struct ArrayFault {
  Code code;
  std::string message;
  std::string hint = {};
};

/// NumPy's format, versions 1 to 3 (NumPy Enhancement Proposal 1).
std::variant<Array, ArrayFault> read_npy(std::string_view bytes);
/// Zero, zero, type, number of dimensions, the dimensions, the cells; all big-endian (LeCun et al., the MNIST
/// database).
std::variant<Array, ArrayFault> read_idx(std::string_view bytes);

/// `array.rows`, `.columns` and `.cells` from the dimensions and the bytes behind the header; a fault where
/// they do not agree.
std::optional<ArrayFault> set_shape(Array& array, const std::vector<int64_t>& dimensions,
                                    std::string_view behind);

}  // namespace lvm::runtime
