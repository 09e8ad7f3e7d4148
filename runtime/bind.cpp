#include "runtime/bind.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "ir/passes/enumerate.h"
#include "runtime/cell_check.h"
#include "runtime/check_support.h"
#include "runtime/columns_in_place.h"
#include "runtime/match_columns.h"
#include "runtime/matrix_cells.h"
#include "runtime/patterns.h"
#include "runtime/variance.h"

namespace lvm::runtime {
namespace {

using ir::AxisId;
using ir::Element;
using ir::Variable;
using Preprocess = ir::Binding::Preprocess;

/// What a fitted spread is held against where the fit has already found it wide enough beside its own table:
/// this one may be a single row.
constexpr double beside_nothing = 1e-100;
constexpr int most_cell_errors = 5;  // of one variable: one a column

class Binder {
 public:
  Binder(const ir::Model& model, const Table& table, Table* used_up, const BindOptions& options,
         Diagnostics& diagnostics)
      : model_(model), table_(table), used_up_(used_up), options_(options), diagnostics_(diagnostics) {}

  BoundData bind(const std::vector<Match>& matches);

 private:
  void find_sizes(const Match& match);
  void find_matrix_size(const Match& match);
  void set_size(const Variable& v, AxisId axis, int64_t size);
  void check_count(const Match& match);
  std::string other_size(const Variable& v, int64_t count) const;
  void check_axes_have_sizes();
  void add_twins();
  void find_levels(const std::vector<Match>& matches);
  void set_levels(AxisId range, const std::vector<const Match*>& users);
  const std::vector<std::string>* fitted_levels(const std::vector<const Match*>& users) const;
  void check_fitted_levels(const std::vector<std::string>& fitted, const std::vector<const Match*>& users);
  bool check_cells(const Variable& v, const Column& column);
  bool check_weight(const Variable& v, const Column& column);
  bool check_values(const Variable& v, const Column& column);
  void pack(const Match& match, BoundVariable& bound);
  void check_matrices(const Match& match);
  void note_variance(const Variable& v, const Column& column, int64_t at, BoundVariable& bound);
  std::vector<std::optional<HostCells>> hosts(const std::vector<Match>& matches) const;
  double value(const Variable& v, const Column& column, double cell) const;
  void warn_of_constant(const Variable& v, const Column& column, double variance);

  const Variable& variable(const Match& match) const {
    return model_.variables[static_cast<size_t>(match.variable)];
  }
  const Column& column(int i) const { return table_.columns[static_cast<size_t>(i)]; }
  int64_t size_of(AxisId axis) const {
    const auto found = out_.sizes.find(axis);
    if (found != out_.sizes.end()) return found->second;
    const ir::Axis& own = model_.module.axis(axis);
    if (own.size != ir::unknown_size || !own.name.ends_with('\'')) return own.size;
    const auto twin = model_.module.find_axis(own.name.substr(0, own.name.size() - 1));
    return twin ? size_of(*twin) : own.size;
  }
  ir::SizeSource source_of(AxisId axis) const {
    for (const ir::ModelAxis& a : model_.axes) {
      if (a.id == axis) return a.source;
    }
    return ir::SizeSource::literal;
  }
  std::vector<std::string> names_of(const Match& match) const {
    std::vector<std::string> out;
    for (const int i : match.columns) out.push_back(column(i).name);
    return out;
  }
  void fail(Code code, const Variable& v, std::string message, std::string hint = {}, TablePlace place = {}) {
    Diagnostic d{code, std::move(message)};
    d.range = v.range;
    d.hint = std::move(hint);
    d.table = std::move(place);
    if (d.table.file.empty()) d.table.file = table_.file;
    diagnostics_.report(std::move(d));
  }
  TablePlace place(const Column& c, int64_t row, std::string cell) const {
    return {table_.file_of(row), table_.shown_row(row), c.name, std::move(cell)};
  }

