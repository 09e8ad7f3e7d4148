#include <fmt/format.h>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

// Lets are expanded recursively, so their depth is bounded as that of expressions is.
constexpr int greatest_depth = 200;

Edges let_edges(const Context& context) {
  Edges edges;
  for (const LetState& let : context.lets) {
    std::vector<const Entity*> named;
    collect_names(context, *let.declaration->value, named);
    edges.emplace_back();
    for (const Entity* entity : named)
      if (entity->kind == EntityKind::let) edges.back().push_back(entity->index);
  }
  return edges;
}

void report_circle(Context& context, const std::vector<int>& circle) {
  const ast::LetDeclaration& first = *context.lets[static_cast<size_t>(circle.front())].declaration;
  const ast::LetDeclaration& last = *context.lets[static_cast<size_t>(circle.back())].declaration;
  report(context, Code::cyclic_let, first.name.range,
         fmt::format("`{}` is defined by itself", first.name.text), "",
         "a `let` names an expression of other names",
         {{last.value->range, fmt::format("`{}` uses `{}`", last.name.text, first.name.text)}});
}

}  // namespace

void collect_names(const Context& context, const ast::Expression& expression,
                   std::vector<const Entity*>& found) {
  const auto entity = context.scope.find(expression.text);
  if (expression.kind == ast::ExpressionKind::name && entity != context.scope.end())
    found.push_back(&entity->second);
  for (const auto& child : expression.children) collect_names(context, *child, found);
  for (const auto& argument : expression.arguments) collect_names(context, *argument.value, found);
}

void check_lets(Context& context) {
  const Edges edges = let_edges(context);
  if (const std::vector<int> circle = find_circle(edges); !circle.empty()) report_circle(context, circle);
  const std::vector<int> depth = depths(edges);
  bool reported = false;
  for (size_t i = 0; i < context.lets.size(); ++i) {
    LetState& let = context.lets[i];
    let.unusable = depth[i] < 0 || depth[i] > greatest_depth;
    if (depth[i] <= greatest_depth || reported) continue;
    reported = true;
    report(
        context, Code::let_too_deep, let.declaration->name.range,
        fmt::format("`{}` stands on more than {} other `let`s", let.declaration->name.text, greatest_depth));
  }
}

bool let_is_open(Context& context, int index) {
  LetState& let = context.lets[static_cast<size_t>(index)];
  if (let.unusable) return false;
  if (!let.open) let.open = is_open(context, *let.declaration->value);
  return *let.open;
}

Value expand_let(Context& context, Entity& entity, const ast::Expression& use,
                 const std::vector<AxisId>& place) {
  LetState& let = context.lets[static_cast<size_t>(entity.index)];
  entity.used = true;
  if (let.unusable) return {};
  const std::vector<AxisId> key = let_is_open(context, entity.index) ? place : std::vector<AxisId>{};
  auto known = let.expanded.find(key);
  if (known == let.expanded.end()) {
    Value value = evaluate(context, *let.declaration->value, key);
    known = let.expanded.emplace(key, std::move(value)).first;
  }
  Value value = known->second;
  value.source = use.range;
  return value;
}

}  // namespace lvm::analysis
