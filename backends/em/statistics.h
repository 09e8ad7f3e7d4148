#pragma once
// Expected sufficient statistics: each is asked for by the update that reads it, and written once into the
// functions over rows.
//
//   rows          sum of the rows' weights
//   counted_rows  number of the rows whose weight is not 0
//   count         sum of w over the rows that select an element
//   occurrences   sum of w y, or of w 1[y = v]
//   first         sum of w d,  d = value - mean
//   second        sum of w d^2
//   outer         sum of w d d'
//   term          sum of w t,  t any term of the row
//
// w is the row's weight (1 where the model has none), times r[row, K] = q(z = k | row), times 1[c = j] for
// each data column c that selects a parameter's row; r and 1[c = j] only where the statistic has their axis,
// or where d depends on it. Moments are about the component's current mean: raw moments lose all digits when
// the mean is large beside the spread. A row of weight 0 has w = 0, so all other factors must be finite.

#include "backends/em/posterior.h"
#include "backends/em/row_terms.h"

namespace lvm::em {

enum class Moment : uint8_t { rows, counted_rows, count, occurrences, first, second, outer, term };

struct Statistic {
  Moment moment;
  size_t emission = 0;  // which factor; 0 for rows
  std::vector<AxisId> axes;
  std::string name;
  std::optional<RowTerm> term = {};
  bool of_start = false;  // only the start of a run reads it
};

class StatisticTable {
 public:
  StatisticTable(const Setting& setting, const std::vector<Emission>& emissions);

  /// A leaf of the update function; the statistic is made on first use.
  NodeId read(Builder& update, Moment moment, size_t emission, std::vector<AxisId> axes);
  /// The expected sum of a term over `axes`: a statistic, or the weight of its rows times a term of
  /// parameters alone.
  NodeId expected(Builder& update, size_t emission, const std::vector<AxisId>& axes, const std::string& name,
                  const RowTerm& term, bool of_start = false);
  /// The weight of the rows behind each element over `axes`: counts, times the sizes of the axes that are
  /// pooled.
  NodeId weight(Builder& update, size_t emission, const std::vector<AxisId>& axes);

  /// The same without the pooled elements: how many rows stand behind each element (of elements with absent
  /// cells, behind the one that is observed most).
  NodeId row_count(Builder& update, size_t emission, const std::vector<AxisId>& axes);

  /// The observed cells behind each element over `axes` and the elements of the value.
  NodeId cells(Builder& update, size_t emission, const std::vector<AxisId>& axes);
  /// True of a count of cells rather than of rows.
  bool counts_cells(const Statistic& statistic) const;

  /// What `rows` rows weigh at least: a row of weight 3 is three rows, but weights whose mean is below 1 only
  /// say how much rows count beside each other.
  NodeId least_rows(Builder& update, double rows);

  /// Writes the statistics into a function over rows, given q of its latents (empty: none); their outputs are
  /// called `prefix` and their names.
  enum class For : uint8_t { start, iterations };
  void write(Builder& rows, Expansion& expand, const Marginal& responsibilities, For use,
             const std::string& prefix = "") const;

  const std::vector<Statistic>& list() const { return list_; }

 private:
  std::string name_of(Moment moment, size_t emission, const std::vector<AxisId>& axes) const;
  /// How much a row counts (no_node: once), and how much in each state.
  struct RowWeights {
    NodeId row;
    const Marginal& states;
  };
  NodeId written(Builder& rows, Expansion& expand, const RowWeights& weights, const Statistic& statistic,
                 For use) const;
  std::vector<AxisId> counted_axes(size_t emission, const std::vector<AxisId>& axes) const;
  /// The elements of a row whose cells are counted one by one.
  std::vector<AxisId> cell_axes(size_t emission) const;

  const Setting& setting_;
  const std::vector<Emission>& emissions_;
  std::vector<Statistic> list_;
};

}  // namespace lvm::em
