// Cells that a table lacks: E[y | the observed cells of its row] and its variance, exactly, for models of
// finite latents.
//
//   E[y | o] = sum over k of r_k m_k,   Var[y | o] = sum over k of r_k (v_k + m_k^2) - E[y | o]^2,   r_k =
//   P(z = k | o),
//
// with m_k and v_k of y given z = k, and inside of a vector also given its observed elements (Bishop 2006,
// eqs. 2.81 and 2.82).

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "api/factor_events.h"
#include "api/fitted.h"
#include "ir/passes/classify.h"
#include "ir/passes/enumerate.h"
#include "runtime/linalg.h"
#include "runtime/starts.h"
#include "runtime/variances.h"

namespace lvm {
namespace {

using ir::Role;
using ir::Variable;

/// Of one variable: [cell of a row that lacks some][…], and which rows these are.
struct Completed {
  std::vector<int64_t> rows;         // of the table, that lack a cell of the variable
  std::vector<double> mean, spread;  // [row][element in layout order]: NaN of cells that are there; of
                                     // categories value and probability
};

class Imputation {
 public:
  Imputation(const FittedModel& fitted, const BoundModel& bound, int threads, Diagnostics& diagnostics)
      : fitted_(fitted),
        lowered_(bound.state->lowered),
        model_(*lowered_.model),
        threads_(threads),
        diagnostics_(diagnostics) {
    const CompiledCode& code = bound.state->compiled_code();
    Diagnostics ignored;  // `bind` has checked them
    std::vector<double> values = runtime::default_parameters(code.program);
    runtime::set_parameters(code.program,
                            checked_start(*bound.state, fitted.state->content.parameters, ignored), values);
    posterior_ = runtime::posterior(code.program, code.functions, *lowered_.data,
                                    runtime::to_parameters(code.program, values), threads);
    if (!posterior_.failure.empty())
      refuse("the fitted parameters do not hold on these rows: " + posterior_.failure);
    starts_ = code.program.starts;
  }

  /// False: a diagnostic says why not.
  bool complete(const runtime::BoundVariable& variable, Completed& to) {
    to.rows.clear();
    for (int64_t row = 0; row < lowered_.data->rows; ++row) {
      bool lacks = false;
      for (int64_t e = 0; e < variable.size; ++e) lacks = lacks || std::isnan(cell(variable, e, row));
      if (lacks) to.rows.push_back(row);
    }
    const Variable& v = model_.variables[static_cast<size_t>(*model_.find(variable.name))];
    const std::vector<double>* label = probabilities(variable.name);
    if (label != nullptr) return from_probabilities(variable, *label, to);
    for (const ir::Factor& factor : model_.factors) {
      const FactorEvents events(model_, factor);
      if (events.variable().name == v.name) return from_factor(variable, events, factor, to);
    }
    throw ir::InternalError("`" + v.name + "` has no factor");
  }

 private:
  bool refuse(std::string why, SourceRange range = {}) {
    diagnostics_.report({.code = Code::fit_cannot_answer, .message = std::move(why), .range = range});
    return false;
  }
  double cell(const runtime::BoundVariable& variable, int64_t element, int64_t row) const {
    return lowered_.data->packed.column(variable.first + element)[row];
  }

  /// Of the values of a finite latent, or of labels that some rows have: [row][state]; null of another
  /// variable.
  const std::vector<double>* probabilities(const std::string& name) const {
    const bool known =
        std::ranges::any_of(starts_, [&](const ir::StartLatent& each) { return each.latent == name; });
    if (!known) return nullptr;
    return &posterior_.values.at(starts_.size() == 1 ? "responsibilities" : "responsibilities_" + name);
  }

  bool from_probabilities(const runtime::BoundVariable& variable, const std::vector<double>& all,
                          Completed& to) {
    const int64_t states = std::ssize(all) / lowered_.data->rows;
    for (const int64_t row : to.rows) {
      const auto begin = all.begin() + row * states;
      const auto best = std::max_element(begin, begin + states);
      to.mean.push_back(static_cast<double>(best - begin));
      to.spread.push_back(*best);
    }
    return variable.size == 1;
  }

