#include "runtime/columns_in_place.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>

#include "runtime/cell_check.h"

namespace lvm::runtime {

using ir::Element;
using ir::Variable;
using Preprocess = ir::Binding::Preprocess;

CellChange change_of(const Variable& v) {
  switch (v.binding.preprocess) {
    case Preprocess::none: return {};
    case Preprocess::binarise_threshold: return {CellChange::Kind::threshold, v.binding.low, v.binding.high};
    case Preprocess::binarise_stochastic:
    case Preprocess::scale: return {CellChange::Kind::scale, v.binding.low, v.binding.high};
  }
  return {};
}

namespace {

/// The codes of the texts of a column.
std::vector<double> level_codes(const Variable& v, const Column& c,
                                const std::map<std::string, double>& codes) {
  std::vector<double> to;
  for (const std::string& level : c.levels) {
    const auto found = codes.find(level);
    to.push_back(v.type.element != Element::category ? read_bool(level).value_or(0)
                 : found == codes.end()              ? -1
                                                     : found->second);
  }
  return to;
}

}  // namespace

std::optional<HostCells> cells_in_place(const Variable& v, const Column& c,
                                        const std::vector<std::string>& levels) {
  constexpr double most_codes = 1 << 16;
  if (!c.host || v.role == ir::Role::weight || v.states >= 0) return std::nullopt;
  HostCells cells = *c.host;
  if (v.type.element != Element::category && !c.text) {
    cells.change = change_of(v);
    return cells;
  }
  std::map<std::string, double> codes;
  if (v.type.element == Element::category) {
    for (size_t i = 0; i < levels.size(); ++i) codes[levels[i]] = static_cast<double>(i);
  }
  if (c.text) {
    cells.codes = std::make_shared<const std::vector<double>>(level_codes(v, c, codes));
    return cells;
  }
  double low = std::numeric_limits<double>::infinity(), high = -low;
  (void)find_cell(c, [&](double x) {
    low = std::isnan(x) ? low : std::min(low, x);
    high = std::isnan(x) ? high : std::max(high, x);
    return false;
  });
  if (!(high - low < most_codes) || std::abs(low) > 0x1p53) return std::nullopt;
  std::vector<double> to;
  for (double x = low; x <= high; ++x) {
    const auto found = codes.find(fmt::format("{}", x == 0 ? 0.0 : x));
    to.push_back(found == codes.end() ? -1 : found->second);
  }
  cells.first_code = static_cast<int64_t>(low);
  cells.codes = std::make_shared<const std::vector<double>>(std::move(to));
  return cells;
}

}  // namespace lvm::runtime
