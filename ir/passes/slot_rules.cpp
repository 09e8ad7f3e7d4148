#include "ir/passes/slot_rules.h"

namespace lvm::ir {
namespace {

namespace solvers {
constexpr std::optional<Solver> none{}, moments{Solver::moments}, scatter{Solver::scatter},
    ratio{Solver::ratio}, normalised_counts{Solver::normalised_counts}, rate{Solver::rate},
    odds{Solver::odds}, concentration{Solver::concentration}, median{Solver::median},
    matrix_scale{Solver::matrix_scale}, freedom{Solver::freedom};
}  // namespace solvers

}  // namespace

const std::vector<SlotRule>& slot_rules() {
  static const std::vector<SlotRule> rules = {
#define LVM_SLOT(family, slot, noun, allowed, statistics, solver) \
  {family, slot, noun, Form::allowed, Statistics::statistics, solvers::solver},
#include "ir/passes/slot_rules.def"
#undef LVM_SLOT
  };
  return rules;
}

const SlotRule* find_slot_rule(std::string_view family, std::string_view slot) {
  for (const SlotRule& rule : slot_rules()) {
    if (rule.family == family && rule.slot == slot) return &rule;
  }
  return nullptr;
}

double variance_exponent(std::string_view slot) {
  if (slot == "sd") return 2;
  return slot == "precision" || slot == "precision_matrix" ? -1 : 1;
}

bool allows(const SlotRule& rule, const Dependence& d) {
  if (d.form == Form::constant || d.form == Form::select || d.form == Form::gate) return true;
  switch (rule.allowed) {
    case Form::view: return d.form == Form::view;
    case Form::pos_power: return is_pos_power(d);
    case Form::affine: return is_affine(d);
    case Form::constant:
    case Form::scale:
    case Form::quadratic:
    case Form::select:
    case Form::gate:
    case Form::log_of:
    case Form::nonlinear: return false;
  }
  return false;
}

const SlotRule* FactorParts::rule(size_t slot) const {
  return slot < slot_names.size() ? find_slot_rule(family, slot_names[slot]) : nullptr;
}

DensityText split_density(std::string_view text) {
  DensityText parts{std::string(text.substr(0, text.find('.'))), {}};
  while (text.find('.') != std::string_view::npos) {
    text.remove_prefix(text.find('.') + 1);
    // Of a wrapped distribution, "D(Poisson", only the slots are inputs.
    const std::string_view slot = text.substr(0, text.find('.'));
    if (slot.find('(') == std::string_view::npos)
      parts.slot_names.emplace_back(slot.substr(0, slot.find(')')));
  }
  return parts;
}

FactorParts parts_of(const Model& model, int factor) {
  const Node& density = model.function()[model.factors[static_cast<size_t>(factor)].log_density];
  FactorParts parts;
  parts.index = factor;
  DensityText text = split_density(density.attributes.text);
  parts.family = std::move(text.family);
  parts.slot_names = std::move(text.slot_names);
  parts.value = density.inputs.front();
  parts.slots.assign(density.inputs.begin() + 1, density.inputs.end());
  return parts;
}

}  // namespace lvm::ir
