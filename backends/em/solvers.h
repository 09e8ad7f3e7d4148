#pragma once
// The M-step: statistics -> new parameters, one solver for each kind of block, and the checks that a run may
// fail by.

#include "backends/em/statistics.h"
#include "ir/passes/slot_rules.h"
#include "ir/program/program.h"

namespace lvm::em {

/// What the solvers read and write.
struct UpdateContext {
  const Setting& setting;
  const std::vector<Emission>& emissions;
  StatisticTable& statistics;
  Builder& update;
  Expansion& tables;  // into `update`
  std::vector<ir::Check>& checks;
};

/// Writes the new value of each free parameter and the checks of `update`; for the start of a run parameters
/// without a closed form are placed by moments, where an iteration takes a step.
enum class Moves : uint8_t { start, iteration };
void write_updates(UpdateContext& context, Moves moves);

using ir::variance_exponent;

/// Adds a check to a function: element i of `condition` failing says `message` with i.
void add_check(Builder& builder, std::vector<ir::Check>& checks, ir::Check::Kind kind, std::string name,
               std::string message, NodeId condition);

/// A slot as  c v^k  of its parameter v, in the canonical function.
struct ParameterForm {
  NodeId parameter;
  ir::Dependence dependence;
};
ParameterForm parameter_form(const Setting& setting, const Emission& emission, const ir::Block& block);

/// The factor that a block with a closed form belongs to.
size_t emission_of(const UpdateContext& context, const ir::Block& block);

const ir::Variable& variable_of(const Setting& setting, const std::string& parameter);
NodeId read_parameter(UpdateContext& context, const std::string& parameter);

/// x^p with the cheapest ops that give it.
NodeId power(Builder& builder, NodeId x, double p);

}  // namespace lvm::em
