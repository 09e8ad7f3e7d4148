#include <cmath>

#include <fmt/format.h>

#include "api/fitted.h"

namespace lvm {
namespace {

/// A text with a delimiter or a quote in it stands in quotes, as RFC 4180 has it.
std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string cell(const ResultColumn& column, size_t row) {
  const double value = column.values[row];
  if (std::isnan(value)) return "";
  return column.levels.empty() ? fmt::format("{}", value)
                               : cell(column.levels.at(static_cast<size_t>(value)));
}

}  // namespace

std::string to_csv(const Results& results) {
  std::string text;
  const auto line = [&](auto&& each) {
    for (size_t i = 0; i < results.columns.size(); ++i) text += (i > 0 ? "," : "") + each(results.columns[i]);
    text += '\n';
  };
  line([](const ResultColumn& column) { return cell(column.name); });
  const size_t rows = results.columns.empty() ? 0 : results.columns.front().values.size();
  for (size_t row = 0; row < rows; ++row) line([&](const ResultColumn& column) { return cell(column, row); });
  return text;
}

}  // namespace lvm