  const ir::Model& model_;
  const Table& table_;
  Table* used_up_;  // the same table where its cells may go, else null
  const BindOptions& options_;
  Diagnostics& diagnostics_;
  BoundData out_;
  std::map<AxisId, std::vector<std::string>> levels_;  // of the range axes of categories
};

void Binder::set_size(const Variable& v, AxisId axis, int64_t size) {
  const int64_t before = size_of(axis);
  if (before == ir::unknown_size) {
    out_.sizes[axis] = size;
  } else if (before != size) {
    fail(Code::axis_size_conflict, v,
         fmt::format("axis `{}` has {} elements by one variable and {} by `{}`",
                     model_.module.axis(axis).name, before, size, v.name));
  }
}

/// An axis `= columns` of a single unknown size follows from the number of columns; of a matrix from its
/// root.
void Binder::find_sizes(const Match& match) {
  const Variable& v = variable(match);
  if (v.domain == ir::Domain::covariance) return find_matrix_size(match);
  AxisId open = -1;
  int64_t known = 1;
  for (const AxisId axis : v.declared_axes) {
    const bool from_columns = source_of(axis) == ir::SizeSource::columns;
    if (from_columns && (v.declared_axes.size() == 1 || size_of(axis) == ir::unknown_size)) {
      open = axis;
    } else {
      known *= size_of(axis);
    }
  }
  const auto count = static_cast<int64_t>(match.columns.size());
  if (open >= 0 && known > 0 && count % known == 0) set_size(v, open, count / known);
}

void Binder::find_matrix_size(const Match& match) {
  const Variable& v = variable(match);
  const AxisId axis = v.declared_axes[v.declared_axes.size() - 2];
  if (source_of(axis) != ir::SizeSource::columns) return;
  int64_t others = 1;
  for (size_t i = 0; i + 2 < v.declared_axes.size(); ++i) others *= size_of(v.declared_axes[i]);
  if (others <= 0) return;
  const auto count = static_cast<int64_t>(match.columns.size());
  const auto size = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(count / others))));
  if (size * size * others == count) return set_size(v, axis, size);
  std::vector<std::string> names = names_of(match);
  names.resize(std::min<size_t>(names.size(), 12));
  fail(Code::column_count_mismatch, v,
       fmt::format("`{}` is a square matrix in each row, and {} column{} {} found: `{}`{}", v.name, count,
                   count == 1 ? "" : "s", count == 1 ? "was" : "were", fmt::join(names, "`, `"),
                   match.columns.size() > names.size() ? ", …" : ""),
       fmt::format("choose its columns, row by row, by `--bind {}=…`", v.name));
}

void Binder::check_count(const Match& match) {
  const Variable& v = variable(match);
  int64_t expected = 1;
  std::string shape;
  for (const AxisId axis : v.declared_axes) {
    const int64_t size = size_of(axis);
    if (size == ir::unknown_size) return;  // reported by check_axes_have_sizes
    expected *= size;
    shape += fmt::format("{}{} = {}", shape.empty() ? "" : ", ", model_.module.axis(axis).name, size);
  }
  const auto count = static_cast<int64_t>(match.columns.size());
  if (count == expected || diagnostics_.has_errors()) return;
  std::vector<std::string> names = names_of(match);
  const bool long_list = names.size() > 12;
  if (long_list) names.resize(12);
  fail(Code::column_count_mismatch, v,
       fmt::format("`{}` has {} element{}{}, and {} column{} {} found: `{}`{}", v.name, expected,
                   expected == 1 ? "" : "s", shape.empty() ? "" : fmt::format(" ({})", shape), count,
                   count == 1 ? "" : "s", count == 1 ? "was" : "were", fmt::join(names, "`, `"),
                   long_list ? ", …" : ""),
       fmt::format("choose them by `--bind {}=…`{}", v.name, other_size(v, count)));
}

/// Of a variable whose only axis has its size from a number, how to give it the other one.
std::string Binder::other_size(const Variable& v, int64_t count) const {
  if (v.declared_axes.size() != 1) return "";
  const AxisId axis = v.declared_axes.front();
  const auto declared = std::ranges::find(model_.axes, axis, &ir::ModelAxis::id);
  if (declared == model_.axes.end() || declared->source != ir::SizeSource::literal) return "";
  return fmt::format(", `--set {}={}`, or let the axis be `= columns`", model_.module.axis(axis).name, count);
}

void Binder::check_axes_have_sizes() {
  for (const ir::ModelAxis& a : model_.axes) {
    if (a.source == ir::SizeSource::literal || size_of(a.id) != ir::unknown_size) continue;
    Diagnostic d{Code::axis_without_size,
                 fmt::format("axis `{}` takes its size from the data, and no data variable has it alone",
                             model_.module.axis(a.id).name)};
    d.range = a.range;
    d.hint = fmt::format("give it a size: `axis {} = 3`", model_.module.axis(a.id).name);
    diagnostics_.report(std::move(d));
  }
}

void Binder::add_twins() {
  std::map<AxisId, int64_t> twins;
  for (const auto& [axis, size] : out_.sizes) {
    if (const auto twin = model_.module.find_axis(model_.module.axis(axis).name + "'")) twins[*twin] = size;
  }
  out_.sizes.merge(twins);
}

