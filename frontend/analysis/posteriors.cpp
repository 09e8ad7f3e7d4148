#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ast::PosteriorKind;
using ir::Role;
using ir::VariableUse;

using Variables = std::vector<int>;

bool holds(const Variables& list, int variable) {
  return std::find(list.begin(), list.end(), variable) != list.end();
}

bool same_set(Variables a, Variables b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

std::string names_text(const Context& context, const Variables& variables) {
  std::string text;
  for (const int each : variables)
    text += (text.empty() ? "" : ", ") + context.model.variables[static_cast<size_t>(each)].name;
  return text;
}

// One factor of a factorisation, which a line of its own gives.
struct Term {
  Variables left;
  Variables parents;
  SourceRange range;
  bool given = false;
  bool sound = true;  // all of its conditions are known
};

struct Posteriors {
  Context& context;
  std::vector<Term> terms = {};
  std::map<int, SourceRange> covered = {};   // by a line that gives a form
  std::map<int, SourceRange> factored = {};  // by a factorisation
  bool sound = true;                         // every left side is known

  const ir::Variable& variable(int index) const {
    return context.model.variables[static_cast<size_t>(index)];
  }
  Variables left_side(const std::vector<ast::VariableReference>& references);
  Variables conditions(const std::vector<ast::VariableReference>& references,
                       const Variables& allowed_latents);
  void factorisation(const ast::PosteriorDeclaration& declaration, SourceRange range);
  void term(const ast::PosteriorTerm& syntax, const Variables& whole, Variables& seen);
  void form(const ast::PosteriorDeclaration& declaration, SourceRange whole);
  Term* match_term(const Variables& left, SourceRange range);
  bool cover(const Variables& left, SourceRange range);
  void check_term_conditions(const Term& term, const Variables& parents, SourceRange range);
  void check_exact_conditions(const ir::Posterior& posterior, SourceRange range);
  ir::NodeId density(const ast::PosteriorDeclaration& declaration, const ir::Posterior& posterior);
  void check_terms();
  void check_split();
  void cover_rest();
};

// The variables whose posterior is meant; those that have none are reported and left out.
Variables Posteriors::left_side(const std::vector<ast::VariableReference>& references) {
  Variables left;
  for (const ast::VariableReference& reference : references) {
    const auto use = resolve_reference(context, reference);
    if (!use) {
      sound = false;
      continue;
    }
    const ir::Variable& named = variable(use->variable);
    if (!is_inferred(named)) {
      report(context, Code::posterior_of, reference.range,
             fmt::format("`{}` is {} and has no posterior", named.name, role_text(named)),
             "`q` is of latent variables",
             named.role == Role::data && named.type.element == ir::Element::category
                 ? fmt::format("declare `data {}: … missing` if some cells are absent", named.name)
                 : "",
             {{named.range, "declared here"}});
      continue;
    }
    if (holds(left, use->variable)) {
      report(context, Code::latent_covered_twice, reference.range,
             fmt::format("`{}` stands twice on the left side", named.name));
      continue;
    }
    left.push_back(use->variable);
  }
  return left;
}

Variables Posteriors::conditions(const std::vector<ast::VariableReference>& references,
                                 const Variables& allowed_latents) {
  Variables found;
  for (const ast::VariableReference& reference : references) {
    const auto use = resolve_reference(context, reference);
    if (!use) continue;
    const ir::Variable& named = variable(use->variable);
    const bool observed =
        (named.role == Role::data && !holds(allowed_latents, use->variable)) || named.role == Role::given;
    if (observed || holds(allowed_latents, use->variable)) {
      if (holds(found, use->variable))
        report(context, Code::duplicate_parent, reference.range,
               fmt::format("`{}` stands twice after `|`", named.name));
      else
        found.push_back(use->variable);
      continue;
    }
    report(context, Code::posterior_condition, reference.range,
           fmt::format("`q` cannot be conditioned on `{}`", named.name),
           fmt::format("this is {}", role_text(named)),
           named.role == Role::latent
               ? "a factor may depend on an earlier one: `q(z, c | y) = q(z | y) * q(c | z)`"
               : "after `|` stand data and given variables",
           {{named.range, "declared here"}});
  }
  return found;
}

void Posteriors::term(const ast::PosteriorTerm& syntax, const Variables& whole, Variables& seen) {
  Term term{
      .left = left_side(syntax.left), .parents = conditions(syntax.parents, seen), .range = syntax.range};
  term.sound = term.parents.size() == syntax.parents.size();
  for (const int each : term.left) {
    if (!holds(whole, each))
      report(context, Code::factorisation, syntax.range,
             fmt::format("the factor of `{}` is not part of the left side", variable(each).name));
    else if (holds(seen, each))
      report(context, Code::factorisation, syntax.range,
             fmt::format("`{}` has two factors", variable(each).name));
  }
  seen.insert(seen.end(), term.left.begin(), term.left.end());
  terms.push_back(std::move(term));
}

void Posteriors::factorisation(const ast::PosteriorDeclaration& declaration, SourceRange range) {
  const Variables whole = left_side(declaration.left);
  conditions(declaration.parents, {});
  Variables seen;
  for (const ast::PosteriorTerm& each : declaration.terms) term(each, whole, seen);
  for (const int each : whole) {
    if (!holds(seen, each) && sound)
      report(context, Code::factorisation, range, fmt::format("`{}` has no factor", variable(each).name), "",
             fmt::format("add `* q({} | …)`", variable(each).name));
    const auto [first, fresh] = factored.emplace(each, range);
    if (!fresh)
      report(context, Code::latent_covered_twice, range,
             fmt::format("`{}` stands in two factorisations", variable(each).name), "", "",
             {{first->second, "the first one"}});
  }
}

Term* Posteriors::match_term(const Variables& left, SourceRange range) {
  for (Term& term : terms)
    if (same_set(term.left, left)) return &term;
  for (const int each : left) {
    const auto whole = factored.find(each);
    if (whole == factored.end()) continue;
    report(context, Code::latent_covered_twice, range,
           fmt::format("`q({})` is not a factor of the factorisation of `{}`", names_text(context, left),
                       variable(each).name),
           "", "give one line for each factor, with the same left side", {{whole->second, "factored here"}});
    return nullptr;
  }
  return nullptr;
}

bool Posteriors::cover(const Variables& left, SourceRange range) {
  bool fresh_all = true;
  for (const int each : left) {
    const auto [first, fresh] = covered.emplace(each, range);
    fresh_all &= fresh;
    if (!fresh)
      report(context, Code::latent_covered_twice, range,
             fmt::format("`{}` has two posteriors", variable(each).name), "",
             "keep one of them, or write a factorisation", {{first->second, "the first one"}});
  }
  return fresh_all;
}

void Posteriors::check_term_conditions(const Term& term, const Variables& parents, SourceRange range) {
  if (!term.sound || same_set(term.parents, parents)) return;
  report(context, Code::factorisation, range,
         fmt::format("the factor of `{}` has other conditions in the factorisation",
                     names_text(context, term.left)),
         "", "write the same left and right of `|` in both", {{term.range, "here"}});
}

// Data and given variables in the factors of the latents: a true posterior is conditioned on all of them.
void Posteriors::check_exact_conditions(const ir::Posterior& posterior, SourceRange range) {
  std::set<int> needed;
  for (const ir::Factor& factor : context.model.factors) {
    Variables mentioned = {factor.variable.variable};
    for (const VariableUse& parent : factor.parents) mentioned.push_back(parent.variable);
    const bool own = std::any_of(mentioned.begin(), mentioned.end(),
                                 [&](int each) { return holds(posterior.variables, each); });
    if (own) needed.insert(mentioned.begin(), mentioned.end());
  }
  for (const int each : needed) {
    const bool observed = (variable(each).role == Role::data && !is_inferred(variable(each))) ||
                          variable(each).role == Role::given;
    const bool known = std::any_of(posterior.parents.begin(), posterior.parents.end(),
                                   [&](const VariableUse& use) { return use.variable == each; });
    if (!observed || known) continue;
    report(context, Code::condition_missing, range,
           fmt::format("the posterior of `{}` depends on `{}`", names_text(context, posterior.variables),
                       variable(each).name),
           "", fmt::format("add `{}` after `|`", variable(each).name),
           {{variable(each).range, "declared here"}});
  }
}

ir::NodeId Posteriors::density(const ast::PosteriorDeclaration& declaration, const ir::Posterior& posterior) {
  if (posterior.variables.size() > 1) {
    report(context, Code::joint_posterior, declaration.distribution->range,
           "one distribution cannot stand for several latents", "",
           "write a factorisation, `q(z, w | y) = q(z | y) * q(w | y)`, and one line for each factor");
    return ir::no_node;
  }
  const int index = posterior.variables.front();
  Target target{
      .value = variable_value(context, index, bare_use(context, index, declaration.left.front().range)),
      .variable = &variable(index)};
  const Density density = evaluate_distribution(context, *declaration.distribution, target);
  for (const Use& use : density.uses) {
    const Role role = variable(use.variable).role;
    const bool random = role == Role::data || role == Role::given || role == Role::latent;
    const bool known = std::any_of(posterior.parents.begin(), posterior.parents.end(),
                                   [&](const VariableUse& each) { return each.variable == use.variable; });
    if (random && !known)
      report(context, Code::missing_parent, use.range,
             fmt::format("`{}` is used, but does not stand after `|`", variable(use.variable).name),
             "used here", fmt::format("add `{}` to the conditions of `q`", variable(use.variable).name));
  }
  return density.node;
}

ir::PosteriorForm form_of(PosteriorKind kind) {
  switch (kind) {
    case PosteriorKind::exact: return ir::PosteriorForm::exact;
    case PosteriorKind::point: return ir::PosteriorForm::point;
    case PosteriorKind::automatic: return ir::PosteriorForm::automatic;
    case PosteriorKind::distribution:
    case PosteriorKind::factorisation: return ir::PosteriorForm::distribution;
  }
  return ir::PosteriorForm::exact;
}

void Posteriors::form(const ast::PosteriorDeclaration& declaration, SourceRange whole) {
  const SourceRange last =
      declaration.parents.empty() ? declaration.left.back().range : declaration.parents.back().range;
  const SourceRange range{whole.begin, last.end + 1};  // with the closing bracket
  ir::Posterior posterior{.variables = left_side(declaration.left),
                          .parents = {},
                          .form = form_of(declaration.kind),
                          .range = range};
  if (posterior.variables.size() != declaration.left.size()) return;
  Term* term = match_term(posterior.variables, range);
  Variables earlier;
  for (const Term& each : terms)
    if (term) earlier.insert(earlier.end(), each.left.begin(), each.left.end());
  const Variables parents = conditions(declaration.parents, earlier);
  for (const int each : parents) posterior.parents.push_back({.variable = each});
  if (!cover(posterior.variables, range)) return;
  if (term) {
    term->given = true;
    posterior.factored = true;
    check_term_conditions(*term, parents, range);
  }
  const bool complete = parents.size() == declaration.parents.size();
  if (complete && (declaration.kind == PosteriorKind::exact || declaration.kind == PosteriorKind::point))
    check_exact_conditions(posterior, range);
  if (declaration.kind == PosteriorKind::distribution)
    posterior.log_density = density(declaration, posterior);
  context.model.posteriors.push_back(std::move(posterior));
}

void Posteriors::check_terms() {
  for (const Term& term : terms) {
    if (term.given || term.left.empty()) continue;
    const std::string names = names_text(context, term.left);
    const bool other =
        std::any_of(term.left.begin(), term.left.end(), [&](int each) { return covered.contains(each); });
    if (!other)
      report(context, Code::factor_without_form, term.range,
             fmt::format("the factor `q({})` is not given", names), "",
             fmt::format("add `q({} | …) = exact`", names));
  }
}

// `exact` is the joint posterior: of one connected block it cannot be given in parts.
void Posteriors::check_split() {
  Variables latents;
  for (size_t i = 0; i < context.variables.size(); ++i)
    if (is_inferred(context.model.variables[i])) latents.push_back(static_cast<int>(i));
  const std::vector<int> blocks = connected_blocks(context.model, latents);
  std::map<int, const ir::Posterior*> first;
  for (const ir::Posterior& posterior : context.model.posteriors) {
    if (posterior.form != ir::PosteriorForm::exact || posterior.factored) continue;
    const auto at = std::find(latents.begin(), latents.end(), posterior.variables.front());
    const auto [other, fresh] = first.emplace(blocks[static_cast<size_t>(at - latents.begin())], &posterior);
    if (fresh) continue;
    Variables both = other->second->variables;
    both.insert(both.end(), posterior.variables.begin(), posterior.variables.end());
    report(
        context, Code::exact_factors_connected, posterior.range,
        fmt::format("`{}` and `{}` depend on each other, so their exact posterior is a joint one",
                    names_text(context, other->second->variables), names_text(context, posterior.variables)),
        "",
        fmt::format("write `q({0} | …) = exact`, or a factorisation `q({0} | …) = q(…) * q(…)`",
                    names_text(context, both)),
        {{other->second->range, "the other factor"}});
  }
}

void Posteriors::cover_rest() {
  ir::Posterior rest{};
  rest.form = ir::PosteriorForm::automatic;
  for (size_t i = 0; i < context.variables.size(); ++i) {
    const ir::Variable& each = context.model.variables[i];
    const int index = static_cast<int>(i);
    if (each.role == Role::given || (each.role == Role::data && !is_inferred(each)))
      rest.parents.push_back({.variable = index});
    if (!is_inferred(each) || covered.contains(index) || factored.contains(index)) continue;
    rest.variables.push_back(index);
    rest.range = join(rest.range, rest.range.empty() ? each.range : SourceRange{});
  }
  if (!rest.variables.empty()) context.model.posteriors.push_back(std::move(rest));
}

}  // namespace

bool is_inferred(const ir::Variable& variable) {
  return variable.role == Role::latent ||
         (variable.role == Role::data && variable.missing && variable.type.element == ir::Element::category &&
          variable.type.axes == std::vector<ir::AxisId>{ir::row_axis});
}

void analyse_posteriors(Context& context) {
  Posteriors posteriors{context};
  for (const bool factorisations : {true, false}) {
    for (const ast::Declaration& declaration : context.file.declarations) {
      const auto* posterior = std::get_if<ast::PosteriorDeclaration>(&declaration.node);
      if (!posterior || (posterior->kind == PosteriorKind::factorisation) != factorisations) continue;
      if (factorisations)
        posteriors.factorisation(*posterior, declaration.range);
      else
        posteriors.form(*posterior, declaration.range);
    }
  }
  posteriors.check_terms();
  posteriors.check_split();
  if (posteriors.sound) posteriors.cover_rest();
}

}  // namespace lvm::analysis
