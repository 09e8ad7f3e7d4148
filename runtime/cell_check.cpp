#include "runtime/cell_check.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

namespace lvm::runtime {

using ir::Element;

bool allowed(double x, Element element) {
  switch (element) {
    case Element::real: return true;
    case Element::positive: return x > 0;
    case Element::unit: return x >= 0 && x <= 1;
    case Element::boolean: return x == 0 || x == 1;
    case Element::count: return x >= 0 && x == std::floor(x);
    case Element::integer: return x == std::floor(x);
    case Element::category: return true;
  }
  return false;
}

std::string_view describe_values(Element element) {
  switch (element) {
    case Element::real: return "a number";
    case Element::positive: return "above 0";
    case Element::unit: return "in 0 … 1";
    case Element::boolean: return "0, 1, true or false";
    case Element::count: return "0, 1, 2, …";
    case Element::integer: return "a whole number";
    case Element::category: return "a category";
  }
  return "";
}

std::optional<double> read_bool(std::string_view text) {
  std::string s(text);
  std::transform(s.begin(), s.end(), s.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (s == "true" || s == "1") return 1.0;
  if (s == "false" || s == "0") return 0.0;
  return std::nullopt;
}

int64_t first_not_bool(const Column& column) {
  return find_cell(column, [&](double x) {
    return !std::isnan(x) && !read_bool(column.levels[static_cast<size_t>(x)]).has_value();
  });
}

bool all_whole(const Column& column) {
  if (column.text) return false;
  return all_cells(column, [](double x) { return std::isnan(x) || x == std::floor(x); });
}

bool fits(const Column& column, Element element) {
  if (element == Element::category) return column.text || all_whole(column);
  if (column.text) {
    return element == Element::boolean &&
           std::all_of(column.levels.begin(), column.levels.end(),
                       [](const std::string& s) { return read_bool(s).has_value(); });
  }
  return all_cells(column,
                   [&](double x) { return std::isnan(x) || (std::isfinite(x) && allowed(x, element)); });
}

int64_t distinct_values(const Column& column, int64_t limit) {
  if (column.text) return static_cast<int64_t>(column.levels.size());
  std::unordered_set<double> seen;
  (void)find_cell(column, [&](double x) {
    if (!std::isnan(x)) seen.insert(x);
    return static_cast<int64_t>(seen.size()) > limit;
  });
  return static_cast<int64_t>(seen.size());
}

}  // namespace lvm::runtime
