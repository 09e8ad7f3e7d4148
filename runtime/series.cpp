#include "runtime/series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "ir/passes/chain_rows.h"

namespace lvm::runtime {
namespace {

std::string shown(const Column& column, int64_t row) {
  const double value = column.cell(row);
  return column.text ? column.levels[static_cast<size_t>(value)] : fmt::format("{}", value);
}

struct Finder {
  const ir::ModelSequence& sequence;
  const Table& table;
  Diagnostics& diagnostics;
  std::vector<const Column*> by = {};
  const Column* order = nullptr;

  const Column* column(const std::string& name) {
    if (const Column* found = table.find(name)) return found;
    std::vector<std::string> names;
    for (const Column& each : table.columns) names.push_back(each.name);
    const auto near = did_you_mean(name, names);
    diagnostics.report(
        {.code = Code::column_not_found,
         .message = fmt::format("the table has no column `{}` for the sequence `{}`", name, sequence.name),
         .range = sequence.range,
         .hint = near ? fmt::format("did you mean `{}`?", *near) : ""});
    return nullptr;
  }

  bool find_columns(const BindOptions& options) {
    const auto given = [&](const char* suffix, std::vector<std::string> own) {
      const auto found = options.columns.find(sequence.name + suffix);
      return found == options.columns.end() ? own : found->second;
    };
    bool good = true;
    for (const std::string& name : given(".by", sequence.by)) good = by.emplace_back(column(name)) && good;
    const std::vector<std::string> ordered =
        given(".order", sequence.order.empty() ? std::vector<std::string>() : std::vector{sequence.order});
    if (!ordered.empty()) good = (order = column(ordered.front())) && good;
    return good;
  }

  void report(Code code, std::string message, int64_t row, const std::string& column, std::string hint) {
    Diagnostic d{
        .code = code, .message = std::move(message), .range = sequence.range, .hint = std::move(hint)};
    d.table = {table.file_of(row), table.shown_row(row), column, {}};
    diagnostics.report(std::move(d));
  }

  bool has_cells() {
    std::vector<const Column*> all = by;
    if (order) all.push_back(order);
    for (const Column* each : all) {
      const int64_t absent = find_cell(*each, [](double x) { return std::isnan(x); });
      if (absent == table.rows) continue;
      const char* says = each == order ? "where it stands in its series" : "the series it belongs to";
      report(Code::sequence_cell_missing,
             fmt::format("a row has no value in column `{}`, which says {}", each->name, says), absent,
             each->name, "a step of which nothing is known has empty cells of `data` alone");
      return false;
    }
    if (!order || !order->text) return true;
    report(Code::sequence_order_text,
           fmt::format("column `{}` holds text such as `{}`", order->name, order->first_odd.text),
           order->first_odd.row, order->name,
           "write times as numbers, or leave `order` out: the rows are then in order as they stand");
    return false;
  }

  /// A place that two rows of a series share; false then.
  bool sort(std::vector<int64_t>& rows, const std::string& name) {
    if (!order) return true;
    const auto place = [&](int64_t row) { return order->cell(row); };
    std::ranges::sort(rows, {}, [&](int64_t row) { return std::pair(place(row), row); });
    const auto twice = std::ranges::adjacent_find(rows, {}, place);
    if (twice == rows.end()) return true;
    report(Code::sequence_order_repeated,
           fmt::format("{} {} in two rows{}", order->name, shown(*order, *twice),
                       name.empty() ? "" : fmt::format(" of series `{}`", name)),
           *(twice + 1), order->name,
           by.empty() ? "several series in one table are told apart by `by \"column\"`" : "");
    return false;
  }