/// The categories of one axis are those of all columns that use it, so that a code means the same everywhere.
void Binder::find_levels(const std::vector<Match>& matches) {
  std::map<AxisId, std::vector<const Match*>> users;
  for (const Match& match : matches) {
    const Variable& v = variable(match);
    if (v.type.element == Element::category) users[v.type.range].push_back(&match);
  }
  for (const auto& [range, list] : users) set_levels(range, list);
}

void Binder::set_levels(AxisId range, const std::vector<const Match*>& users) {
  std::set<double> numbers;
  std::set<std::string> texts;  // std::string orders by bytes
  bool has_text = false;
  for (const Match* match : users) {
    for (const int i : match->columns) {
      const Column& c = column(i);
      has_text = has_text || c.text;
      texts.insert(c.levels.begin(), c.levels.end());
      if (c.text) continue;
      (void)find_cell(c, [&](double x) {
        if (!std::isnan(x)) numbers.insert(x == 0 ? 0.0 : x);
        return false;
      });
    }
  }
  std::vector<std::string>& levels = levels_[range];
  if (has_text) {
    for (const double x : numbers) texts.insert(fmt::format("{}", x));
    levels.assign(texts.begin(), texts.end());
  } else {
    for (const double x : numbers) levels.push_back(fmt::format("{}", x));
  }
  if (const std::vector<std::string>* fitted = fitted_levels(users)) {
    levels = *fitted;
    check_fitted_levels(levels, users);
  }
  const auto count = static_cast<int64_t>(levels.size());
  const Variable& v = variable(*users.front());
  if (source_of(range) == ir::SizeSource::levels) return set_size(v, range, count);
  const int64_t limit = size_of(range);
  if (limit == ir::unknown_size || count <= limit) return;
  const std::vector<std::string> first(levels.begin(), levels.begin() + std::min<int64_t>(count, 12));
  fail(Code::too_many_levels, v,
       fmt::format("`{}` has {} categories, and its column{} {} distinct values: `{}`{}", v.name, limit,
                   users.front()->columns.size() == 1 ? " has" : "s have", count, fmt::join(first, "`, `"),
                   count > 12 ? ", …" : ""),
       fmt::format("`axis {} = levels` takes as many as there are", model_.module.axis(range).name),
       {table_.file, 0, column(users.front()->columns.front()).name, {}});
}

const std::vector<std::string>* Binder::fitted_levels(const std::vector<const Match*>& users) const {
  for (const Match* match : users) {
    const auto found = options_.levels.find(variable(*match).name);
    if (found != options_.levels.end()) return &found->second;
  }
  return nullptr;
}

void Binder::check_fitted_levels(const std::vector<std::string>& fitted,
                                 const std::vector<const Match*>& users) {
  const std::set<std::string> known(fitted.begin(), fitted.end());
  for (const Match* match : users) {
    for (const int i : match->columns) {
      const Column& c = column(i);
      const auto shown = [&](double x) {
        return c.text ? c.levels[static_cast<size_t>(x)] : fmt::format("{}", x == 0 ? 0.0 : x);
      };
      std::map<double, bool> seen;  // texts are looked up once a value
      const int64_t odd = find_cell(c, [&](double x) {
        if (std::isnan(x)) return false;
        const auto [at, added] = seen.try_emplace(x, false);
        if (added) at->second = known.contains(shown(x));
        return !at->second;
      });
      if (odd == c.rows()) continue;
      const std::string cell = shown(c.cell(odd));
      std::vector<std::string> list(fitted.begin(),
                                    fitted.begin() + std::min<std::ptrdiff_t>(std::ssize(fitted), 12));
      fail(Code::level_unknown, variable(*match),
           fmt::format("column `{}` has `{}`, which is none of the categories that the model was fitted to",
                       c.name, cell),
           fmt::format("they are `{}`{}", fmt::join(list, "`, `"), fitted.size() > list.size() ? ", …" : ""),
           place(c, odd, cell));
      return;
    }
  }
}

