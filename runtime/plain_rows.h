#pragma once
// plain_rows: the fast way through the rows of a text table without quotes, in blocks that threads share.

#include <functional>
#include <string_view>

#include "runtime/cells.h"
#include "runtime/pool.h"
#include "runtime/table.h"

namespace lvm::runtime {

struct PlainText {
  std::string_view body;  // rows, without the header and without line breaks at the end
  char delimiter = ',';
  /// What a cell says that is no plain decimal.
  std::function<Number(std::string_view)> number;
  bool mapped = false;  // pages of a file: let go as they have been read
};

/// The double that stands for a cell; counts it in `column`, and notes the first that is neither a number nor
/// missing.
double add_cell(Column& column, const Number& number, std::string_view cell, int64_t row);

/// Fills the columns, whose names stand already. False where some row needs care (a quote, a carriage return
/// alone, another number of cells, a very long cell): the columns are then as they were. The blocks do not
/// depend on the number of threads.
bool read_plain_rows(const PlainText& text, Table& table, Pool& pool);

}  // namespace lvm::runtime
