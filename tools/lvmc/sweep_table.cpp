#include "sweep_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "grid.h"

namespace lvmc {
namespace {

constexpr int64_t most_values = 1000;

using Row = std::vector<std::string>;

std::optional<int64_t> whole(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string criterion(double value) {
  return std::isfinite(value) ? fmt::format("{:.3f}", value) : "-";
}

Row header(const lvm::Sweep& sweep) {
  Row row;
  for (const auto& [name, value] : sweep.entries.front().settings) row.push_back(name);
  for (const char* title : {"log likelihood", "parameters", "AIC", "BIC", "ICL", "converged", "failed runs"})
    row.emplace_back(title);
  return row;
}

Row cells(const lvm::SweepEntry& entry) {
  Row row;
  for (const auto& [name, value] : entry.settings) row.push_back(value);
  if (!entry.ok) return row;
  row.push_back(criterion(entry.objective));
  row.push_back(fmt::format("{}", entry.free_parameters));
  row.push_back(criterion(entry.aic));
  row.push_back(criterion(entry.bic));
  row.push_back(criterion(entry.icl));
  row.emplace_back(entry.converged ? "yes" : "no");
  row.push_back(fmt::format("{} of {}", entry.failed_runs, entry.runs));
  return row;
}

std::string name(lvm::Criterion criterion) {
  switch (criterion) {
    case lvm::Criterion::aic: return "AIC";
    case lvm::Criterion::bic: return "BIC";
    case lvm::Criterion::icl: return "ICL";
  }
  return "";
}

}  // namespace

std::string sweep_table(const lvm::Sweep& sweep) {
  if (sweep.entries.empty()) return "";
  std::vector<Row> rows{header(sweep)};
  for (const lvm::SweepEntry& entry : sweep.entries) rows.push_back(cells(entry));
  std::vector<size_t> widths(rows[0].size(), 0);
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string text;
  for (size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < rows[r].size(); ++i)
      line += std::string(2 + widths[i] - display_width(rows[r][i]), ' ') + rows[r][i];
    if (r > 0 && !sweep.entries[r - 1].ok) line += "  " + sweep.entries[r - 1].failure;
    if (sweep.best && r == *sweep.best + 1) line += "  ← best by " + name(sweep.criterion);
    text += line + "\n";
  }
  return text;
}

std::vector<std::string> swept_values(const std::string& text, std::string& fault) {
  std::vector<std::string> values;
  if (const size_t dots = text.find(".."); dots != std::string::npos) {
    const auto first = whole(std::string_view(text).substr(0, dots)),
               last = whole(std::string_view(text).substr(dots + 2));
    if (!first || !last || *first > *last) {
      fault = "a range is written 1..9";
    } else if (*last - *first >= most_values) {
      fault = fmt::format("a range has at most {} values", most_values);
    } else {
      for (int64_t i = *first; i <= *last; ++i) values.push_back(std::to_string(i));
    }
    return values;
  }
  // Commas inside of brackets belong to a value: adam(rate: 0.01, beta1: 0.95).
  int open = 0;
  values.emplace_back();
  for (const char c : text) {
    open += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && open == 0) {
      values.emplace_back();
    } else {
      values.back() += c;
    }
  }
  if (values.size() == 1) return {};
  if (std::ranges::any_of(values, [](const std::string& v) { return v.empty(); }))
    fault = "a list is written 2,3,5";
  return values;
}

}  // namespace lvmc