  /// The latent that a factor's numbers depend on; null where none. False where there are several, or where
  /// they read absent cells.
  bool find_parent(const FactorEvents& events, const ir::Factor& factor, const std::vector<int64_t>& rows,
                   const Variable*& parent) {
    for (const Variable& other : model_.variables) {
      if (other.name == events.variable().name) continue;
      const bool read = std::ranges::any_of(events.slots(), [&](ir::NodeId node) {
        return ir::depends_on(model_.function(), node, other.node);
      });
      if (!read) continue;
      if (other.role == Role::latent || probabilities(other.name) != nullptr) {
        if (probabilities(other.name) == nullptr)
          return refuse(fmt::format("`{}` depends on the continuous latent `{}`: the moments of its missing "
                                    "cells are not compiled yet",
                                    events.variable().name, other.name),
                        factor.distribution_range);
        if (parent != nullptr)
          return refuse(
              fmt::format("`{}` depends on `{}` and on `{}` together, whose joint posterior is not kept",
                          events.variable().name, parent->name, other.name),
              factor.distribution_range);
        parent = &other;
        continue;
      }
      const runtime::BoundVariable* data =
          other.role == Role::data ? lowered_.data->find(other.name) : nullptr;
      for (int64_t e = 0; data != nullptr && e < data->size; ++e) {
        for (const int64_t row : rows) {
          if (std::isnan(cell(*data, e, row)))
            return refuse(fmt::format("`{}` depends on `{}`, which is missing too in row {}",
                                      events.variable().name, other.name, lowered_.data->table_row(row) + 1),
                          factor.distribution_range);
        }
      }
    }
    return true;
  }

  bool from_factor(const runtime::BoundVariable& variable, const FactorEvents& events,
                   const ir::Factor& factor, Completed& to) {
    const Variable* parent = nullptr;
    if (!find_parent(events, factor, to.rows, parent)) return false;
    const std::vector<double>* weights = parent != nullptr ? probabilities(parent->name) : nullptr;
    const int64_t states = weights != nullptr ? std::ssize(*weights) / lowered_.data->rows : 1;
    // Each row that lacks a cell stands once for each state.
    const int64_t count = std::ssize(to.rows) * states;
    Rows rows(fitted_, model_, count, false, threads_);
    for (const runtime::BoundVariable& data : lowered_.data->variables) {
      std::vector<double> block;
      for (const int64_t row : to.rows) {
        for (int64_t k = 0; k < states; ++k)
          for (int64_t e = 0; e < data.size; ++e) block.push_back(cell(data, e, row));
      }
      rows.set(data.name, std::move(block));
    }
    if (parent != nullptr) {
      std::vector<double> block(static_cast<size_t>(count));
      for (size_t i = 0; i < block.size(); ++i)
        block[i] = static_cast<double>(static_cast<int64_t>(i) % states);
      rows.set(parent->name, std::move(block));
    }
    const RowBlocks slots = rows.evaluate(events.wanted());
    const auto weight = [&](int64_t i) {
      return weights != nullptr ? (*weights)[static_cast<size_t>(
                                      to.rows[static_cast<size_t>(i / states)] * states + i % states)]
                                : 1.0;
    };
    if (events.variable().type.element == ir::Element::category)
      return categories(variable, events, slots, states, weight, to);
    const auto width = static_cast<size_t>(variable.size);
    std::vector<double> first(to.rows.size() * width), second(first.size());
    bool known = true;
    const std::vector<double> ignored = events.events(
        slots, count,
        [&](int64_t i, const runtime::SlotValues& of, std::span<double> event,
            std::span<const int64_t> places) {
          const int64_t row = to.rows[static_cast<size_t>(i / states)];
          std::vector<double> y;
          for (const int64_t place : places) y.push_back(cell(variable, place, row));
          std::vector<double> mean(event.size()), spread(event.size());
          known = moments(events, of, y, mean, spread) && known;
          for (size_t e = 0; e < event.size(); ++e) {
            if (!std::isnan(y[e])) continue;
            const size_t at = static_cast<size_t>(i / states) * width + static_cast<size_t>(places[e]);
            first[at] += weight(i) * mean[e];
            second[at] += weight(i) * (spread[e] + mean[e] * mean[e]);
          }
        });
    if (!known)
      return refuse(fmt::format("`{}` is `{}`, of which the moments of missing cells are not known yet",
                                variable.name, events.family().substr(0, events.family().find('.'))),
                    factor.distribution_range);
    to.mean.assign(first.size(), std::nan(""));
    to.spread = to.mean;
    for (size_t i = 0; i < to.rows.size(); ++i) {
      for (size_t e = 0; e < width; ++e) {
        if (!std::isnan(cell(variable, static_cast<int64_t>(e), to.rows[i]))) continue;
        const size_t at = i * width + e;
        // A 0 or 1 comes back as one, with its probability.
        const bool boolean = variable.element == ir::Element::boolean;
        to.mean[at] = boolean ? (first[at] > 0.5 ? 1 : 0) : first[at];
        to.spread[at] = boolean ? std::max(first[at], 1 - first[at])
                                : std::sqrt(std::max(0.0, second[at] - first[at] * first[at]));
      }
    }
    return true;
  }

