#include "runtime/match_columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "runtime/cell_check.h"

namespace lvm::runtime {
namespace {

using ir::Element;
using ir::Variable;
using Columns = std::vector<int>;

constexpr int64_t label_values =
    20;  // a swept whole-number column with at most so many distinct values may be a label

bool is_bound(const Variable& v) {
  switch (v.role) {
    case ir::Role::data:
    case ir::Role::given:
    case ir::Role::weight: return true;
    case ir::Role::latent:
    case ir::Role::parameter:
    case ir::Role::constant: return false;
  }
  return false;
}

class Matcher {
 public:
  Matcher(const ir::Model& model, const Table& table,
          const std::map<std::string, std::vector<std::string>>& by_hand, Diagnostics& diagnostics)
      : model_(model), table_(table), by_hand_(by_hand), diagnostics_(diagnostics) {}

  std::vector<Match> match();

 private:
  void check_names_by_hand();
  std::optional<Columns> match_one(const Variable& v, bool& failed);
  std::optional<Columns> listed(const Variable& v, const std::vector<std::string>& names);
  std::optional<Columns> by_patterns(const Variable& v);
  bool add_pattern(const Variable& v, std::string_view pattern, Columns& out);
  bool add_range(const Variable& v, std::string_view first, std::string_view last, Columns& out);
  std::optional<Columns> by_name(const Variable& v, bool& failed);
  std::optional<Columns> by_pairs(const Variable& v, bool& failed);
  Columns sweep(const Variable& v, const std::set<int>& used);
  bool holds_stray_text(const Variable& v, const Column& column);
  void warn_of_labels(const Variable& v, const Columns& columns);
  void report_no_fit(const Variable& v, bool looked_at_cells);
  bool check_used_once(const std::vector<Match>& matches);

  int index_of(std::string_view name) const {
    for (size_t i = 0; i < table_.columns.size(); ++i) {
      if (table_.columns[i].name == name && !name.empty()) return static_cast<int>(i);
    }
    return -1;
  }
  const Column& column(int i) const { return table_.columns[static_cast<size_t>(i)]; }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const Column& c : table_.columns) {
      if (!c.name.empty()) out.push_back(c.name);
    }
    return out;
  }
  std::string file() const { return table_.file.empty() ? "the table" : fmt::format("`{}`", table_.file); }
  void fail(Code code, const Variable& v, std::string message, std::string hint = {}, TablePlace place = {}) {
    Diagnostic d{code, std::move(message)};
    d.range = v.binding.range.empty() ? v.range : v.binding.range;
    d.hint = std::move(hint);
    d.table = std::move(place);
    if (d.table.file.empty()) d.table.file = table_.file;
    diagnostics_.report(std::move(d));
  }
  void not_found(const Variable& v, std::string_view name) {
    const auto near = did_you_mean(name, names());
    fail(Code::column_not_found, v, fmt::format("{} has no column `{}`", file(), name),
         near ? fmt::format("did you mean `{}`?", *near)
              : fmt::format("its columns are {}", shortened(names())));
  }
  static std::string shortened(std::vector<std::string> list) {
    constexpr size_t most = 12;
    if (list.size() > most) {
      const size_t all = list.size();
      list.resize(most);
      return fmt::format("`{}`, … ({} in all)", fmt::join(list, "`, `"), all);
    }
    return fmt::format("`{}`", fmt::join(list, "`, `"));
  }

  const ir::Model& model_;
  const Table& table_;
  const std::map<std::string, std::vector<std::string>>& by_hand_;
  Diagnostics& diagnostics_;
};

void Matcher::check_names_by_hand() {
  std::vector<std::string> bound;
  for (const Variable& v : model_.variables) {
    if (is_bound(v)) bound.push_back(v.name);
  }
  for (const auto& [name, columns] : by_hand_) {
    if (std::find(bound.begin(), bound.end(), name) != bound.end()) continue;
    if (model_.sequence &&
        (name == model_.sequence->name + ".by" || name == model_.sequence->name + ".order"))
      continue;
    const auto near = did_you_mean(name, bound);
    Diagnostic d{Code::binding_unknown_variable,
                 fmt::format("the model has no data or given variable `{}` to bind", name)};
    if (near) d.hint = fmt::format("did you mean `{}`?", *near);
    diagnostics_.report(std::move(d));
  }
}

std::optional<Columns> Matcher::listed(const Variable& v, const std::vector<std::string>& list) {
  Columns out;
  bool good = true;
  for (const std::string& name : list) {
    const int i = index_of(name);
    if (i < 0) not_found(v, name);
    good = good && i >= 0;
    out.push_back(i);
  }
  return good ? std::optional(out) : std::nullopt;
}

