#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ir::Factor;
using ir::Role;
using ir::VariableUse;
using PlaceKind = VariableUse::Place;

const ir::Variable& variable_of(const Context& context, const VariableUse& use) {
  return context.model.variables[static_cast<size_t>(use.variable)];
}

bool stands_after_bar(Role role) {
  return role == Role::data || role == Role::given || role == Role::latent;
}

// Within P(z[first]), what stands without a position means the first step too.
VariableUse normalised(const VariableUse& left, VariableUse use) {
  if (left.place != PlaceKind::first || use.place == PlaceKind::first) return use;
  return {use.variable, PlaceKind::first, left.offset + use.offset};
}

bool holds(const std::vector<VariableUse>& uses, const VariableUse& use) {
  return std::any_of(uses.begin(), uses.end(), [&](const VariableUse& each) { return same_use(each, use); });
}

std::string signature_text(const Context& context, const VariableUse& left,
                           const std::vector<VariableUse>& parents) {
  std::string text = "P(" + describe_use(context, left);
  for (size_t i = 0; i < parents.size(); ++i)
    text += (i == 0 ? " | " : ", ") + describe_use(context, parents[i]);
  return text + ")";
}

struct Probability {
  Context& context;
  const ast::ProbabilityDeclaration& declaration;
  SourceRange range;

  std::optional<VariableUse> left() const;
  std::optional<std::vector<VariableUse>> parents(const VariableUse& left) const;
  void check_parents(const VariableUse& left, const std::vector<VariableUse>& parents,
                     const Density& density) const;
  void analyse() const;
};

std::optional<VariableUse> Probability::left() const {
  if (declaration.left.size() > 1) {
    report(context, Code::joint_probability,
           join(declaration.left.front().range, declaration.left.back().range),
           "`P` of several variables at once", "", "write one `P(… | …) = …` for each variable");
    for (const ast::VariableReference& each : declaration.left)
      if (const auto use = resolve_reference(context, each)) context.assumed_factors.insert(use->variable);
    return {};
  }
  const auto use = resolve_reference(context, declaration.left.front());
  if (!use) {
    // The variable that was meant has its factor: only the name or the position is wrong.
    const Entity* named = find_entity(context, declaration.left.front().name.text);
    if (named && named->kind == EntityKind::variable) context.assumed_factors.insert(named->index);
    const auto near =
        did_you_mean(declaration.left.front().name.text, names_of(context, {EntityKind::variable}));
    if (near) context.assumed_factors.insert(find_entity(context, *near)->index);
    return {};
  }
  context.assumed_factors.insert(use->variable);
  const ir::Variable& variable = variable_of(context, *use);
  if (variable.role == Role::data || variable.role == Role::latent) return use;
  report(context, Code::not_random, declaration.left.front().range,
         fmt::format("`{}` is {}, which has no `P`", variable.name, role_text(variable)),
         "only data and latent variables are random",
         variable.role == Role::parameter
             ? fmt::format("a prior stands in its declaration: `param {}: … ~ …`", variable.name)
             : "",
         {{variable.range, "declared here"}});
  return {};
}

std::optional<std::vector<VariableUse>> Probability::parents(const VariableUse& left) const {
  std::vector<VariableUse> found;
  bool sound = true;
  for (const ast::VariableReference& reference : declaration.parents) {
    auto use = resolve_reference(context, reference);
    if (!use) {
      sound = false;
      continue;
    }
    const ir::Variable& variable = variable_of(context, *use);
    if (!stands_after_bar(variable.role)) {
      report(context, Code::parent_not_variable, reference.range,
             fmt::format("`{}` is {} and does not stand after `|`", variable.name, role_text(variable)), "",
             "after `|` stand data, given and latent variables", {{variable.range, "declared here"}});
      continue;
    }
    use = normalised(left, *use);
    if (holds(found, *use))
      report(context, Code::duplicate_parent, reference.range,
             fmt::format("`{}` stands twice after `|`", describe_use(context, *use)));
    else
      found.push_back(*use);
  }
  if (!sound) return {};
  return found;
}

