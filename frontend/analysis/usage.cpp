#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

// Which leaves any factor, posterior or prior of another parameter reads.
std::vector<bool> reached_nodes(const Context& context) {
  const ir::Function& function = context.model.function();
  std::vector<bool> reached(function.nodes.size());
  const auto mark = [&](NodeId node) {
    if (node != ir::no_node) reached[static_cast<size_t>(node)] = true;
  };
  for (const ir::Factor& factor : context.model.factors) mark(factor.log_density);
  for (const ir::Posterior& posterior : context.model.posteriors) mark(posterior.log_density);
  for (size_t i = function.nodes.size(); i-- > 0;)
    if (reached[i])
      for (const NodeId input : function.nodes[i].inputs) mark(input);
  return reached;
}

void check_parameter(Context& context, const ir::Variable& variable) {
  report(context, Code::unused_parameter, variable.range, fmt::format("`{}` is never used", variable.name),
         "nothing in the data says anything about it", "remove it, or use it in a `P(…)`");
}

}  // namespace

void check_usage(Context& context) {
  // A let that nothing uses is still checked; one that needs its place for a list cannot be.
  for (auto& [name, entity] : context.scope) {
    if (entity.kind != EntityKind::let || entity.used) continue;
    const ast::LetDeclaration& let = *context.lets[static_cast<size_t>(entity.index)].declaration;
    if (!is_open(context, *let.value) && !context.lets[static_cast<size_t>(entity.index)].unusable)
      evaluate(context, *let.value);
  }
  if (context.diagnostics.has_errors()) return;
  const std::vector<bool> reached = reached_nodes(context);
  for (const auto& [name, entity] : context.scope) {
    const bool variable = entity.kind == EntityKind::variable;
    const ir::Variable* declared =
        variable ? &context.model.variables[static_cast<size_t>(entity.index)] : nullptr;
    if (declared && declared->role == ir::Role::parameter) {
      if (!entity.used && declared->prior == ir::no_node && !reached[static_cast<size_t>(declared->node)])
        check_parameter(context, *declared);
      continue;
    }
    const bool counted =
        !declared || declared->role == ir::Role::constant || declared->role == ir::Role::given;
    if (!counted || entity.used || entity.kind == EntityKind::sequence || entity.kind == EntityKind::plate)
      continue;
    report(context, Code::unused_name, entity.range, fmt::format("`{}` is never used", name));
  }
}

}  // namespace lvm::analysis
