#pragma once
// What each slot of a distribution allows: the classes that keep its log density linear in statistics of a
// variable. One table.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/passes/classify.h"
#include "ir/passes/plan.h"

namespace lvm::ir {

enum class Statistics : uint8_t { none, gaussian, power, inverse_power, inverse_square, log_odds, log_table };

struct SlotRule {
  std::string_view family, slot;
  std::string_view noun;  // "standard deviation"
  Form allowed;           // constant: no class of a variable is
  Statistics statistics;
  std::optional<Solver> solver;  // of the M-step; none: not compiled
};

const std::vector<SlotRule>& slot_rules();
const SlotRule* find_slot_rule(std::string_view family, std::string_view slot);

/// True where the dependence is in the class that the slot allows.
bool allows(const SlotRule& rule, const Dependence& dependence);

/// The exponent e that makes a spread slot of a Normal a variance: V = slot^e.  sd: 2, var and cov: 1,
/// precision: -1.
double variance_exponent(std::string_view slot);

/// "Normal.mean.sd" taken apart; "ZeroInflated.p.D(Poisson.rate)" has the slots p and rate.
struct DensityText {
  std::string family;
  std::vector<std::string> slot_names;
};
DensityText split_density(std::string_view text);

/// A factor taken apart: "Normal.mean.sd" of value, slots.
struct FactorParts {
  int index = -1;  // in Model::factors
  std::string family;
  std::vector<std::string> slot_names;
  NodeId value = no_node;
  std::vector<NodeId> slots;
  const SlotRule* rule(size_t slot) const;
};
FactorParts parts_of(const Model& model, int factor);

}  // namespace lvm::ir
