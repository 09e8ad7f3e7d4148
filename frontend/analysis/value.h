#pragma once
// What analysis knows of an expression: its node, its shape as written, and what can be proven of its
// elements.

#include <optional>
#include <string>
#include <vector>

#include "frontend/ast/ast.h"
#include "ir/model/model.h"

namespace lvm::analysis {

using ir::AxisId;
using ir::NodeId;

/// What is provable of every element. The element types are combinations: `count` is integer and nonnegative.
struct Facts {
  bool integer = false;
  bool nonnegative = false;
  bool positive = false;
  bool at_most_one = false;
  bool operator==(const Facts&) const = default;
};

Facts facts_of(ir::Element element);
Facts facts_of(double number);
Facts add_facts(Facts a, Facts b);
Facts subtract_facts(Facts a, std::optional<double> left_number, Facts b);
Facts multiply_facts(Facts a, Facts b);
Facts divide_facts(Facts a, Facts b);
Facts power_facts(Facts base, std::optional<double> exponent, Facts of_exponent);
/// What holds of elements of both.
Facts common_facts(Facts a, Facts b);

/// Of symmetric matrices: what is provable of their eigenvalues.
enum class Definite : uint8_t { no, semi, yes };

/// A variable that an expression mentions, where it does.
struct Use {
  int variable;
  ir::VariableUse::Place place;
  int offset;
  SourceRange range;
};

/// A typed expression. Without a node it is poison: its mistake has been reported and nothing more is said of
/// it.
struct Value {
  NodeId node = ir::no_node;
  std::vector<AxisId> order;  // axes as written, the row axis left out: products read the first and the last
  Facts facts;
  ir::Domain domain =
      ir::Domain::real;  // simplex, ordered, covariance, correlation: of the last axes; real otherwise
  Definite definite = Definite::no;
  AxisId range = -1;             // of a category
  std::optional<double> number;  // of a constant scalar
  std::string left_factor;       // of a product A * C with a semidefinite C: the text of A, for A * C * A'
  std::vector<Use> uses;
  SourceRange source;
  SourceRange origin;  // of a name of a network: the value that was assigned to it

  bool poison() const { return node == ir::no_node; }
  bool category() const { return range >= 0; }
  bool scalar() const { return order.empty(); }
};

/// How many of the last axes are the event of the domain: 2 for covariance, 1 for simplex, 0 for numbers.
int event_axes(ir::Domain domain);

}  // namespace lvm::analysis
