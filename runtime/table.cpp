#include "runtime/table.h"

#include <fmt/format.h>

#include <cmath>

namespace lvm::runtime {

const Column* Table::find(const std::string& name) const {
  for (const Column& column : columns) {
    if (column.name == name && !name.empty()) return &column;
  }
  return nullptr;
}

namespace {

Column copy_column(const HostColumn& host, int64_t rows) {
  Column column;
  column.name = host.name;
  column.values.resize(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i) {
    const double x = host.data[i * host.stride];
    column.values[static_cast<size_t>(i)] = x;
    if (std::isnan(x)) {
      ++column.missing;
    } else if (std::isfinite(x)) {
      ++column.numbers;
    } else if (column.first_odd.kind == OddCell::Kind::none) {
      column.first_odd = {OddCell::Kind::not_finite, i, fmt::format("{}", x)};
    }
  }
  return column;
}

}  // namespace

Table make_table(const std::vector<HostColumn>& columns, int64_t rows) {
  Table table;
  table.rows = rows;
  for (const HostColumn& host : columns) table.columns.push_back(copy_column(host, rows));
  return table;
}

}  // namespace lvm::runtime