void Probability::check_parents(const VariableUse& left, const std::vector<VariableUse>& parents,
                                const Density& density) const {
  std::vector<VariableUse> needed;
  std::vector<Use> missing;
  for (const Use& each : density.uses) {
    const VariableUse use = normalised(left, {each.variable, each.place, each.offset});
    if (!stands_after_bar(variable_of(context, use).role) || holds(needed, use)) continue;
    needed.push_back(use);
    if (!holds(parents, use)) missing.push_back(each);
  }
  for (const Use& each : missing) {
    const VariableUse use = normalised(left, {each.variable, each.place, each.offset});
    if (same_use(use, left))
      report(context, Code::cyclic_dependence, each.range,
             fmt::format("`{}` depends on itself", describe_use(context, left)), "",
             "the right side may use other variables only");
    else
      report(context, Code::missing_parent, each.range,
             fmt::format("`{}` is used, but does not stand after `|`", describe_use(context, use)),
             "used here", fmt::format("write `{}`", signature_text(context, left, needed)),
             {{range, "in this declaration"}});
  }
  for (const ast::VariableReference& reference : declaration.parents) {
    const Entity* entity = find_entity(context, reference.name.text);
    const auto parent = std::find_if(parents.begin(), parents.end(), [&](const VariableUse& use) {
      return entity && use.variable == entity->index;
    });
    if (parent == parents.end()) continue;
    const auto use = resolve_reference(context, reference);
    if (!use || holds(needed, normalised(left, *use))) continue;
    report(
        context, Code::superfluous_parent, reference.range,
        fmt::format("`{}` stands after `|`, but the right side does not use it", describe_use(context, *use)),
        "", fmt::format("write `{}`", signature_text(context, left, needed)));
  }
}

void Probability::analyse() const {
  const auto random = left();
  Target target;
  static const ir::Variable nothing{};
  target.variable = random ? &variable_of(context, *random) : &nothing;
  if (random)
    target.value =
        variable_value(context, random->variable,
                       {random->variable, random->place, random->offset, declaration.left.front().range});
  target.value.uses.clear();
  const Density density = evaluate_distribution(context, *declaration.distribution, target);
  const auto after_bar = parents(random.value_or(VariableUse{.variable = -1}));
  if (!random || !after_bar || density.node == ir::no_node) return;
  const size_t errors = context.diagnostics.error_count();
  check_parents(*random, *after_bar, density);
  if (context.diagnostics.error_count() > errors) return;
  context.model.factors.push_back(
      {*random, *after_bar, density.node, range, declaration.distribution->range});
}

// One P for each random variable; in a sequence one for each position.
void check_once(Context& context) {
  std::map<std::tuple<int, PlaceKind, int>, SourceRange> seen;
  for (const ast::Declaration& declaration : context.file.declarations) {
    const auto* probability = std::get_if<ast::ProbabilityDeclaration>(&declaration.node);
    if (!probability || probability->left.size() != 1 ||
        !find_entity(context, probability->left.front().name.text))
      continue;
    const auto use = resolve_reference(context, probability->left.front());
    if (!use) continue;
    const SourceRange range = probability->left.front().range;
    const auto [first, fresh] = seen.emplace(std::tuple(use->variable, use->place, use->offset), range);
    if (!fresh)
      report(context, Code::two_distributions, range,
             fmt::format("`{}` has two distributions", describe_use(context, *use)), "",
             "keep one of them: the distributions of a variable do not multiply",
             {{first->second, "the first one"}});
  }
}

void check_every(Context& context) {
  for (size_t i = 0; i < context.variables.size(); ++i) {
    const ir::Variable& variable = context.model.variables[i];
    if (variable.role != Role::data && variable.role != Role::latent) continue;
    if (context.assumed_factors.contains(static_cast<int>(i))) continue;
    report(context, Code::no_distribution, variable.range,
           fmt::format("`{}` has no distribution", variable.name),
           variable.role == Role::data ? "data is modelled by a `P`" : "a latent needs a `P`",
           variable.role == Role::data
               ? fmt::format("add `P({0} | …) = …`, or declare `given {0}`", variable.name)
               : fmt::format("add `P({}) = …`", variable.name));
  }
}

