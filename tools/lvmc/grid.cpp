#include "grid.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace lvmc {
namespace {

constexpr size_t columns_a_line = 8, most_rows = 12, most_blocks = 12, label_width = 16;

std::string shortened(const std::string& label) {
  if (display_width(label) <= label_width) return label;
  std::string to;
  for (const char c : label) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (begins && display_width(to) == label_width - 1) break;
    to += c;
  }
  return to + "…";
}

std::string right(const std::string& text, size_t width) {
  const size_t used = display_width(text);
  return used < width ? std::string(width - used, ' ') + text : text;
}

/// One matrix: `values` is rows x columns.
struct Grid {
  std::vector<std::string> rows, columns;
  std::vector<double> values;
  enum class Format : uint8_t { columns, probabilities, alike } format = Format::columns;
};

std::vector<std::string> probability_texts(const std::vector<double>& values) {
  std::vector<std::string> texts;
  for (const double value : values) texts.push_back(fmt::format("{:.5f}", value));
  return texts;
}

std::vector<std::string> cells_of_column(const Grid& grid, size_t column, size_t rows) {
  const size_t columns = grid.columns.size();
  std::vector<double> values;
  for (size_t row = 0; row < rows; ++row) values.push_back(grid.values[row * columns + column]);
  switch (grid.format) {
    case Grid::Format::columns: return aligned_numbers(values);
    case Grid::Format::probabilities: return probability_texts(values);
    case Grid::Format::alike: {
      const std::vector<std::string> all = aligned_numbers(grid.values);
      std::vector<std::string> texts;
      for (size_t row = 0; row < rows; ++row) texts.push_back(all[row * columns + column]);
      return texts;
    }
  }
  return {};
}

std::string print_columns(const Grid& grid, size_t first, size_t last, size_t rows) {
  size_t margin = 0;
  for (size_t row = 0; row < rows; ++row) margin = std::max(margin, display_width(shortened(grid.rows[row])));
  std::vector<std::string> lines(rows + 1);
  lines[0] = std::string(4 + margin, ' ');
  for (size_t row = 0; row < rows; ++row) lines[row + 1] = "    " + right(shortened(grid.rows[row]), margin);
  for (size_t column = first; column < last; ++column) {
    std::vector<std::string> cells = cells_of_column(grid, column, rows);
    cells.insert(cells.begin(), shortened(grid.columns[column]));
    size_t width = 0;
    for (const std::string& cell : cells) width = std::max(width, display_width(cell));
    for (size_t line = 0; line < lines.size(); ++line) lines[line] += "  " + right(cells[line], width);
  }
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

std::string print_grid(const Grid& grid, bool full) {
  const size_t rows = full ? grid.rows.size() : std::min(grid.rows.size(), most_rows);
  const size_t columns = full ? grid.columns.size() : std::min(grid.columns.size(), columns_a_line);
  std::string text;
  for (size_t first = 0; first < columns; first += columns_a_line) {
    text += print_columns(grid, first, std::min(columns, first + columns_a_line), rows);
  }
  std::vector<std::string> left_out;
  if (columns < grid.columns.size())
    left_out.push_back(fmt::format("{} more columns", grid.columns.size() - columns));
  if (rows < grid.rows.size()) left_out.push_back(fmt::format("{} more rows", grid.rows.size() - rows));
  if (!left_out.empty()) text += fmt::format("    … {} (-v or --json for all)\n", fmt::join(left_out, ", "));
  return text;
}

/// The labels of the axes before the last two, at block `index`: "cov[2]".
std::string block_name(const lvm::Parameter& parameter, size_t index) {
  std::vector<std::string> place;
  for (size_t axis = parameter.shape.size() - 2; axis-- > 0;) {
    const auto size = static_cast<size_t>(parameter.shape[axis]);
    place.insert(place.begin(), parameter.labels[axis][index % size]);
    index /= size;
  }
  return fmt::format("  {}[{}]\n", parameter.name, fmt::join(place, ", "));
}

}  // namespace

size_t display_width(const std::string& text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::vector<std::string> aligned_numbers(const std::vector<double>& values) {
  double largest = 0, smallest = INFINITY;
  for (const double value : values) {
    if (!std::isfinite(value) || value == 0) continue;
    largest = std::max(largest, std::abs(value));
    smallest = std::min(smallest, std::abs(value));
  }
  const auto needed = [](double value, int significant) {
    return value == 0 || std::isinf(value)
               ? 0
               : significant - 1 - static_cast<int>(std::floor(std::log10(value)));
  };
  const int decimals = std::max({0, needed(largest, 5), std::min(5, needed(smallest, 4))});
  const bool fixed =
      decimals <= 7 && largest < 1e9 && (largest == 0 || smallest * std::pow(10, decimals) >= 10);
  std::vector<std::string> texts;
  for (const double value : values) {
    texts.push_back(std::isnan(value) ? "–"
                    : fixed           ? fmt::format("{:.{}f}", value, decimals)
                                      : fmt::format("{:.4g}", value));
  }
  return texts;
}

std::string parameter_table(const lvm::Parameter& parameter, bool full) {
  const size_t rank = parameter.shape.size();
  std::string title = parameter.name;
  if (rank > 0) title += fmt::format(" [{}]", fmt::join(parameter.axes, ", "));
  if (parameter.fixed) title += " (fixed)";
  Grid::Format format = Grid::Format::columns;
  if (parameter.domain == "unit" || parameter.domain == "simplex") format = Grid::Format::probabilities;
  // A symmetric matrix shows the same number twice alike.
  if (parameter.domain == "covariance" || parameter.domain == "correlation") format = Grid::Format::alike;
  if (rank == 0) return fmt::format("{}  {}\n", title, aligned_numbers(parameter.values).front());
  if (rank == 1)
    return title + "\n" + print_grid({{""}, parameter.labels[0], parameter.values, format}, full);

  const std::vector<std::string>& rows = parameter.labels[rank - 2];
  const std::vector<std::string>& columns = parameter.labels[rank - 1];
  const size_t size = rows.size() * columns.size();
  const size_t blocks = size == 0 ? 0 : parameter.values.size() / size;
  const size_t shown = full ? blocks : std::min(blocks, most_blocks);
  std::string text = title + "\n";
  for (size_t block = 0; block < shown; ++block) {
    if (rank > 2) text += block_name(parameter, block);
    const auto first = parameter.values.begin() + static_cast<std::ptrdiff_t>(block * size);
    text += print_grid(
        {rows, columns, std::vector<double>(first, first + static_cast<std::ptrdiff_t>(size)), format}, full);
  }
  if (shown < blocks) text += fmt::format("  … {} more (-v or --json for all)\n", blocks - shown);
  return text;
}

std::string error_table(const lvm::Parameter& parameter, bool full) {
  lvm::Parameter errors = parameter;
  errors.values = parameter.standard_errors;
  errors.name = "± standard error";
  errors.domain.clear();
  return parameter_table(errors, full);
}

}  // namespace lvmc