  void check_jumps(const Series& series) {
    if (!order) return;
    const auto gap = [&](int64_t place) {
      return order->cell(series.rows[static_cast<size_t>(place)]) -
             order->cell(series.rows[static_cast<size_t>(place - 1)]);
    };
    double least = std::numeric_limits<double>::infinity();
    const auto each = [&](const auto& f) {
      for (size_t s = 0; s + 1 < series.first.size(); ++s) {
        for (int64_t place = series.first[s] + 1; place < series.first[s + 1]; ++place) f(place, s);
      }
    };
    each([&](int64_t place, size_t) { least = std::min(least, gap(place)); });
    int64_t count = 0, at = 0;
    size_t in = 0;
    each([&](int64_t place, size_t s) {
      if (gap(place) <= least * (1 + 1e-6)) return;
      if (count++ == 0) at = place, in = s;
    });
    if (count == 0) return;
    const int64_t row = series.rows[static_cast<size_t>(at)],
                  before = series.rows[static_cast<size_t>(at - 1)];
    const std::string where =
        series.names[in].empty() ? "" : fmt::format(" in series `{}`", series.names[in]);
    const std::string others = count == 1 ? "" : fmt::format(" ({} more jumps)", count - 1);
    report(Code::sequence_jumps,
           fmt::format("`{}` jumps from {} to {}{}, and rises by {} elsewhere{}", order->name,
                       shown(*order, before), shown(*order, row), where, least, others),
           row, order->name, "");
  }
};

}  // namespace

Series find_series(const ir::Model& model, const Table& table, const BindOptions& options,
                   Diagnostics& diagnostics) {
  Finder finder{*model.sequence, table, diagnostics};
  Series to;
  if (!finder.find_columns(options) || !finder.has_cells()) return to;
  std::map<std::vector<double>, size_t> known;
  std::vector<std::vector<int64_t>> rows;
  for (int64_t row = 0; row < table.rows; ++row) {
    std::vector<double> key;
    for (const Column* column : finder.by) key.push_back(column->cell(row));
    const auto [at, added] = known.try_emplace(std::move(key), rows.size());
    if (added) {
      std::string name;
      for (const Column* column : finder.by) name += (name.empty() ? "" : ", ") + shown(*column, row);
      to.names.push_back(std::move(name));
      rows.emplace_back();
    }
    rows[at->second].push_back(row);
  }
  for (size_t s = 0; s < rows.size(); ++s) {
    if (!finder.sort(rows[s], to.names[s])) return to;
    to.first.push_back(static_cast<int64_t>(to.rows.size()));
    to.rows.insert(to.rows.end(), rows[s].begin(), rows[s].end());
  }
  to.first.push_back(static_cast<int64_t>(to.rows.size()));
  finder.check_jumps(to);
  return to;
}

BoundData sequenced(const ir::Model& model, const BoundData& data, Series series) {
  BoundData to;
  to.rows = data.rows;
  to.total_weight = data.total_weight;
  to.sizes = data.sizes;
  int64_t columns = 1;
  for (const BoundVariable& v : data.variables) columns += v.size;
  const auto bound_of = [&](const ir::Lag& lag) {
    return data.find(model.variables[static_cast<size_t>(lag.of)].name);
  };
  const auto is_given = [&](const ir::Lag& lag) {
    return model.variables[static_cast<size_t>(lag.variable)].role == ir::Role::given;
  };
  for (const ir::Lag& lag : model.lags) columns += is_given(lag) ? bound_of(lag)->size : 0;
  to.packed = PackedColumns(data.rows, columns);
  std::vector<int64_t> step(static_cast<size_t>(data.rows));
  for (size_t s = 0; s + 1 < series.first.size(); ++s)
    std::iota(step.begin() + series.first[s], step.begin() + series.first[s + 1], int64_t{0});
  int64_t next = 0;
  const auto add = [&](BoundVariable v, int64_t from, int lag) {
    v.first = next;
    for (int64_t e = 0; e < v.size; ++e, ++next) {
      const CellColumn cells = data.packed.column(from + e);
      double* out = to.packed.column(next);
      for (int64_t row = 0; row < data.rows; ++row) {
        const int64_t at = step[static_cast<size_t>(row)] >= lag ? row - lag : row;
        out[row] = cells[series.rows[static_cast<size_t>(at)]];
      }
      to.packed.pad(next);
    }
    to.variables.push_back(std::move(v));
  };
  for (const BoundVariable& v : data.variables) add(v, v.first, 0);
  for (const ir::Lag& lag : model.lags) {
    if (!is_given(lag)) continue;
    BoundVariable v = *bound_of(lag);
    const int64_t from = v.first;
    v.name = model.variables[static_cast<size_t>(lag.variable)].name;
    v.role = ir::Role::given;
    v.columns.clear();
    add(std::move(v), from, lag.steps);
  }
  BoundVariable place{.name = model.sequence->name,
                      .role = ir::Role::given,
                      .element = ir::Element::real,
                      .columns = {},
                      .levels = {},
                      .first = next,
                      .size = 1,
                      .variance = {0},
                      .absent = 0};
  std::copy(step.begin(), step.end(), to.packed.column(next));
  to.packed.pad(next);
  to.variables.push_back(std::move(place));
  to.table_rows = std::move(series.rows);
  to.series = std::move(series.first);
  to.series_names = std::move(series.names);
  return to;
}

}  // namespace lvm::runtime
