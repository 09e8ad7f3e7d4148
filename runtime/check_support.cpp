#include "runtime/check_support.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace lvm::runtime {
namespace {

using ir::NodeId;

constexpr double simplex_tolerance = 1e-6;  // of the sum of the shares of a row

/// A slot that data alone decide: a number, or one cell a row.
struct Operand {
  double number = 0;
  std::optional<CellColumn> cells = {};
  double at(int64_t row) const { return cells ? (*cells)[row] : number; }
};

struct Fault {
  int64_t row;
  std::optional<int64_t> element;  // of the variable, in layout order: where one cell is to blame
  std::string what;                // the rule that the row breaks
};

class Check {
 public:
  Check(const ir::Model& model, const BoundData& data, const ir::Factor& factor, const BoundVariable& value)
      : model_(model), data_(data), value_(value), density_(model.function()[factor.log_density]) {
    const std::string& text = density_.attributes.text;
    family_ = text.substr(0, text.find('.'));
  }

  std::optional<Fault> first_fault() const {
    if (family_ == "Beta") {
      return first_cell("the values of a Beta lie strictly between 0 and 1",
                        [](double y, int64_t) { return y > 0 && y < 1; });
    }
    if (family_ == "Binomial") {
      const auto n = operand(1);
      if (!n) return std::nullopt;
      return first_cell("a Binomial counts at most `n`",
                        [&](double y, int64_t row) { return y <= n->at(row); });
    }
    if (family_ == "Uniform" || family_ == "Truncated") return outside_bounds();
    if (family_ == "Dirichlet") return no_share();
    if (family_ == "Multinomial") return other_total();
    return std::nullopt;
  }

 private:
  std::optional<Operand> operand(size_t input) const {
    const ir::Node& node = model_.function()[density_.inputs.at(input)];
    if (node.op == ir::Op::constant) return Operand{node.attributes.number};
    if (node.op != ir::Op::data) return std::nullopt;
    const BoundVariable* v = data_.find(node.attributes.text);
    if (!v || v->size != 1) return std::nullopt;
    return Operand{0, data_.packed.column(v->first)};
  }

  double cell(int64_t element, int64_t row) const { return data_.packed.column(value_.first + element)[row]; }

  template <class Allowed>
  std::optional<Fault> first_cell(std::string_view rule, Allowed allowed) const {
    for (int64_t row = 0; row < data_.rows; ++row) {
      if (!data_.counts(row)) continue;
      for (int64_t e = 0; e < value_.size; ++e) {
        if (!std::isnan(cell(e, row)) && !allowed(cell(e, row), row)) return Fault{row, e, std::string(rule)};
      }
    }
    return std::nullopt;
  }

  /// Bounds that parameters decide are the likelihood's business.
  std::optional<Fault> outside_bounds() const {
    const std::string& text = density_.attributes.text;
    const bool uniform = family_ == "Uniform";
    const bool has_low = uniform || text.find(").low") != std::string::npos;
    const bool has_high = uniform || text.ends_with(".high");
    const size_t last = density_.inputs.size() - 1;
    const auto low = has_low ? operand(has_high ? last - 1 : last) : std::nullopt;
    const auto high = has_high ? operand(last) : std::nullopt;
    return first_cell(
        fmt::format("the values of `{}` lie between its bounds", family_),
        [&](double y, int64_t row) { return !(low && y < low->at(row)) && !(high && y > high->at(row)); });
  }

  /// The elements of a row that share all axes but the event's: of an event alone, all.
  bool is_one_event() const { return density_.attributes.axes.size() + 1 == value_axes().size(); }
  const std::vector<ir::AxisId>& value_axes() const {
    return model_.function()[density_.inputs.front()].type.axes;
  }

  double total(int64_t row) const {
    double sum = 0;
    for (int64_t e = 0; e < value_.size; ++e) sum += cell(e, row);
    return sum;
  }

  std::optional<Fault> no_share() const {
    if (auto fault =
            first_cell("the shares of a Dirichlet are above 0", [](double y, int64_t) { return y > 0; }))
      return fault;
    if (!is_one_event()) return std::nullopt;
    for (int64_t row = 0; row < data_.rows; ++row) {
      if (!data_.counts(row)) continue;
      const double sum = total(row);
      if (std::abs(sum - 1) > simplex_tolerance)
        return Fault{row, {}, fmt::format("the shares of a Dirichlet add up to 1, and these to {}", sum)};
    }
    return std::nullopt;
  }

  std::optional<Fault> other_total() const {
    const auto n = operand(1);
    if (!n || !is_one_event()) return std::nullopt;
    for (int64_t row = 0; row < data_.rows; ++row) {
      if (!data_.counts(row)) continue;
      const double sum = total(row);
      if (!std::isnan(sum) && sum != n->at(row))
        return Fault{row,
                     {},
                     fmt::format("the counts of a Multinomial add up to `n`, which is {}, and these to {}",
                                 n->at(row), sum)};
    }
    return std::nullopt;
  }

  const ir::Model& model_;
  const BoundData& data_;
  const BoundVariable& value_;
  const ir::Node& density_;
  std::string family_;
};

}  // namespace

void check_support(const ir::Model& model, const Table& table, const BoundData& data,
                   Diagnostics& diagnostics) {
  for (const ir::Factor& factor : model.factors) {
    const ir::Variable& variable = model.variables[static_cast<size_t>(factor.variable.variable)];
    const BoundVariable* value = data.find(variable.name);
    if (!value || variable.role != ir::Role::data) continue;
    const auto fault = Check(model, data, factor, *value).first_fault();
    if (!fault) continue;
    TablePlace place{table.file, table.shown_row(fault->row), {}, {}};
    std::string found;
    if (fault->element) {
      const double cell = data.packed.column(value->first + *fault->element)[fault->row];
      place.cell = fmt::format("{}", cell);
      found = fmt::format(", and this is {}", place.cell);
      if (variable.declared_axes.size() <= 1)
        place.column = value->columns.at(static_cast<size_t>(*fault->element));
    }
    Diagnostic diagnostic{Code::row_outside_support,
                          fmt::format("row {} has no density: {}{}", place.row, fault->what, found)};
    diagnostic.range = factor.distribution_range;
    diagnostic.table = std::move(place);
    diagnostics.report(std::move(diagnostic));
  }
}

}  // namespace lvm::runtime