/// "x12" -> {"x", 12}; none without digits at the end.
std::optional<std::pair<std::string_view, int64_t>> split_number(std::string_view name) {
  const size_t last = name.find_last_not_of("0123456789");
  const size_t begin = last == std::string_view::npos ? 0 : last + 1;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data() + begin, name.data() + name.size(), number);
  if (error != std::errc() || end == name.data() + begin) return std::nullopt;
  return std::pair(name.substr(0, begin), number);
}

/// "x1".."x9": by number where both ends are numbered alike, else the columns of the table from one to the
/// other.
bool Matcher::add_range(const Variable& v, std::string_view first, std::string_view last, Columns& out) {
  const int from = index_of(first), to = index_of(last);
  if (from < 0) not_found(v, first);
  if (to < 0) not_found(v, last);
  if (from < 0 || to < 0) return false;
  const auto a = split_number(first), b = split_number(last);
  if (!a || !b || a->first != b->first || a->second > b->second) {
    for (int i = std::min(from, to); i <= std::max(from, to); ++i) out.push_back(i);
    return true;
  }
  for (int64_t n = a->second; n <= b->second; ++n) {
    const std::string name = fmt::format("{}{}", a->first, n);
    const int i = index_of(name);
    if (i < 0) {
      fail(Code::numbered_columns_gap, v,
           fmt::format("`{}` … `{}` are meant, and {} has no `{}`", first, last, file(), name));
      return false;
    }
    out.push_back(i);
  }
  return true;
}

bool Matcher::add_pattern(const Variable& v, std::string_view pattern, Columns& out) {
  if (const size_t dots = pattern.find(".."); dots != std::string_view::npos && index_of(pattern) < 0) {
    return add_range(v, pattern.substr(0, dots), pattern.substr(dots + 2), out);
  }
  if (const int i = index_of(pattern); i >= 0) {
    out.push_back(i);
    return true;
  }
  const size_t before = out.size();
  for (size_t i = 0; i < table_.columns.size(); ++i) {
    const int index = static_cast<int>(i);
    const bool known = std::find(out.begin(), out.end(), index) != out.end();
    if (!known && !table_.columns[i].name.empty() && glob_matches(pattern, table_.columns[i].name))
      out.push_back(index);
  }
  if (out.size() > before) return true;
  if (pattern.find_first_of("*?") == std::string_view::npos) {
    not_found(v, pattern);
  } else {
    fail(Code::column_not_found, v, fmt::format("no column of {} matches \"{}\"", file(), pattern),
         fmt::format("its columns are {}", shortened(names())));
  }
  return false;
}

/// Patterns in order; "!p" takes out what p matches, wherever it stands. Only such ones: all columns but
/// these.
std::optional<Columns> Matcher::by_patterns(const Variable& v) {
  Columns in, out;
  bool good = true, positive = false;
  for (const std::string& pattern : v.binding.patterns) {
    const bool negative = pattern.starts_with('!');
    positive = positive || !negative;
    good = add_pattern(v, negative ? std::string_view(pattern).substr(1) : std::string_view(pattern),
                       negative ? out : in) &&
           good;
  }
  if (!good) return std::nullopt;
  if (!positive) good = add_pattern(v, "*", in);
  std::erase_if(in, [&](int i) { return std::find(out.begin(), out.end(), i) != out.end(); });
  if (!in.empty()) return in;
  fail(Code::column_not_found, v, fmt::format("the patterns of `{}` leave no column", v.name));
  return std::nullopt;
}

/// `y`, or y1 … yD, y.1 …, y[1] …, also counted from 0.
std::optional<Columns> Matcher::by_name(const Variable& v, bool& failed) {
  if (const int i = index_of(v.name); i >= 0) return Columns{i};
  if (v.declared_axes.empty()) return std::nullopt;
  for (const char* style : {"{}{}", "{}.{}", "{}[{}]"}) {
    const auto numbered = [&](int64_t n) { return index_of(fmt::format(fmt::runtime(style), v.name, n)); };
    if (numbered(1) < 0) continue;
    Columns out;
    int64_t n = numbered(0) >= 0 ? 0 : 1;
    for (; numbered(n) >= 0; ++n) out.push_back(numbered(n));
    for (const Column& c : table_.columns) {
      const size_t digits = std::min(c.name.find_first_of("0123456789", v.name.size()), c.name.size());
      int64_t number = 0;
      std::from_chars(c.name.data() + digits, c.name.data() + c.name.size(), number);
      if (number <= n || c.name != fmt::format(fmt::runtime(style), v.name, number)) continue;
      fail(Code::numbered_columns_gap, v,
           fmt::format("{} has `{}` and not `{}`", file(), c.name,
                       fmt::format(fmt::runtime(style), v.name, n)),
           fmt::format("say which columns are meant: `--bind {}=…`", v.name));
      failed = true;
      return std::nullopt;
    }
    return out;
  }
  return std::nullopt;
}