bool Binder::check_weight(const Variable& v, const Column& c) {
  double sum = 0;
  for (int64_t i = 0; i < table_.rows; ++i) {
    const double w = c.cell(i);
    if (std::isnan(w)) {
      fail(Code::row_weight_missing, v,
           fmt::format("row {} has no weight: its cell of column `{}` is missing", table_.shown_row(i),
                       c.name),
           {}, place(c, i, ""));
      return false;
    }
    if (c.text) continue;  // told of by check_cells
    if (w < 0) {
      fail(Code::row_weight_negative, v, fmt::format("the weight of row {} is {}", table_.shown_row(i), w),
           {}, place(c, i, fmt::format("{}", w)));
      return false;
    }
    sum += w;
  }
  if (c.text || (sum > 0 && std::isfinite(sum))) return true;
  fail(Code::row_weights_without_sum, v,
       sum > 0 ? fmt::format("the weights in column `{}` sum to more than a double can hold", c.name)
               : fmt::format("all weights in column `{}` are 0", c.name),
       {}, {table_.file, 0, c.name, {}});
  return false;
}

bool Binder::check_cells(const Variable& v, const Column& c) {
  if (v.role == ir::Role::weight && !check_weight(v, c)) return false;
  if (c.missing > 0 && !v.missing) {
    const int64_t row = find_cell(c, [](double x) { return std::isnan(x); });
    fail(Code::missing_cell, v,
         fmt::format("a cell of `{}` is missing ({} of {} in column `{}`)", v.name, c.missing, table_.rows,
                     c.name),
         v.role == ir::Role::data && v.domain != ir::Domain::covariance
             ? fmt::format("declare it `missing`, and absent cells are integrated out: `data {}: … missing`",
                           v.name)
             : "leave out the rows with missing cells, or this column",
         place(c, row, ""));
    return false;
  }
  // Labels may all be absent: then they are a latent like any other, if the model says of how many values.
  const bool unknown_levels = v.states >= 0 && source_of(v.states) == ir::SizeSource::levels;
  if (!options_.fitted && c.missing == table_.rows && (v.states < 0 || unknown_levels)) {
    const std::string axis = unknown_levels ? model_.module.axis(v.states).name : "";
    fail(Code::column_absent, v, fmt::format("all cells of column `{}` are missing", c.name),
         unknown_levels ? fmt::format("give the number of values: `axis {} = 3`", axis)
                        : "leave out this column",
         {table_.file, 0, c.name, {}});
    return false;
  }
  if (v.type.element == Element::category && (c.text || c.first_odd.kind == OddCell::Kind::none)) return true;
  switch (c.first_odd.kind) {
    case OddCell::Kind::none: return true;
    case OddCell::Kind::not_finite:
      fail(Code::cell_not_finite, v, fmt::format("a cell of column `{}` is not a finite number", c.name), {},
           place(c, c.first_odd.row, c.first_odd.text));
      return false;
    case OddCell::Kind::text: break;
  }
  const bool is_bool = v.type.element == Element::boolean && v.binding.preprocess == Preprocess::none;
  if (is_bool && fits(c, Element::boolean)) return true;
  const int64_t row = is_bool ? first_not_bool(c) : c.first_odd.row;
  const std::string& cell = is_bool ? c.levels[static_cast<size_t>(c.cell(row))] : c.first_odd.text;
  const bool comma =
      cell.find(',') != std::string::npos && cell.find_first_not_of("0123456789,-+eE") == std::string::npos;
  const Element expected = v.binding.preprocess == Preprocess::none ? v.type.element : Element::real;
  fail(
      Code::cell_not_number, v,
      fmt::format("column `{}` is bound to `{}`, and row {} is not {}", c.name, v.name, table_.shown_row(row),
                  expected == Element::boolean ? describe_values(expected) : "a number"),
      comma ? "write numbers with a decimal point"
            : fmt::format("if it marks a missing cell, say so: `--na {}`", cell),
      place(c, row, cell));
  return false;
}

/// After preprocessing every cell is a value of the type, or the probability of one.
bool Binder::check_values(const Variable& v, const Column& c) {
  if (v.type.element == Element::category || c.text) return true;
  const bool probability = v.binding.preprocess == Preprocess::binarise_stochastic;
  const Element element = probability ? Element::unit : v.type.element;
  if (element == Element::real) return true;  // any number: a table is not read for it
  const int64_t row =
      find_cell(c, [&](double x) { return !std::isnan(x) && !allowed(value(v, c, x), element); });
  if (row == c.rows()) return true;
  const std::string shown = fmt::format("{}", c.cell(row));
  if (probability) {
    fail(Code::cell_outside_type, v,
         fmt::format("`{}` is drawn with the probabilities of its cells, and column `{}` has {}, which is "
                     "not in {} … {}",
                     v.name, c.name, shown, v.binding.low, v.binding.high),
         "`binarise(scale(columns(…), 0..255), stochastic)` says what becomes 0 and 1", place(c, row, shown));
    return false;
  }
  fail(Code::cell_outside_type, v,
       fmt::format("`{}` is `{}`, which is {}, and column `{}` has {}", v.name, ir::name(v.type.element),
                   describe_values(v.type.element), c.name, shown),
       {}, place(c, row, shown));
  return false;
}