  /// Of the elements of an event that y lacks, given those that it has.
  static bool moments(const FactorEvents& events, const runtime::SlotValues& slots,
                      const std::vector<double>& y, std::vector<double>& mean, std::vector<double>& spread) {
    if (events.is_vector()) return conditional(events.family(), slots, y, mean, spread);
    const runtime::Variance variance = runtime::find_variance(events.family());
    const runtime::Sampler* sampler = runtime::find_sampler(events.family());
    if (variance == nullptr || sampler == nullptr) return false;
    sampler->mean(slots, mean);
    spread[0] = variance(slots);
    return std::isfinite(mean[0]);
  }

  static bool conditional(const std::string& family, const runtime::SlotValues& slots,
                          const std::vector<double>& y, std::vector<double>& mean,
                          std::vector<double>& spread) {
    const size_t d = y.size();
    std::vector<double> cov(d * d);
    if (family == "Normal.mean.cov") {
      std::ranges::copy(slots[1], cov.begin());
    } else if (family == "Normal.mean.cholesky") {
      for (size_t i = 0; i < d; ++i)
        for (size_t j = 0; j < d; ++j)
          for (size_t k = 0; k <= std::min(i, j); ++k)
            cov[i * d + j] += slots[1][i * d + k] * slots[1][j * d + k];
    } else if (family == "Normal.mean.precision_matrix") {
      lvm_inverse(cov.data(), slots[1].data(), static_cast<int64_t>(d));
    } else {
      return false;
    }
    std::vector<size_t> there;
    for (size_t i = 0; i < d; ++i) {
      if (!std::isnan(y[i])) there.push_back(i);
    }
    const size_t n = there.size();
    std::vector<double> seen(n * n), factor(n * n), away(n), across(n), solved(n), of_away(n);
    for (size_t i = 0; i < n; ++i) {
      away[i] = y[there[i]] - slots[0][there[i]];
      for (size_t j = 0; j < n; ++j) seen[i * n + j] = cov[there[i] * d + there[j]];
    }
    lvm_cholesky(factor.data(), seen.data(), static_cast<int64_t>(n));
    lvm_triangular_solve(of_away.data(), factor.data(), away.data(), static_cast<int64_t>(n));
    for (size_t e = 0; e < d; ++e) {
      mean[e] = slots[0][e];
      spread[e] = cov[e * d + e];
      for (size_t i = 0; i < n; ++i) across[i] = cov[e * d + there[i]];
      lvm_triangular_solve(solved.data(), factor.data(), across.data(), static_cast<int64_t>(n));
      for (size_t i = 0; i < n; ++i) {
        mean[e] += solved[i] * of_away[i];
        spread[e] -= solved[i] * solved[i];
      }
    }
    return true;
  }

  template <class Weight>
  bool categories(const runtime::BoundVariable& variable, const FactorEvents& events, const RowBlocks& slots,
                  int64_t states, const Weight& weight, Completed& to) {
    const auto width = static_cast<size_t>(variable.size);
    std::vector<std::vector<double>> sums(to.rows.size() * width);
    const bool logits = events.family() == "Categorical.logits";
    if (!logits && events.family() != "Categorical.p")
      return refuse(fmt::format("`{}` is `{}`, whose missing cells are not compiled yet", variable.name,
                                events.family()));
    const std::vector<double> ignored = events.events(
        slots, std::ssize(to.rows) * states,
        [&](int64_t i, const runtime::SlotValues& of, std::span<double>, std::span<const int64_t> places) {
          std::vector<double> p(of[0].begin(), of[0].end());
          if (logits) {
            const double top = *std::ranges::max_element(p);
            double sum = 0;
            for (double& x : p) sum += x = std::exp(x - top);
            for (double& x : p) x /= sum;
          }
          std::vector<double>& to_add =
              sums[static_cast<size_t>(i / states) * width + static_cast<size_t>(places[0])];
          to_add.resize(p.size());
          for (size_t l = 0; l < p.size(); ++l) to_add[l] += weight(i) * p[l];
        });
    for (size_t i = 0; i < to.rows.size(); ++i) {
      for (size_t e = 0; e < width; ++e) {
        const std::vector<double>& p = sums[i * width + e];
        const auto best = std::ranges::max_element(p);
        const bool there = !std::isnan(cell(variable, static_cast<int64_t>(e), to.rows[i]));
        to.mean.push_back(there ? std::nan("") : static_cast<double>(best - p.begin()));
        to.spread.push_back(there ? std::nan("") : *best);
      }
    }
    return true;
  }

