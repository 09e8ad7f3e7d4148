#include "certify/rows.h"

#include "certify/paths.h"
#include "ir/passes/chain_rows.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "runtime/random.h"

namespace lvm::certificate {

using ir::Element;
using ir::Variable;

namespace {

constexpr int64_t free_size = 3;       // of an axis that takes its size from the data
constexpr int64_t absent_one_in = 12;  // cells of a variable that may have absent ones

int64_t size_of(const ir::Model& model, ir::AxisId axis) {
  const int64_t size = model.module.axis(axis).size;
  return size == ir::unknown_size ? free_size : size;
}

/// Draws of one cell: (row, element) names the random numbers.
class Draws {
 public:
  Draws(uint64_t seed, uint32_t variable) : random_(seed, runtime::Site::user, variable) {}

  double cell(Element element, int64_t states, int64_t row, uint32_t e) const {
    const double u = random_.uniform(row, 4 * e), normal = random_.normal(row, 4 * e + 1);
    // Rows of several sizes, so that bounds of any size let some through.
    const double size = std::pow(10, 2 * random_.uniform(row, 4 * e + 2) - 0.5);
    switch (element) {
      case Element::real: return size * normal;
      case Element::positive: return std::exp(normal);
      case Element::unit: return u;
      case Element::boolean: return u < 0.4 ? 1 : 0;
      case Element::count: return std::floor(std::exp(2.3 * u) * (1 + std::abs(normal)) - 1);
      case Element::integer: return std::round(size * normal);
      case Element::category: return static_cast<double>(random_.index(states, row, 4 * e));
    }
    return 0;
  }
  /// Some rows do not count.
  double weight(int64_t row) const {
    return random_.index(absent_one_in, row, 0) == 0 ? 0 : std::exp(random_.normal(row, 1));
  }
  bool absent(int64_t row, uint32_t e) const { return random_.index(absent_one_in, row, 4 * e + 3) == 0; }