/// What compiled code reads for a cell of a numeric or boolean column.
double Binder::value(const Variable& v, const Column& c, double cell) const {
  if (std::isnan(cell)) return cell;
  return c.text ? read_bool(c.levels[static_cast<size_t>(cell)]).value_or(0) : change_of(v)(cell);
}

void Binder::warn_of_constant(const Variable& v, const Column& c, double variance) {
  const bool continuous = v.type.element == Element::real || v.type.element == Element::positive;
  const bool matrix = v.domain == ir::Domain::covariance;  // may well have a constant cell
  if (options_.fitted || !continuous || matrix || v.role != ir::Role::data || variance > 0 || table_.rows < 2)
    return;
  fail(Code::column_constant, v, fmt::format("all cells of column `{}` are equal", c.name), {},
       {table_.file, 0, c.name, {}});
}

/// Position of declared-order element `index` in layout order (axes sorted by id).
int64_t layout_index(const Variable& v, int64_t index, const auto& size_of) {
  std::map<AxisId, int64_t> at;
  for (auto axis = v.declared_axes.rbegin(); axis != v.declared_axes.rend(); ++axis) {
    at[*axis] = index % size_of(*axis);
    index /= size_of(*axis);
  }
  int64_t out = 0;
  for (const auto& [axis, i] : at) out = out * size_of(axis) + i;
  return out;
}

void Binder::note_variance(const Variable& v, const Column& c, int64_t at, BoundVariable& bound) {
  if (v.type.element == Element::category) return;
  const CellColumn cells = std::as_const(out_.packed).column(bound.first + at);
  const double variance =
      options_.fitted ? beside_nothing : column_variance(cells, out_.weights, table_.rows);
  bound.variance[static_cast<size_t>(at)] = variance;
  warn_of_constant(v, c, variance);
}

void Binder::pack(const Match& match, BoundVariable& bound) {
  const Variable& v = variable(match);
  bound.variance.assign(static_cast<size_t>(bound.size), 0);
  std::map<std::string, double> codes;
  for (size_t i = 0; i < bound.levels.size(); ++i) codes[bound.levels[i]] = static_cast<double>(i);
  for (int64_t e = 0; e < bound.size; ++e) {
    const Column& c = column(match.columns[static_cast<size_t>(e)]);
    bound.absent += c.missing;
    const int64_t at = layout_index(v, e, [&](AxisId axis) { return size_of(axis); });
    const bool category = v.type.element == Element::category;
    if (out_.packed.host(bound.first + at)) {
      note_variance(v, c, at, bound);
      continue;
    }
    double* cells = out_.packed.column(bound.first + at);
    if (category) {
      std::map<double, double> code_of;  // of a text column's level or a number
      for (int64_t i = 0; i < table_.rows; ++i) {
        const double cell = c.cell(i);
        if (std::isnan(cell)) {
          cells[i] = cell;
          continue;
        }
        const auto [known, added] = code_of.try_emplace(cell, 0);
        if (added) {
          known->second = codes.at(c.text ? c.levels[static_cast<size_t>(cell)]
                                          : fmt::format("{}", cell == 0 ? 0.0 : cell));
        }
        cells[i] = known->second;
      }
    } else {
      for (int64_t i = 0; i < table_.rows; ++i) cells[i] = value(v, c, c.cell(i));
    }
    out_.packed.pad(bound.first + at);
    note_variance(v, c, at, bound);
    if (used_up_) used_up_->columns[static_cast<size_t>(match.columns[static_cast<size_t>(e)])] = Column{};
  }
}

