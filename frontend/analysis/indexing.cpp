#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using ast::ExpressionKind;
using PlaceKind = ir::VariableUse::Place;

// `t`, `first` under `+ n` or `- n`.
struct Stepped {
  const Expression* name;
  int offset;
};

std::optional<Stepped> stepped(const Expression& index) {
  if (index.kind == ExpressionKind::name) return Stepped{&index, 0};
  if (index.kind != ExpressionKind::add && index.kind != ExpressionKind::subtract) return {};
  const Expression& name = *index.children[0];
  const Expression& number = *index.children[1];
  if (name.kind != ExpressionKind::name || number.kind != ExpressionKind::number) return {};
  const auto offset = static_cast<int>(std::clamp(number.number, 0.0, 1e6));
  return Stepped{&name, index.kind == ExpressionKind::add ? offset : -offset};
}

bool varies(const ir::Variable& variable) {
  return variable.role == ir::Role::data || variable.role == ir::Role::given ||
         variable.role == ir::Role::latent;
}

Value at_position(Context& context, const Expression& expression, const Position& position) {
  const Expression& table = *expression.children[0];
  Entity* entity = table.kind == ExpressionKind::name ? find_entity(context, table.text) : nullptr;
  if (!entity) return evaluate(context, table);  // reports an unknown name
  const bool variable = entity->kind == EntityKind::variable;
  if (!variable || !varies(context.model.variables[static_cast<size_t>(entity->index)])) {
    report(context, Code::sequence_index, expression.range,
           fmt::format("`{}` does not vary along the sequence", ast::print(table)), "",
           "only data, given and latent variables have a position", {{entity->range, "declared here"}});
    return {};
  }
  entity->used = true;
  return variable_value(context, entity->index,
                        {entity->index, position.place, position.offset, expression.range});
}

// The axis that an index over `range` consumes: the leftmost of that name that is not an event axis.
std::optional<size_t> consumed_axis(const Context& context, const Value& table, AxisId range) {
  const size_t events =
      table.domain == ir::Domain::ordered ? 0 : static_cast<size_t>(event_axes(table.domain));
  for (size_t i = 0; i + events < table.order.size(); ++i)
    if (base_axis(context, table.order[i]) == base_axis(context, range)) return i;
  return {};
}

std::vector<Label> index_labels(const Context& context, const Value& table, const Value& index) {
  return {{table.source, fmt::format("this is `{}`", describe(context, table))},
          {index.source, fmt::format("this is `{}`", describe(context, index))}};
}

Value gather(Context& context, const Expression& expression, Value table, const Value& index) {
  if (!index.category()) {
    report(context, Code::index_not_category, index.source, "only a category can stand in `[…]`",
           fmt::format("this is `{}`", describe(context, index)), "declare it as `category[K]`");
    return {};
  }
  const auto at = consumed_axis(context, table, index.range);
  if (!at) {
    const bool event = std::find(table.order.begin(), table.order.end(), index.range) != table.order.end();
    report(context, Code::index_without_axis, expression.range,
           fmt::format("`{}` has no axis `{}` to index", ast::print(*expression.children[0]),
                       axis_text(context, index.range)),
           "", event ? "this axis is the event of the type: its entries stay together" : "",
           index_labels(context, table, index));
    return {};
  }
  Value value = table;
  value.order.erase(value.order.begin() + static_cast<std::ptrdiff_t>(*at));
  for (const AxisId axis : index.order)
    if (std::find(value.order.begin(), value.order.end(), axis) == value.order.end())
      value.order.insert(value.order.begin(), axis);
  value.node = make(context, ir::Op::gather, {table.node, index.node}, {table.order[*at]}, expression.range);
  if (table.domain == ir::Domain::ordered && *at + 1 == table.order.size()) value.domain = ir::Domain::real;
  merge_uses(value.uses, index.uses);
  value.source = expression.range;
  normalise_axes(context, value);
  return value;
}

}  // namespace

std::optional<Position> sequence_position(Context& context, const Expression& index) {
  const auto step = stepped(index);
  if (!step) return {};
  const std::string& name = step->name->text;
  if (!context.sequence.empty() && name == context.sequence) return Position{PlaceKind::step, step->offset};
  if (name != "first" || find_entity(context, "first")) return {};
  if (!context.sequence.empty() && step->offset >= 0) return Position{PlaceKind::first, step->offset};
  return {};
}

Value evaluate_index(Context& context, const Expression& expression) {
  size_t next = 1;
  Value value;
  const auto position = sequence_position(context, *expression.children[1]);
  if (position) {
    value = at_position(context, expression, *position);
    ++next;
  } else {
    const auto step = stepped(*expression.children[1]);
    if (context.sequence.empty() && step && step->name->text == "first" && !find_entity(context, "first")) {
      report(context, Code::sequence_index, expression.range, "there is no sequence to be first in", "",
             "declare `sequence t order \"time\"`");
      return {};
    }
    value = evaluate(context, *expression.children[0]);
  }
  for (; next < expression.children.size(); ++next) {
    const Value index = evaluate(context, *expression.children[next]);
    if (value.poison() || index.poison()) {
      value = {};
      continue;
    }
    value = require_number(context, value) ? gather(context, expression, std::move(value), index) : Value{};
  }
  return value;
}

}  // namespace lvm::analysis