 private:
  runtime::Random random_;
};

const ir::Node* density_of(const ir::Model& model, const Variable& variable) {
  for (const ir::Factor& factor : model.factors) {
    const Variable& own = model.variables[static_cast<size_t>(factor.variable.variable)];
    if (own.name == variable.name) return &model.function()[factor.log_density];
  }
  return nullptr;
}

/// Shares of a Dirichlet add up to one.
void make_shares(std::vector<runtime::Column>& columns, size_t first, int64_t rows) {
  for (int64_t row = 0; row < rows; ++row) {
    const auto at = static_cast<size_t>(row);
    double sum = 0;
    for (size_t c = first; c < columns.size(); ++c) sum += columns[c].values[at];
    for (size_t c = first; c < columns.size(); ++c) columns[c].values[at] /= sum;
  }
}

/// G G' + I / 10 of the numbers G that were drawn, matrix by matrix.
void make_definite(std::vector<runtime::Column>& columns, size_t first, size_t size, int64_t rows) {
  for (size_t begin = first; begin < columns.size(); begin += size * size) {
    for (int64_t row = 0; row < rows; ++row) {
      const auto at = static_cast<size_t>(row);
      std::vector<double> drawn(size * size);
      for (size_t i = 0; i < drawn.size(); ++i) drawn[i] = columns[begin + i].values[at];
      for (size_t i = 0; i < drawn.size(); ++i) {
        double sum = i % (size + 1) == 0 ? 0.1 : 0;
        for (size_t k = 0; k < size; ++k) sum += drawn[i / size * size + k] * drawn[i % size * size + k];
        columns[begin + i].values[at] = sum;
      }
    }
  }
}

/// The counts of a Multinomial add up to a constant `n`: dealt out anew in the proportions that were drawn.
void make_total(std::vector<runtime::Column>& columns, size_t first, int64_t rows, double n) {
  for (int64_t row = 0; row < rows; ++row) {
    const auto at = static_cast<size_t>(row);
    double all = 0, below = 0, dealt = 0;
    for (size_t c = first; c < columns.size(); ++c) all += columns[c].values[at] + 1;
    for (size_t c = first; c < columns.size(); ++c) {
      below += columns[c].values[at] + 1;
      const double upto = std::round(n * (below / all));
      columns[c].values[at] = upto - dealt;
      dealt = upto;
    }
  }
}

/// The `n` of a Multinomial that is a column is what its counts add up to.
void make_sizes(const ir::Model& model, const ir::Factor& factor, RandomRows& to) {
  const ir::Node& density = model.function()[factor.log_density];
  if (!density.attributes.text.starts_with("Multinomial")) return;
  const ir::Node& n = model.function()[density.inputs.at(1)];
  const ir::Node& value = model.function()[density.inputs.at(0)];
  if (n.op != ir::Op::data || value.op != ir::Op::data) return;
  const auto column = [&](const std::string& name) -> runtime::Column& {
    return *std::ranges::find(to.table.columns, name, &runtime::Column::name);
  };
  const std::vector<std::string>& counts = to.binding.columns.at(value.attributes.text);
  for (int64_t row = 0; row < to.table.rows; ++row) {
    double sum = 0;
    for (const std::string& name : counts) sum += column(name).values[static_cast<size_t>(row)];
    column(to.binding.columns.at(n.attributes.text).front()).values[static_cast<size_t>(row)] = sum;
  }
}

bool is_bound(const Variable& variable) {
  switch (variable.role) {
    case ir::Role::data:
    case ir::Role::given:
    case ir::Role::weight: return true;
    case ir::Role::latent:
    case ir::Role::parameter:
    case ir::Role::constant: return false;
  }
  return false;
}

}  // namespace

runtime::BoundData spread_rows(const runtime::BoundData& data, int64_t most) {
  std::vector<int64_t> counting;
  for (int64_t row = 0; row < data.rows; ++row)
    if (data.counts(row)) counting.push_back(row);
  const auto all = static_cast<int64_t>(counting.size());
  runtime::BoundData to;
  to.rows = std::min(all, most);
  to.variables = data.variables;
  to.sizes = data.sizes;
  to.packed = runtime::PackedColumns(to.rows, data.packed.columns());
  for (int64_t c = 0; c < data.packed.columns(); ++c) {
    for (int64_t i = 0; i < to.rows; ++i)
      to.packed.column(c)[i] = data.packed.column(c)[counting[static_cast<size_t>(i * all / to.rows)]];
    to.packed.pad(c);
  }
  to.total_weight = static_cast<double>(to.rows);
  for (const runtime::BoundVariable& variable : to.variables) {
    if (variable.role != ir::Role::weight) continue;
    to.weights = to.packed.column(variable.first);
    to.total_weight = 0;
    for (int64_t i = 0; i < to.rows; ++i) to.total_weight += to.weights[i];
  }
  return to;
}

runtime::BoundData short_series(const ir::Model& model, const runtime::BoundData& data, int64_t letters,
                                int64_t numbers) {
  const int64_t most_pieces = numbers > 2 ? 12 : 32;
  int64_t longest = 0;
  for (int64_t paths = 1; paths * letters <= most_paths && longest < 12; paths *= letters) ++longest;
  longest = std::max<int64_t>(longest, 2);
  if (numbers > 0)
    longest = std::max<int64_t>(ir::longest_lag(model) + 2, std::min<int64_t>(6, 12 / numbers));
  std::vector<std::pair<int64_t, int64_t>> pieces;  // first row and length: of several lengths
  for (size_t s = 0; s + 1 < data.series.size(); ++s) {
    for (int64_t row = data.series[s]; row < data.series[s + 1];) {
      const int64_t length =
          std::min(longest - static_cast<int64_t>(pieces.size() % 4 == 3), data.series[s + 1] - row);
      pieces.emplace_back(row, std::max<int64_t>(1, length));
      row += pieces.back().second;
    }
  }
  const auto all = static_cast<int64_t>(pieces.size()), count = std::min(all, most_pieces);
  std::vector<int64_t> rows, step;
  runtime::BoundData to;
  for (int64_t i = 0; i < count; ++i) {
    const auto [first, length] = pieces[static_cast<size_t>(i * all / count)];
    to.series.push_back(static_cast<int64_t>(rows.size()));
    to.series_names.push_back(std::to_string(i + 1));
    for (int64_t t = 0; t < length; ++t) {
      rows.push_back(first + t);
      step.push_back(t);
    }
  }
  to.series.push_back(static_cast<int64_t>(rows.size()));
  to.rows = static_cast<int64_t>(rows.size());
  to.total_weight = static_cast<double>(to.rows);
  to.variables = data.variables;
  to.sizes = data.sizes;
  to.packed = runtime::PackedColumns(to.rows, data.packed.columns());
  const int64_t place = data.find(model.sequence->name)->first;
  for (int64_t c = 0; c < data.packed.columns(); ++c) {
    for (size_t i = 0; i < rows.size(); ++i)
      to.packed.column(c)[i] = c == place ? static_cast<double>(step[i]) : data.packed.column(c)[rows[i]];
    to.packed.pad(c);
  }
  return to;
}

namespace {

/// The group of a row of a plate: of two, five and three rows in turn.
int64_t group_of(int64_t row) {
  constexpr int64_t period = 10, groups = 3;
  const int64_t at = row % period;
  return row / period * groups + (at < 2 ? 0 : at < 7 ? 1 : 2);
}

runtime::Column plate_column(const std::string& name, int64_t rows) {
  runtime::Column column;
  column.name = name;
  for (int64_t row = 0; row < rows; ++row) column.values.push_back(static_cast<double>(group_of(row)));
  return column;
}

}  // namespace

RandomRows random_rows(const ir::Model& model, int64_t rows, uint64_t seed) {
  RandomRows to;
  to.table.rows = rows;
  std::vector<runtime::Column>& columns = to.table.columns;
  uint32_t number = 0;
  for (const Variable& variable : model.variables) {
    if (!is_bound(variable)) continue;
    const Draws draws(seed, number++);
    const ir::Node* density = density_of(model, variable);
    const bool shares = density && density->attributes.text.starts_with("Dirichlet");
    const int64_t states = variable.type.range >= 0 ? size_of(model, variable.type.range) : 0;
    int64_t size = 1;
    for (const ir::AxisId axis : variable.declared_axes) size *= size_of(model, axis);
    const size_t first = columns.size();
    for (uint32_t e = 0; e < size; ++e) {
      runtime::Column column;
      column.name = fmt::format("{}.{}", variable.name, e + 1);
      for (int64_t row = 0; row < rows; ++row) {
        if (variable.role == ir::Role::weight) {
          column.values.push_back(draws.weight(row));
          continue;
        }
        const bool absent = variable.missing && draws.absent(row, e);
        const int64_t drawn = variable.plate.empty() ? row : group_of(row);
        column.values.push_back(absent ? std::nan("") : draws.cell(variable.type.element, states, drawn, e));
      }
      to.binding.columns[variable.name].push_back(column.name);
      columns.push_back(std::move(column));
    }
    if (shares) make_shares(columns, first, rows);
    if (variable.domain == ir::Domain::covariance)
      make_definite(columns, first, static_cast<size_t>(size_of(model, variable.declared_axes.back())), rows);
    if (density && density->attributes.text.starts_with("Multinomial")) {
      const ir::Node& n = model.function()[density->inputs.at(1)];
      if (n.op == ir::Op::constant) make_total(columns, first, rows, n.attributes.number);
    }
  }
  for (const ir::Factor& factor : model.factors) make_sizes(model, factor, to);
  for (const ir::ModelPlate& plate : model.plates)
    for (const std::string& name : plate.columns) columns.push_back(plate_column(name, rows));
  if (model.sequence) {
    for (const std::string& name : model.sequence->by) columns.push_back(plate_column(name, rows));
    runtime::Column order;
    order.name = model.sequence->order;
    for (int64_t row = 0; row < rows; ++row) order.values.push_back(static_cast<double>(row));
    if (!order.name.empty()) columns.push_back(std::move(order));
  }
  for (runtime::Column& column : columns) runtime::count_cells(column);
  return to;
}

void drop_row(runtime::Table& table, int64_t row) {
  --table.rows;
  for (runtime::Column& column : table.columns) {
    column.values.erase(column.values.begin() + static_cast<std::ptrdiff_t>(row));
    runtime::count_cells(column);
  }
}

}  // namespace lvm::certificate