// `z[first+1]` may depend on `z[first]`, and on nothing before or behind it.
void check_first(Context& context, const Factor& factor) {
  if (factor.variable.place != PlaceKind::first) return;
  for (const VariableUse& parent : factor.parents) {
    if (parent.place != PlaceKind::first) continue;
    if (parent.offset > factor.variable.offset)
      report(context, Code::future_step, factor.range,
             fmt::format("`{}` depends on the later `{}`", describe_use(context, factor.variable),
                         describe_use(context, parent)),
             "", "a step depends on earlier steps");
    if (parent.offset < 0)
      report(context, Code::sequence_start, factor.range,
             fmt::format("`{}` depends on a step before the first", describe_use(context, factor.variable)),
             "", "the first steps depend on those from `first` on");
  }
}

// The first steps of z[t] that depends on z[t-k] need distributions of their own.
void check_starts(Context& context) {
  for (const Factor& factor : context.model.factors) {
    check_first(context, factor);
    if (factor.variable.place != PlaceKind::step) continue;
    int lag = 0;
    for (const VariableUse& parent : factor.parents) {
      if (parent.place == PlaceKind::step) lag = std::max(lag, -parent.offset);
      if (parent.place == PlaceKind::step && parent.offset > 0)
        report(context, Code::future_step, factor.range,
               fmt::format("`{}` depends on the later `{}`", describe_use(context, factor.variable),
                           describe_use(context, parent)),
               "", "a step depends on earlier steps: `z[t-1]`");
    }
    for (int step = 0; step < lag; ++step) {
      const VariableUse start{factor.variable.variable, PlaceKind::first, step};
      const bool given = std::any_of(context.model.factors.begin(), context.model.factors.end(),
                                     [&](const Factor& each) { return same_use(each.variable, start); });
      if (!given)
        report(context, Code::sequence_start, factor.range,
               fmt::format("`{}` has no distribution", describe_use(context, start)), "",
               fmt::format("add `P({}) = …`: the first step has no step before it",
                           describe_use(context, start)));
    }
  }
}

}  // namespace

bool same_use(const VariableUse& a, const VariableUse& b) {
  return a.variable == b.variable && a.place == b.place && a.offset == b.offset;
}

std::string describe_use(const Context& context, const VariableUse& use) {
  const std::string& name = variable_of(context, use).name;
  const std::string offset = use.offset == 0 ? "" : fmt::format("{:+}", use.offset);
  switch (use.place) {
    case PlaceKind::row: return name;
    case PlaceKind::step: return fmt::format("{}[{}{}]", name, context.sequence, offset);
    case PlaceKind::first: return fmt::format("{}[first{}]", name, offset);
  }
  return name;
}

std::optional<VariableUse> resolve_reference(Context& context, const ast::VariableReference& reference) {
  Entity* entity = resolve(context, reference.name, {EntityKind::variable});
  if (!entity) return {};
  if (entity->kind != EntityKind::variable && entity->doubtful) return {};
  if (entity->kind != EntityKind::variable) {
    report(context, Code::not_a_value, reference.name.range,
           fmt::format("`{}` is {}, not a variable", reference.name.text, name(entity->kind)), "",
           entity->kind == EntityKind::let ? "name the variables that it uses" : "",
           {{entity->range, "declared here"}});
    return {};
  }
  VariableUse use{.variable = entity->index};
  const bool varies = stands_after_bar(variable_of(context, use).role) && !variable_of(context, use).global;
  if (!context.sequence.empty() && varies) use.place = PlaceKind::step;
  if (!reference.index) return use;
  if (context.sequence.empty() || !varies ||
      (reference.index->text != context.sequence && reference.index->text != "first")) {
    report(context, Code::sequence_index, reference.range,
           context.sequence.empty()
               ? "there is no sequence to have a position in"
               : fmt::format("`{}` is not a position of `{}`", reference.index->text, context.sequence),
           "",
           context.sequence.empty() ? "declare `sequence t order \"time\"`"
                                    : fmt::format("write `{0}[{1}]`, `{0}[{1}-1]` or `{0}[first]`",
                                                  reference.name.text, context.sequence));
    return {};
  }
  use.place = reference.index->text == "first" ? PlaceKind::first : PlaceKind::step;
  use.offset = reference.offset;
  return use;
}

void analyse_factors(Context& context) {
  for (const ast::Declaration& declaration : context.file.declarations)
    if (const auto* probability = std::get_if<ast::ProbabilityDeclaration>(&declaration.node))
      Probability{context, *probability, declaration.range}.analyse();
  check_once(context);
  check_every(context);
  check_starts(context);
  check_acyclic(context);
}

}  // namespace lvm::analysis