  const FittedModel& fitted_;
  const driver::Lowered& lowered_;
  const ir::Model& model_;
  int threads_;
  Diagnostics& diagnostics_;
  runtime::RowOutputs posterior_;
  std::vector<ir::StartLatent> starts_;
};

/// The columns of one variable in the order of the table, completed.
void add_columns(const ir::Model& model, const runtime::BoundData& data,
                 const runtime::BoundVariable& variable, const Completed& completed,
                 std::vector<ResultColumn>& to) {
  const Variable& v = model.variables[static_cast<size_t>(*model.find(variable.name))];
  std::vector<double> places(static_cast<size_t>(variable.size));
  for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<double>(i);
  std::vector<ir::AxisId> layout = v.declared_axes;
  std::ranges::sort(layout);
  if (!layout.empty()) places = runtime::permute(places, layout, v.declared_axes, model.module);
  const bool finite = variable.element == ir::Element::category || variable.element == ir::Element::boolean;
  for (size_t c = 0; c < places.size(); ++c) {
    const auto e = static_cast<int64_t>(places[c]);
    ResultColumn values{variable.columns[c], {}, variable.levels},
        spread{variable.columns[c] + (finite ? "_p" : "_sd"), {}, {}};
    for (int64_t row = 0; row < data.rows; ++row)
      values.values.push_back(data.packed.column(variable.first + e)[row]);
    spread.values.assign(static_cast<size_t>(data.rows), std::nan(""));
    bool lacks = false;
    for (size_t i = 0; i < completed.rows.size(); ++i) {
      const size_t at = i * places.size() + static_cast<size_t>(e);
      const auto row = static_cast<size_t>(completed.rows[i]);
      if (!std::isnan(values.values[row])) continue;
      lacks = true;
      values.values[row] = completed.mean[at];
      spread.values[row] = completed.spread[at];
    }
    to.push_back(std::move(values));
    if (lacks) to.push_back(std::move(spread));
  }
}

}  // namespace

Results impute(const FittedModel& fitted, const BoundModel& bound, int threads) {
  return guarded([&] {
    Results to;
    to.report = bound.report();
    if (!bound.ok()) return to;
    const driver::Lowered& lowered = bound.state->lowered;
    Diagnostics diagnostics = lowered.diagnostics;
    const auto cannot = [&](std::string why) {
      diagnostics.report({.code = Code::fit_cannot_answer, .message = std::move(why)});
    };
    if (lowered.program->method != "em") {
      cannot("missing cells of a fit by gradients have no exact moments");
    } else if (!lowered.data->plate.empty()) {
      cannot(fmt::format("missing cells of the rows of a plate (`{}`) are not completed yet",
                         lowered.data->plate));
    } else if (!bound.state->model->compiled.model->global_posteriors.empty()) {
      // Moments at the means of q would leave out what is not known of them.
      cannot("missing cells of a model with latents that rows share are not completed yet");
    } else {
      Imputation imputation(fitted, bound, threads, diagnostics);
      for (const runtime::BoundVariable& variable : lowered.data->variables) {
        if (variable.role != Role::data || diagnostics.has_errors()) continue;
        Completed completed;
        if (variable.absent > 0 && !imputation.complete(variable, completed)) break;
        add_columns(*lowered.model, *lowered.data, variable, completed, to.columns);
      }
      for (ResultColumn& column : to.columns)
        column.values = lowered.data->in_table_order(std::move(column.values));
    }
    if (diagnostics.has_errors()) to.columns.clear();
    to.report = Report({std::move(diagnostics), bound.state->model->compiled.source});
    return to;
  });
}

}  // namespace lvm