void Binder::check_matrices(const Match& match) {
  const Variable& v = variable(match);
  if (v.domain != ir::Domain::covariance) return;
  const int64_t size = size_of(v.declared_axes.back());
  const BoundVariable& bound = *out_.find(v.name);
  std::vector<double*> cells;  // of the matrices one behind the other, row-major
  for (int64_t e = 0; e < bound.size; ++e)
    cells.push_back(
        out_.packed.column(bound.first + layout_index(v, e, [&](AxisId axis) { return size_of(axis); })));
  const auto fault = make_symmetric(cells, size, [&](int64_t row) { return out_.counts(row); }, out_.rows);
  for (int64_t e = 0; e < bound.size; ++e) out_.packed.pad(bound.first + e);
  if (!fault) return;
  const std::string name = bound.columns[static_cast<size_t>(fault->element)];
  fail(Code::matrix_cell, v,
       fmt::format("row {}: the matrix of `{}` {}", table_.shown_row(fault->row), v.name, fault->what), {},
       {table_.file_of(fault->row), table_.shown_row(fault->row), name,
        fmt::format("{}", cells[static_cast<size_t>(fault->element)][fault->row])});
}

/// Of the packed columns of all variables.
std::vector<std::optional<HostCells>> Binder::hosts(const std::vector<Match>& matches) const {
  std::vector<std::optional<HostCells>> to;
  for (const Match& match : matches) {
    const Variable& v = variable(match);
    const size_t first = to.size();
    to.resize(first + match.columns.size());
    for (int64_t e = 0; e < std::ssize(match.columns); ++e) {
      const auto at = static_cast<size_t>(layout_index(v, e, [&](AxisId axis) { return size_of(axis); }));
      const Column& c = column(match.columns[static_cast<size_t>(e)]);
      if (model_.plates.empty())
        to[first + at] = cells_in_place(
            v, c, levels_.contains(v.type.range) ? levels_.at(v.type.range) : std::vector<std::string>());
    }
  }
  return to;
}

BoundData Binder::bind(const std::vector<Match>& matches) {
  out_.rows = table_.rows;
  if (table_.rows == 0 && !diagnostics_.has_errors()) {
    diagnostics_.report({Code::table_without_rows, "the table has no rows"});
  }
  if (diagnostics_.has_errors()) return std::move(out_);
  for (const Match& match : matches) find_sizes(match);
  for (const Match& match : matches) check_count(match);
  for (const Match& match : matches) {
    int errors = 0;
    for (const int i : match.columns) {
      const bool good = check_cells(variable(match), column(i)) && check_values(variable(match), column(i));
      if (!good && ++errors == most_cell_errors) break;
    }
  }
  if (diagnostics_.has_errors()) return std::move(out_);
  find_levels(matches);
  check_axes_have_sizes();
  add_twins();
  if (diagnostics_.has_errors()) return std::move(out_);
  int64_t columns = 0;
  for (const Match& match : matches) {
    const Variable& v = variable(match);
    BoundVariable bound{v.name, v.role, v.type.element, names_of(match), {}, columns, 0, {}, 0};
    bound.size = static_cast<int64_t>(match.columns.size());
    if (v.type.element == Element::category) bound.levels = levels_[v.type.range];
    columns += bound.size;
    out_.variables.push_back(std::move(bound));
  }
  std::vector<std::optional<HostCells>> in_place = hosts(matches);
  const bool all_packed = std::ranges::none_of(in_place, [](const auto& cells) { return cells.has_value(); });
  out_.packed =
      all_packed ? PackedColumns(out_.rows, columns) : PackedColumns(out_.rows, std::move(in_place));
  // The weights come first: the others' variances look at them.
  out_.total_weight = static_cast<double>(out_.rows);
  for (size_t i = 0; i < matches.size(); ++i) {
    if (variable(matches[i]).role != ir::Role::weight) continue;
    pack(matches[i], out_.variables[i]);
    const double* weights = out_.packed.column(out_.variables[i].first);
    out_.total_weight = std::accumulate(weights, weights + out_.rows, 0.0);
    out_.weights = weights;
  }
  for (size_t i = 0; i < matches.size(); ++i) {
    if (variable(matches[i]).role != ir::Role::weight) pack(matches[i], out_.variables[i]);
  }
  for (const Match& match : matches) check_matrices(match);
  if (!diagnostics_.has_errors()) check_support(model_, table_, out_, diagnostics_);
  return std::move(out_);
}

}  // namespace

BoundData bind(const ir::Model& model, const Table& table, const BindOptions& options,
               Diagnostics& diagnostics) {
  const std::vector<Match> matches = match_columns(model, table, options.columns, diagnostics);
  return Binder(model, table, nullptr, options, diagnostics).bind(matches);
}

BoundData bind(const ir::Model& model, Table&& table, const BindOptions& options, Diagnostics& diagnostics) {
  const std::vector<Match> matches = match_columns(model, table, options.columns, diagnostics);
  return Binder(model, table, &table, options, diagnostics).bind(matches);
}

}  // namespace lvm::runtime