/// Of a matrix: S1_1, S1_2, … SD_D, or S.1.1 …, S[1,1] …, also counted from 0. All D x D must be there.
std::optional<Columns> Matcher::by_pairs(const Variable& v, bool& failed) {
  if (v.domain != ir::Domain::covariance || v.declared_axes.size() != 2) return std::nullopt;
  for (const char* style : {"{}{}_{}", "{}.{}.{}", "{}[{},{}]"}) {
    const auto name = [&](int64_t i, int64_t j) { return fmt::format(fmt::runtime(style), v.name, i, j); };
    const int64_t first = index_of(name(0, 0)) >= 0 ? 0 : 1;
    if (index_of(name(first, first)) < 0) continue;
    int64_t end = first;
    while (index_of(name(end, first)) >= 0 || index_of(name(first, end)) >= 0 ||
           index_of(name(end, end)) >= 0)
      ++end;
    Columns out;
    for (int64_t i = first; i < end; ++i) {
      for (int64_t j = first; j < end; ++j) {
        out.push_back(index_of(name(i, j)));
        if (out.back() >= 0) continue;
        fail(Code::numbered_columns_gap, v,
             fmt::format("{} has no `{}`, and `{}` has {} rows", file(), name(i, j), v.name, end - first),
             "a matrix takes all of its columns, row by row");
        failed = true;
        return std::nullopt;
      }
    }
    return out;
  }
  return std::nullopt;
}

std::optional<Columns> Matcher::match_one(const Variable& v, bool& failed) {
  if (const auto hand = by_hand_.find(v.name); hand != by_hand_.end()) {
    const auto out = listed(v, hand->second);
    failed = !out;
    return out;
  }
  if (!v.binding.patterns.empty()) {
    const auto out = by_patterns(v);
    failed = !out;
    return out;
  }
  if (auto matrix = by_pairs(v, failed); matrix || failed) return matrix;
  return by_name(v, failed);
}

/// A column of numbers with a few other cells would be left out of a sweep without a word.
bool Matcher::holds_stray_text(const Variable& v, const Column& c) {
  if (v.type.element == Element::category || c.first_odd.kind == OddCell::Kind::none) return false;
  if (c.numbers * 2 <= table_.rows - c.missing) return false;
  const TablePlace place{table_.file_of(c.first_odd.row), table_.shown_row(c.first_odd.row), c.name,
                         c.first_odd.text};
  if (c.first_odd.kind == OddCell::Kind::not_finite) {
    fail(Code::cell_not_finite, v, fmt::format("a cell of column `{}` is not a finite number", c.name), {},
         place);
  } else {
    fail(Code::columns_hold_text, v,
         fmt::format("column `{}` holds a number in {} of {} rows, and text in row {}", c.name, c.numbers,
                     table_.rows, place.row),
         fmt::format("mark missing cells with `--na {}`, or say which columns are meant: `--bind {}=…`",
                     c.first_odd.text, v.name),
         place);
  }
  return true;
}

void Matcher::warn_of_labels(const Variable& v, const Columns& columns) {
  switch (v.type.element) {
    case Element::real:
    case Element::positive:
    case Element::unit: break;
    case Element::boolean:
    case Element::count:
    case Element::integer:
    case Element::category: return;
  }
  const bool has_reals =
      std::any_of(columns.begin(), columns.end(), [&](int i) { return !all_whole(column(i)); });
  if (!has_reals) return;
  for (const int i : columns) {
    if (!all_whole(column(i))) continue;
    const int64_t values = distinct_values(column(i), label_values);
    if (values > label_values) continue;
    fail(Code::column_may_be_label, v,
         fmt::format(
             "column `{}` was taken for `{}`, and holds only {} distinct whole numbers: it may be a label",
             column(i).name, v.name, values),
         fmt::format("leave it out with `= columns(\"!{}\")` or name the columns by `--bind {}=…`",
                     column(i).name, v.name),
         {table_.file, 0, column(i).name, {}});
  }
}

