#include "ir/passes/estimators.h"

#include <algorithm>

#include "ir/families/family.h"
#include "ir/passes/classify.h"

namespace lvm::ir {
namespace {

const Posterior* posterior_of(const Model& model, int variable) {
  const auto found = std::ranges::find_if(
      model.posteriors, [&](const Posterior& q) { return std::ranges::count(q.variables, variable) > 0; });
  return found == model.posteriors.end() ? nullptr : &*found;
}

Estimated estimated(const Model& model, const Posterior& q, int index) {
  const Variable& v = model.variables[static_cast<size_t>(index)];
  const bool finite = v.states >= 0;
  Estimated to{.variable = index,
               .q = &q,
               .how = Estimator::summed,
               .states = v.states,
               .observed = finite && v.role == Role::data};
  if (q.form != PosteriorForm::distribution) return to;
  const int64_t values = finite ? model.module.axis(v.states).size : 0;
  to.how = Estimator::enumerated;
  if (finite && values <= most_enumerated) return to;
  const Family* family = find_family(model.function()[q.log_density].attributes.text);
  to.how = family && family->draw && !family->draw->in_steps ? Estimator::pathwise : Estimator::score;
  to.states = -1;
  return to;
}

/// Orders the posteriors.
struct Ordering {
  const Model& model;
  std::vector<const Posterior*> left = {}, done = {};

  static bool is_summed(const Posterior& q) { return q.form != PosteriorForm::distribution; }
  bool depends(const Posterior& q, const Posterior& on) const {
    return std::ranges::any_of(q.variables, [&](int a) {
      return std::ranges::any_of(on.variables, [&](int b) { return posterior_depends(model, a, b); });
    });
  }
  bool ready(const Posterior& q) const {
    return std::ranges::none_of(left,
                                [&](const Posterior* other) { return other != &q && depends(q, *other); });
  }
  /// Some exact q is conditioned on it, perhaps through others.
  bool leads_to_sum(const Posterior& q) const {
    return std::ranges::any_of(left, [&](const Posterior* other) {
      return other != &q && depends(*other, q) && (is_summed(*other) || leads_to_sum(*other));
    });
  }
  const Posterior* next() const {
    const Posterior* best = nullptr;
    int best_rank = 3;
    for (const Posterior* q : left) {
      if (!ready(*q)) continue;
      const int rank = is_summed(*q) ? 0 : leads_to_sum(*q) ? 1 : 2;
      if (rank < best_rank) best = q;
      best_rank = std::min(rank, best_rank);
    }
    return best;
  }
};

}  // namespace

const Posterior* drawn_posterior(const Model& model, int variable) {
  for (const Posterior& q : model.posteriors) {
    if (q.form == PosteriorForm::distribution && q.variables == std::vector<int>{variable}) return &q;
  }
  return nullptr;
}

bool is_hidden(const Model& model, int variable) {
  return posterior_of(model, variable) != nullptr;
}

bool posterior_depends(const Model& model, int latent, int on) {
  const Posterior* q = posterior_of(model, latent);
  if (!q || std::ranges::count(q->variables, on) > 0) return false;
  const NodeId node = model.variables[static_cast<size_t>(on)].node;
  if (q->form == PosteriorForm::distribution) return depends_on(model.function(), q->log_density, node);
  if (q->form != PosteriorForm::automatic) {
    return std::ranges::any_of(q->parents, [&](const VariableUse& parent) { return parent.variable == on; });
  }
  // Nothing is said: given whatever is drawn of what its factors hold.
  const NodeId own = model.variables[static_cast<size_t>(latent)].node;
  const Posterior* other = posterior_of(model, on);
  return other && other->form == PosteriorForm::distribution &&
         std::ranges::any_of(model.factors, [&](const Factor& factor) {
           return depends_on(model.function(), factor.log_density, own) &&
                  depends_on(model.function(), factor.log_density, node);
         });
}

bool has_given_posterior(const Model& model) {
  return std::ranges::any_of(model.posteriors,
                             [](const Posterior& q) { return q.form == PosteriorForm::distribution; });
}

std::vector<Estimated> estimators(const Model& model) {
  Ordering ordering{model};
  for (const Posterior& q : model.posteriors) ordering.left.push_back(&q);
  std::vector<Estimated> list;
  while (const Posterior* q = ordering.next()) {
    for (const int variable : q->variables) list.push_back(estimated(model, *q, variable));
    std::erase(ordering.left, q);
  }
  return list;
}

const Estimated* find_estimated(const std::vector<Estimated>& list, int variable) {
  const auto found = std::ranges::find(list, variable, &Estimated::variable);
  return found == list.end() ? nullptr : &*found;
}

GradientSettings draw_settings(const Model& model) {
  GradientSettings settings = gradient_settings(model.fit);
  if (model.fit.others.contains("samples") || settings.importance || settings.samples > 1) return settings;
  const std::vector<Estimated> list = estimators(model);
  if (std::ranges::any_of(list, [](const Estimated& e) { return e.how == Estimator::score; }))
    settings.samples = 2;
  return settings;
}

}  // namespace lvm::ir
