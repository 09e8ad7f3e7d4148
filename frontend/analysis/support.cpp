#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ir::Domain;
using ir::Element;
using ir::Support;

bool plain(const ir::Variable& variable) {
  return event_axes(variable.domain) == 0 && variable.type.element != Element::category;
}

// Observed values: each of them must have a density.
bool holds_data(Support support, const ir::Variable& variable) {
  const Element element = variable.type.element;
  switch (support) {
    case Support::real:
    case Support::real_vector:
    case Support::angle:
    case Support::any: return plain(variable);
    case Support::positive: return plain(variable) && element == Element::positive;
    case Support::unit: return plain(variable) && element == Element::unit;
    case Support::boolean:
      return plain(variable) && (element == Element::boolean || element == Element::unit);
    case Support::count: return plain(variable) && element == Element::count;
    case Support::category: return element == Element::category;
    case Support::simplex: return variable.domain == Domain::simplex;
    case Support::matrix: return variable.domain == Domain::covariance;
  }
  return false;
}

// Latents and parameters: the density must be one over the declared set, or it would not be normalised.
bool covers(Support support, const ir::Variable& variable) {
  const Element element = variable.type.element;
  switch (support) {
    case Support::real:
    case Support::real_vector:
      return (plain(variable) && element == Element::real) ||
             (variable.domain == Domain::ordered && support == Support::real);
    case Support::angle: return plain(variable) && element == Element::real;
    case Support::any: return plain(variable);
    case Support::boolean: return plain(variable) && element == Element::boolean;
    case Support::positive:
    case Support::unit:
    case Support::count:
    case Support::category:
    case Support::simplex:
    case Support::matrix: return holds_data(support, variable);
  }
  return false;
}

std::string support_text(Support support) {
  switch (support) {
    case Support::real: return "real numbers";
    case Support::positive: return "positive numbers";
    case Support::unit: return "numbers between 0 and 1";
    case Support::boolean: return "0 and 1";
    case Support::count: return "counts";
    case Support::category: return "categories";
    case Support::simplex: return "points of a simplex";
    case Support::real_vector: return "vectors of real numbers";
    case Support::matrix: return "positive definite matrices";
    case Support::angle: return "angles";
    case Support::any: return "numbers";
  }
  return {};
}

std::string support_type(Support support) {
  switch (support) {
    case Support::real:
    case Support::angle:
    case Support::any: return "real";
    case Support::positive: return "positive";
    case Support::unit: return "unit";
    case Support::boolean: return "bool";
    case Support::count: return "count";
    case Support::category: return "category[K]";
    case Support::simplex: return "simplex[K]";
    case Support::real_vector: return "real[D]";
    case Support::matrix: return "covariance[D]";
  }
  return {};
}

bool observed(const ir::Variable& variable) {
  return variable.role == ir::Role::data;
}

}  // namespace

bool check_support(Context& context, const ast::Expression& call, const ir::Signature& signature,
                   const Target& target) {
  const ir::Variable& variable = *target.variable;
  const Support support = signature.support;
  const bool fits = observed(variable) ? holds_data(support, variable) : covers(support, variable);
  const bool ranked = signature.event_rank == 0 || !target.value.scalar() || target.value.category();
  if (!fits || !ranked) {
    report(context, Code::support_mismatch, call.range,
           fmt::format("`{}` draws {}, and `{}` is `{}`", call.text, support_text(support), variable.name,
                       describe(context, variable)),
           "",
           fmt::format("declare `{}: {}`, or choose a distribution over `{}`", variable.name,
                       support_type(support), describe(context, variable)),
           {{variable.range, "declared here"}});
    return false;
  }
  if (support == Support::boolean && variable.type.element == Element::unit)
    report(context, Code::bernoulli_of_unit, call.range,
           fmt::format("`{}` is `unit`: the Bernoulli term is the cross entropy y ln p + (1 − y) ln(1 − p)",
                       variable.name),
           "", "declare `bool` for cells of 0 and 1, or use `ContinuousBernoulli` for a density",
           {{variable.range, "declared here"}});
  return true;
}

}  // namespace lvm::analysis
