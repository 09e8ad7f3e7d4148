#pragma once
// Expected sufficient statistics: each is asked for by the update that reads it, and written once into the
// functions over rows.
//
//   rows         sum of 1                                          first        sum of w d,     d = value -
//   mean count        sum of w over the rows that select an element     second       sum of w d^2 occurrences
//   sum of w y, or of w 1[y = v]                      outer        sum of w d d'
//   term         sum of w t,   t any term of the row
//
// w is r[row, K] = q(z = k | row), times 1[c = j] for each data column c that selects a parameter's row; both
// only where the statistic has their axis, or where d depends on it. Moments are about the component's
// current mean: raw moments lose all digits when the mean is large beside the spread.

#include "backends/em/row_terms.h"

namespace lvm::em {

enum class Moment : uint8_t { rows, count, occurrences, first, second, outer, term };

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
  /// The expected sum of a term over `axes`: a statistic, or the weight of its rows times a term of parameters alone.
  NodeId expected(Builder& update, size_t emission, const std::vector<AxisId>& axes, const std::string& name,
                  const RowTerm& term, bool of_start = false);
  /// The weight of the rows behind each element over `axes`: counts, times the sizes of the axes that are
  /// pooled.
  NodeId weight(Builder& update, size_t emission, const std::vector<AxisId>& axes);

  /// The same without the pooled elements: how many rows stand behind each element.
  NodeId row_count(Builder& update, size_t emission, const std::vector<AxisId>& axes);

  /// Writes the statistics into a function over rows, given its responsibilities (no_node: none).
  enum class For : uint8_t { start, iterations };
  void write(Builder& rows, Expansion& expand, NodeId responsibilities, For use) const;

  const std::vector<Statistic>& list() const { return list_; }

 private:
  std::string name_of(Moment moment, size_t emission, const std::vector<AxisId>& axes) const;
  NodeId written(Builder& rows, Expansion& expand, NodeId responsibilities, const Statistic& statistic) const;
  std::vector<AxisId> counted_axes(size_t emission, const std::vector<AxisId>& axes) const;

  const Setting& setting_;
  const std::vector<Emission>& emissions_;
  std::vector<Statistic> list_;
};

}  // namespace lvm::em