Columns Matcher::sweep(const Variable& v, const std::set<int>& used) {
  Columns out;
  bool stray = false;
  const bool preprocessed = v.binding.preprocess != ir::Binding::Preprocess::none;
  const Element element = preprocessed ? Element::real : v.type.element;
  for (size_t i = 0; i < table_.columns.size(); ++i) {
    const Column& c = table_.columns[i];
    const int index = static_cast<int>(i);
    if (c.name.empty() || used.contains(index)) continue;
    stray = holds_stray_text(v, c) || stray;
    if (fits(c, element)) out.push_back(index);
  }
  if (stray) return {};
  if (out.empty()) {
    report_no_fit(v, true);
    return {};
  }
  if (v.declared_axes.empty() && out.size() > 1) {
    std::vector<std::string> fitting;
    for (const int i : out) fitting.push_back(column(i).name);
    fail(Code::several_columns_fit, v,
         fmt::format("`{}` takes one column, and {} of {} fit: {}", v.name, out.size(), file(),
                     shortened(fitting)),
         fmt::format("choose one: `data {}: {} = column(\"{}\")` or `--bind {}={}`", v.name,
                     ir::name(v.type.element), fitting[0], v.name, fitting[0]));
    return {};
  }
  warn_of_labels(v, out);
  return out;
}

void Matcher::report_no_fit(const Variable& v, bool looked_at_cells) {
  const auto near = did_you_mean(v.name, names());
  const std::string what = looked_at_cells ? fmt::format("no column of {} can be `{}`, which is {}", file(),
                                                         v.name, describe_values(v.type.element))
                                           : fmt::format("{} has no column for `{}`", file(), v.name);
  fail(Code::no_column_fits, v, what,
       near ? fmt::format("did you mean `{}`? bind it: `--bind {}={}`", *near, v.name, *near)
            : fmt::format("the columns are {}; choose by `--bind {}=…`", shortened(names()), v.name));
}

bool Matcher::check_used_once(const std::vector<Match>& matches) {
  std::map<int, const Variable*> owner;
  bool good = true;
  for (const Match& match : matches) {
    const Variable& v = model_.variables[static_cast<size_t>(match.variable)];
    for (const int i : match.columns) {
      const auto [before, added] = owner.try_emplace(i, &v);
      if (added) continue;
      good = false;
      fail(Code::column_bound_twice, v,
           before->second == &v ? fmt::format("column `{}` is bound to `{}` twice", column(i).name, v.name)
                                : fmt::format("column `{}` is bound to `{}` and to `{}`", column(i).name,
                                              before->second->name, v.name));
    }
  }
  return good;
}

std::vector<Match> Matcher::match() {
  check_names_by_hand();
  std::vector<Match> matches;
  std::vector<int> open;
  int64_t data_variables = 0;
  for (size_t i = 0; i < model_.variables.size(); ++i) {
    const Variable& v = model_.variables[i];
    if (!is_bound(v)) continue;
    if (v.role == ir::Role::data) ++data_variables;
    bool failed = false;
    if (auto columns = match_one(v, failed)) {
      matches.push_back({static_cast<int>(i), std::move(*columns)});
    } else if (!failed) {
      open.push_back(static_cast<int>(i));
    }
  }
  if (!check_used_once(matches) || (!open.empty() && diagnostics_.has_errors())) return matches;
  std::set<int> used;
  for (const Match& match : matches) used.insert(match.columns.begin(), match.columns.end());
  if (model_.sequence) {
    for (const std::string& name : model_.sequence->by) used.insert(index_of(name));
    used.insert(index_of(model_.sequence->order));
  }
  for (const ir::ModelPlate& plate : model_.plates)
    for (const std::string& name : plate.columns) used.insert(index_of(name));
  for (const int i : open) {
    const Variable& v = model_.variables[static_cast<size_t>(i)];
    if (v.role != ir::Role::data || data_variables > 1) {
      report_no_fit(v, false);
    } else if (Columns columns = sweep(v, used); !columns.empty()) {
      matches.push_back({i, std::move(columns)});
    }
  }
  std::sort(matches.begin(), matches.end(),
            [](const Match& a, const Match& b) { return a.variable < b.variable; });
  return matches;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view name) {
  // Greedy with one point to come back to: the last `*`, which takes one byte more at each failure.
  size_t p = 0, n = 0, star = std::string_view::npos, retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<Match> match_columns(const ir::Model& model, const Table& table,
                                 const std::map<std::string, std::vector<std::string>>& by_hand,
                                 Diagnostics& diagnostics) {
  return Matcher(model, table, by_hand, diagnostics).match();
}

}  // namespace lvm::runtime
