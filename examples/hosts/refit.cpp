// refit MODEL FIRST EACH [NAME=VALUE…] < rows.csv: fits a model to the first rows of the standard input, and
// from then on adds each so many rows to the sums of those before: one step of EM a batch, whatever came
// before it. Prints the rows so far, ln P a row of the new rows before they were learnt, and the parameters.
//
//   refit examples/gmm.lvm 100 20 K=2 < examples/data/faithful.csv

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <lvm/lvm.hpp>

namespace {

std::vector<std::string> cut(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) {
    while (!cell.empty() && (cell.back() == '\r' || cell.back() == '"')) cell.pop_back();
    cells.push_back(cell.starts_with('"') ? cell.substr(1) : cell);
  }
  return cells;
}

/// Columns that grow row by row; tables are made over stretches of them, without a copy.
struct Columns {
  std::vector<std::string> names;
  std::vector<std::vector<double>> cells;

  size_t rows() const { return cells.empty() ? 0 : cells.front().size(); }
  bool add(const std::string& line) {
    const std::vector<std::string> texts = cut(line);
    if (texts.size() != names.size()) return false;
    for (size_t c = 0; c < texts.size(); ++c) {
      char* end = nullptr;
      cells[c].push_back(std::strtod(texts[c].c_str(), &end));
      if (end == texts[c].c_str()) return false;
    }
    return true;
  }
  lvm::Result<lvm::Table> table(size_t begin) const {
    std::vector<lvm::Column> list;
    for (size_t c = 0; c < names.size(); ++c)
      list.emplace_back(names[c], cells[c].data() + begin, static_cast<int64_t>(rows() - begin), 1);
    return lvm::Table::over(list);
  }
};

int failed(const lvm::Report& report) {
  std::fputs(report.text().c_str(), stderr);
  return 1;
}

void show(size_t rows, double per_row, const lvm::Fit& fit) {
  std::printf("%zu rows, %.4f a new row\n", rows, per_row);
  for (const lvm::Parameter& parameter : fit.parameters()) {
    std::printf("  %s:", parameter.name.c_str());
    for (const double value : parameter.values) std::printf(" %.5g", value);
    std::printf("\n");
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) {
    std::fputs("usage: refit MODEL FIRST EACH [NAME=VALUE…] < rows.csv\n", stderr);
    return 2;
  }
  std::vector<lvm::Setting> settings;
  for (int i = 4; i < count; ++i) {
    const std::string text = arguments[i];
    const size_t equals = text.find('=');
    settings.push_back({text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)});
  }
  const auto model = lvm::Model::compile_file(arguments[1], settings);
  if (!model) return failed(model.error());
  const size_t first = std::strtoull(arguments[2], nullptr, 10),
               each = std::strtoull(arguments[3], nullptr, 10);
  Columns columns;
  std::string line;
  std::getline(std::cin, line);
  columns.names = cut(line);
  columns.cells.resize(columns.names.size());
  std::optional<lvm::Fit> fit;
  size_t learnt = 0;
  while (std::getline(std::cin, line)) {
    if (!columns.add(line))
      return std::fprintf(stderr, "refit: row %zu is no row of numbers\n", columns.rows()), 1;
    if (columns.rows() < first || columns.rows() - learnt < (fit ? each : first)) continue;
    const auto table = columns.table(learnt);
    if (!table) return failed(table.error());
    if (!fit) {
      auto made = model->fit(*table, {.updatable = true});
      if (!made) return failed(made.error());
      fit = std::move(*made);
    }
    const auto scores = fit->score(*table);
    if (!scores) return failed(scores.error());
    if (learnt > 0) {
      const lvm::Done done = fit->update(*table);
      if (!done) return failed(done.error());
    }
    show(columns.rows(), scores->total / static_cast<double>(columns.rows() - learnt), *fit);
    learnt = columns.rows();
  }
  return 0;
}
