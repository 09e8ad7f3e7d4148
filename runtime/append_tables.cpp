#include "runtime/append_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

namespace lvm::runtime {
namespace {

bool has_column(const Table& table, const std::string& name) {
  return table.find(name) != nullptr;
}

bool report(const Table& table, std::string message, const std::string& column, std::string hint,
            Diagnostics& diagnostics) {
  Diagnostic d{Code::tables_differ, std::move(message)};
  d.hint = std::move(hint);
  d.table = {table.file, table.header ? 1 : 0, column, {}};
  diagnostics.report(std::move(d));
  return false;
}

std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(column.name);
  return names;
}

bool same_names(const Table& first, const Table& table, Diagnostics& diagnostics) {
  constexpr int most = 5;
  int different = 0;
  const auto compare = [&](const Table& has, const Table& lacks, std::string_view text) {
    for (const Column& column : has.columns) {
      if (column.name.empty() || has_column(lacks, column.name) || ++different > most) continue;
      const auto near = did_you_mean(column.name, names_of(lacks));
      report(table, fmt::format(fmt::runtime(text), table.file, column.name, first.file), column.name,
             near ? fmt::format("is its `{}` meant?", *near) : "", diagnostics);
    }
  };
  compare(first, table, "`{0}` has no column `{1}`, which `{2}` has");
  compare(table, first, "`{0}` has a column `{1}`, which `{2}` has not");
  return different == 0;
}

bool same_places(const Table& first, Table& table, Diagnostics& diagnostics) {
  if (table.columns.size() != first.columns.size()) {
    return report(table,
                  fmt::format("`{}` has {} columns and `{}` has {}", table.file, table.columns.size(),
                              first.file, first.columns.size()),
                  "", "", diagnostics);
  }
  for (size_t i = 0; i < table.columns.size(); ++i) table.columns[i].name = first.columns[i].name;
  return true;
}

/// Adds `from` behind `to`, whose levels are `index`.
void append_levels(Column& to, Column& from, std::unordered_map<std::string, double>& index) {
  std::vector<double> code;
  for (std::string& level : from.levels) {
    const auto [known, added] = index.try_emplace(level, static_cast<double>(to.levels.size()));
    if (added) to.levels.push_back(std::move(level));
    code.push_back(known->second);
  }
  for (double& value : from.values) {
    if (!std::isnan(value)) value = code[static_cast<size_t>(value)];
  }
}

Column append_columns(const std::vector<Column*>& parts, int64_t rows) {
  Column to;
  to.name = parts.front()->name;
  to.text = parts.front()->text;
  to.values.reserve(static_cast<size_t>(rows));
  std::unordered_map<std::string, double> index;
  for (Column* part : parts) {
    if (to.text) append_levels(to, *part, index);
    if (to.first_odd.kind == OddCell::Kind::none && part->first_odd.kind != OddCell::Kind::none) {
      to.first_odd = part->first_odd;
      to.first_odd.row += static_cast<int64_t>(to.values.size());
    }
    to.values.insert(to.values.end(), part->values.begin(), part->values.end());
    to.numbers += part->numbers;
    to.missing += part->missing;
    *part = Column{};
  }
  return to;
}

}  // namespace

bool same_columns(std::vector<Table>& tables, Diagnostics& diagnostics) {
  bool good = true;
  for (size_t i = 1; i < tables.size(); ++i) {
    const bool arrays = !tables[i].header && !tables.front().header;
    good = (arrays ? same_places(tables.front(), tables[i], diagnostics)
                   : same_names(tables.front(), tables[i], diagnostics)) &&
           good;
  }
  return good;
}

std::set<std::string> text_columns(const std::vector<Table>& tables) {
  std::set<std::string> names;
  for (const Table& table : tables) {
    for (const Column& column : table.columns) {
      if (column.text) names.insert(column.name);
    }
  }
  return names;
}

bool has_number_column(const Table& table, const std::set<std::string>& names) {
  return std::any_of(table.columns.begin(), table.columns.end(),
                     [&](const Column& c) { return !c.text && names.contains(c.name); });
}

Table append_tables(std::vector<Table> tables) {
  Table to;
  const size_t more = tables.size() - 1;
  to.file = fmt::format("{} and {} more file{}", tables.front().file, more, more == 1 ? "" : "s");
  to.header = tables.front().header;
  std::vector<std::map<std::string, Column*>> columns(tables.size());
  for (size_t i = 0; i < tables.size(); ++i) {
    to.parts.push_back({tables[i].file, to.rows, tables[i].header});
    to.rows += tables[i].rows;
    for (Column& column : tables[i].columns) columns[i][column.name] = &column;
  }
  const std::vector<std::string> names = names_of(tables.front());
  for (const std::string& name : names) {
    if (name.empty()) continue;
    std::vector<Column*> parts;
    for (const auto& of_table : columns) parts.push_back(of_table.at(name));
    to.columns.push_back(append_columns(parts, to.rows));
  }
  return to;
}

}  // namespace lvm::runtime
