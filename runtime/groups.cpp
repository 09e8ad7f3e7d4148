#include "runtime/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "ir/passes/group_rows.h"

namespace lvm::runtime {
namespace {

std::string shown(const Column& column, int64_t row) {
  const double value = column.cell(row);
  return column.text ? column.levels[static_cast<size_t>(value)] : fmt::format("{}", value);
}

}  // namespace

int64_t Groups::longest() const {
  size_t most = 0;
  for (const auto& group : rows) most = std::max(most, group.size());
  return static_cast<int64_t>(most);
}

bool Groups::ragged() const {
  return std::ranges::any_of(rows, [&](const auto& group) { return group.size() != rows.front().size(); });
}

Groups find_groups(const ir::Model& model, const Table& table, Diagnostics& diagnostics) {
  const ir::ModelPlate& plate = model.plates.front();
  std::vector<const Column*> columns;
  for (const std::string& name : plate.columns) {
    const Column* column = table.find(name);
    if (!column) {
      std::vector<std::string> names;
      for (const Column& each : table.columns) names.push_back(each.name);
      const auto near = did_you_mean(name, names);
      diagnostics.report(
          {.code = Code::column_not_found,
           .message = fmt::format("the table has no column `{}` for the plate `{}`", name, plate.name),
           .range = plate.range,
           .hint = near ? fmt::format("did you mean `{}`?", *near) : ""});
    } else {
      columns.push_back(column);
    }
  }
  Groups to;
  if (columns.size() != plate.columns.size()) return to;
  std::map<std::vector<double>, size_t> known;
  for (int64_t row = 0; row < table.rows; ++row) {
    std::vector<double> key;
    for (const Column* column : columns) {
      key.push_back(column->cell(row));
      if (!std::isnan(key.back())) continue;
      Diagnostic d{
          .code = Code::plate_cell_missing,
          .message = fmt::format("a row has no value in column `{}`, which says the `{}` it belongs to",
                                 column->name, plate.name),
          .range = plate.range};
      d.table = {table.file_of(row), table.shown_row(row), column->name, {}};
      diagnostics.report(std::move(d));
      return {};
    }
    const auto [at, added] = known.try_emplace(std::move(key), to.rows.size());
    if (added) {
      std::string name;
      for (const Column* column : columns) name += (name.empty() ? "" : ", ") + shown(*column, row);
      to.names.push_back(std::move(name));
      to.rows.emplace_back();
    }
    to.rows[at->second].push_back(row);
  }
  return to;
}

BoundData grouped(const ir::Model& model, const BoundData& data, const Groups& groups,
                  Diagnostics& diagnostics) {
  const auto count = static_cast<int64_t>(groups.rows.size()), longest = groups.longest();
  BoundData to;
  to.rows = count;
  to.observations = static_cast<double>(data.rows);
  to.total_weight = static_cast<double>(count);
  to.sizes = data.sizes;
  to.plate = model.plates.front().name;
  to.group_names = groups.names;
  int64_t columns = 0;
  for (const BoundVariable& v : data.variables)
    columns +=
        v.size *
        (ir::varies_in_groups(model.variables[static_cast<size_t>(*model.find(v.name))]) ? longest : 1);
  to.packed = PackedColumns(count, columns);
  int64_t next = 0;
  for (const BoundVariable& v : data.variables) {
    const ir::Variable& variable = model.variables[static_cast<size_t>(*model.find(v.name))];
    const bool varies = ir::varies_in_groups(variable);
    BoundVariable made = v;
    made.first = next;
    made.size = varies ? v.size * longest : v.size;
    made.variance.clear();
    made.absent = 0;
    for (int64_t e = 0; e < v.size; ++e) {
      const CellColumn cells = data.packed.column(v.first + e);
      for (int64_t t = 0; t < (varies ? longest : 1); ++t, ++next) {
        double* out = to.packed.column(next);
        made.variance.push_back(v.variance[static_cast<size_t>(e)]);
        for (int64_t g = 0; g < count; ++g) {
          const std::vector<int64_t>& rows = groups.rows[static_cast<size_t>(g)];
          const bool there = t < static_cast<int64_t>(rows.size());
          out[g] = there                      ? cells[rows[static_cast<size_t>(t)]]
                   : v.role == ir::Role::data ? std::nan("")
                                              : cells[rows.back()];
          made.absent += there && std::isnan(out[g]) ? 1 : 0;  // of the table
          const auto other = std::ranges::find_if(rows, [&](int64_t row) { return cells[row] != out[g]; });
          if (varies || other == rows.end()) continue;
          diagnostics.report(
              {.code = Code::varies_within_plate,
               .message = fmt::format(
                   "`{}` is one value per `{}`, and in `{}` it is {} in one row and {} in another", v.name,
                   to.plate, groups.names[static_cast<size_t>(g)], out[g], cells[*other]),
               .range = variable.range,
               .hint = fmt::format("declare it without `per {}`", to.plate)});
          return to;
        }
        to.packed.pad(next);
      }
    }
    to.variables.push_back(std::move(made));
  }
  return to;
}

}  // namespace lvm::runtime
