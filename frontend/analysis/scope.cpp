#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

// Behind so many errors names are no longer compared with all others: it would take longer than all else.
constexpr size_t most_suggestions = 200;

struct Declared {
  const ast::Name* name;
  EntityKind kind;
};

// P, q and fit declare no name.
struct DeclaredName {
  std::optional<Declared> operator()(const ast::AxisDeclaration& d) const {
    return Declared{&d.name, EntityKind::axis};
  }
  std::optional<Declared> operator()(const ast::ConstDeclaration& d) const {
    return Declared{&d.name, EntityKind::variable};
  }
  std::optional<Declared> operator()(const ast::DataDeclaration& d) const {
    return Declared{&d.name, EntityKind::variable};
  }
  std::optional<Declared> operator()(const ast::WeightDeclaration& d) const {
    return Declared{&d.name, EntityKind::variable};
  }
  std::optional<Declared> operator()(const ast::PlateDeclaration& d) const {
    return Declared{&d.name, EntityKind::plate};
  }
  std::optional<Declared> operator()(const ast::SequenceDeclaration& d) const {
    return Declared{&d.name, EntityKind::sequence};
  }
  std::optional<Declared> operator()(const ast::ParameterDeclaration& d) const {
    return Declared{&d.name, EntityKind::variable};
  }
  std::optional<Declared> operator()(const ast::LatentDeclaration& d) const {
    return Declared{&d.name, EntityKind::variable};
  }
  std::optional<Declared> operator()(const ast::LetDeclaration& d) const {
    return Declared{&d.name, EntityKind::let};
  }
  std::optional<Declared> operator()(const ast::NetDeclaration& d) const {
    return Declared{&d.name, EntityKind::network};
  }
  std::optional<Declared> operator()(const ast::ProbabilityDeclaration&) const { return {}; }
  std::optional<Declared> operator()(const ast::PosteriorDeclaration&) const { return {}; }
  std::optional<Declared> operator()(const ast::FitDeclaration&) const { return {}; }
};

ir::Variable new_variable(const ast::DeclarationNode& node, const ast::Name& name) {
  ir::Variable variable;
  variable.name = name.text;
  variable.range = name.range;
  if (const auto* data = std::get_if<ast::DataDeclaration>(&node))
    variable.role = data->given ? ir::Role::given : ir::Role::data;
  else if (std::holds_alternative<ast::WeightDeclaration>(node))
    variable.role = ir::Role::weight;
  else if (std::holds_alternative<ast::LatentDeclaration>(node))
    variable.role = ir::Role::latent;
  else if (std::holds_alternative<ast::ConstDeclaration>(node))
    variable.role = ir::Role::constant;
  else
    variable.role = ir::Role::parameter;
  return variable;
}

// The index of a new entity in the list of its kind.
int enlist(Context& context, const ast::Declaration& declaration, int position, const Declared& declared) {
  switch (declared.kind) {
    case EntityKind::axis: return context.model.module.add_axis({.name = declared.name->text});
    case EntityKind::variable:
      context.model.variables.push_back(new_variable(declaration.node, *declared.name));
      context.variables.push_back({.declaration = position});
      return static_cast<int>(context.variables.size()) - 1;
    case EntityKind::let:
      context.lets.push_back({.declaration = &std::get<ast::LetDeclaration>(declaration.node)});
      return static_cast<int>(context.lets.size()) - 1;
    case EntityKind::network:
      context.networks.push_back({&std::get<ast::NetDeclaration>(declaration.node)});
      return static_cast<int>(context.networks.size()) - 1;
    case EntityKind::plate:
    case EntityKind::sequence: return position;
  }
  return -1;
}

bool declare_once(Context& context, const Declared& declared) {
  Entity* first = find_entity(context, declared.name->text);
  if (!first && declared.kind == EntityKind::axis && declared.name->text == "row") {
    report(context, Code::reserved_name, declared.name->range, "an axis cannot be named `row`",
           "the rows of the table have this name", "choose another name");
    return false;
  }
  if (!first) return true;
  first->doubtful = true;
  report(context, Code::duplicate_name, declared.name->range,
         fmt::format("`{}` is declared twice", declared.name->text), "declared again here",
         "rename one of the two", {{first->range, "first declared here"}});
  return false;
}

}  // namespace

std::string_view name(EntityKind kind) {
  switch (kind) {
    case EntityKind::axis: return "an axis";
    case EntityKind::variable: return "a variable";
    case EntityKind::let: return "a `let`";
    case EntityKind::plate: return "a plate";
    case EntityKind::sequence: return "a sequence";
    case EntityKind::network: return "a network";
  }
  return {};
}

void declare_names(Context& context) {
  for (size_t i = 0; i < context.file.declarations.size(); ++i) {
    const ast::Declaration& declaration = context.file.declarations[i];
    const auto declared = std::visit(DeclaredName{}, declaration.node);
    if (!declared || declared->name->text.empty() || !declare_once(context, *declared)) continue;
    const int index = enlist(context, declaration, static_cast<int>(i), *declared);
    context.scope.emplace(declared->name->text,
                          Entity{declared->kind, declared->name->text, declared->name->range, index});
  }
}

Entity* find_entity(Context& context, std::string_view name) {
  const auto found = context.scope.find(std::string(name));
  return found == context.scope.end() ? nullptr : &found->second;
}

std::vector<std::string> names_of(const Context& context, std::initializer_list<EntityKind> kinds) {
  std::vector<std::string> names;
  if (context.diagnostics.error_count() > most_suggestions) return names;
  for (const auto& [name, entity] : context.scope)
    if (std::find(kinds.begin(), kinds.end(), entity.kind) != kinds.end()) names.push_back(name);
  return names;
}

Entity* resolve(Context& context, const ast::Name& name, std::initializer_list<EntityKind> suggested) {
  if (Entity* entity = find_entity(context, name.text)) {
    entity->used = true;
    return entity;
  }
  const std::vector<std::string> candidates = names_of(context, suggested);
  report(context, Code::unknown_name, name.range, fmt::format("`{}` is not declared", name.text),
         "not found in this model", suggestion(name.text, candidates));
  // The name that was meant counts as used: it would only be reported a second time.
  if (const auto near = did_you_mean(name.text, candidates)) find_entity(context, *near)->used = true;
  return nullptr;
}

}  // namespace lvm::analysis
