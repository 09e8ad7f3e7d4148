#include "ir/model/model.h"

namespace lvm::ir {

std::string_view name(Role role) {
  switch (role) {
    case Role::data: return "data";
    case Role::given: return "given";
    case Role::weight: return "weight";
    case Role::latent: return "latent";
    case Role::parameter: return "parameter";
    case Role::constant: return "constant";
  }
  return {};
}

std::optional<int> Model::find(std::string_view variable) const {
  for (size_t i = 0; i < variables.size(); ++i)
    if (variables[i].name == variable) return static_cast<int>(i);
  return {};
}

const Variable* Model::row_weight() const {
  for (const Variable& variable : variables)
    if (variable.role == Role::weight) return &variable;
  return nullptr;
}

}  // namespace lvm::ir
