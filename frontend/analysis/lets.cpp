#include <fmt/format.h>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

void collect_lets(const Context& context, const ast::Expression& expression, std::vector<int>& found) {
  const auto entity = context.scope.find(expression.text);
  if (expression.kind == ast::ExpressionKind::name && entity != context.scope.end() && entity->second.kind == EntityKind::let)
    found.push_back(entity->second.index);
  for (const auto& child : expression.children) collect_lets(context, *child, found);
  for (const auto& argument : expression.arguments) collect_lets(context, *argument.value, found);
}

enum class Visit : uint8_t { unseen, open, done };

struct CycleSearch {
  Context& context;
  std::vector<Visit> visits;

  // A `let` that uses a cyclic one is itself unusable, but only the circle is reported.
  void visit(int index) {
    LetState& let = context.lets[static_cast<size_t>(index)];
    visits[static_cast<size_t>(index)] = Visit::open;
    std::vector<int> next;
    collect_lets(context, *let.declaration->value, next);
    for (const int other : next) {
      if (visits[static_cast<size_t>(other)] == Visit::open) {
        report_cycle(let, other);
        let.cyclic = true;
        context.lets[static_cast<size_t>(other)].cyclic = true;
      } else if (visits[static_cast<size_t>(other)] == Visit::unseen) {
        visit(other);
      }
      let.cyclic |= context.lets[static_cast<size_t>(other)].cyclic;
    }
    visits[static_cast<size_t>(index)] = Visit::done;
  }

  void report_cycle(const LetState& let, int other) {
    const ast::LetDeclaration& first = *context.lets[static_cast<size_t>(other)].declaration;
    report(context, Code::cyclic_let, first.name.range, fmt::format("`{}` is defined by itself", first.name.text), "",
           "a `let` names an expression of other names",
           {{let.declaration->value->range, fmt::format("`{}` uses `{}`", let.declaration->name.text, first.name.text)}});
  }
};

}  // namespace

void check_lets(Context& context) {
  CycleSearch search{context, std::vector<Visit>(context.lets.size(), Visit::unseen)};
  for (size_t i = 0; i < context.lets.size(); ++i)
    if (search.visits[i] == Visit::unseen) search.visit(static_cast<int>(i));
}

Value expand_let(Context& context, Entity& entity, const ast::Expression& use, const std::vector<AxisId>& place) {
  LetState& let = context.lets[static_cast<size_t>(entity.index)];
  entity.used = true;
  if (let.cyclic) return {};
  const std::vector<AxisId> key = is_open(context, *let.declaration->value) ? place : std::vector<AxisId>{};
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
