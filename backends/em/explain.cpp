// What `lvmc explain` prints: the bound, the plan with its reasons, each update as an equation, the work a
// row, the free parameters.

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "backends/em/lower.h"
#include "backends/em/slots.h"
#include "ir/families/members.h"
#include "ir/passes/chain_rows.h"
#include "ir/passes/finite_chain.h"
#include "ir/passes/slot_rules.h"

namespace lvm::em {

using ir::Block;
using ir::Domain;
using ir::FactorParts;
using ir::Model;
using ir::Solver;
using ir::Variable;

namespace {

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

struct Explanation {
  const Model& model;
  const ir::Plan& plan;
  std::vector<ir::FiniteLatent> latents;
  std::vector<std::vector<size_t>> blocks;  // of latents that are enumerated together

  const Variable& variable(int index) const { return model.variables[static_cast<size_t>(index)]; }
  const std::string& axis_name(AxisId axis) const { return model.module.axis(axis).name; }
  int64_t axis_size(AxisId axis) const { return model.module.axis(axis).size; }
  std::optional<ir::FiniteChain> chain = ir::finite_chain(model);
  /// Some latent of the block is one of a chain.
  bool of_chain(const std::vector<size_t>& block) const {
    return chain &&
           std::ranges::any_of(block, [&](size_t i) { return contains(chain->pair(), latents[i].states); });
  }
  const Variable& latent(size_t i) const { return variable(latents[i].variable); }
  std::string weight() const { return model.row_weight() ? model.row_weight()->name + " " : ""; }
  bool point() const {
    return std::ranges::any_of(plan.blocks, [](const Block& block) {
      return block.solver == Solver::most_probable || block.solver == Solver::best_path;
    });
  }
  /// "k, j" of a block of latents, by what `written` makes of each.
  std::string joined(const std::vector<size_t>& block,
                     const std::function<std::string(size_t)>& written) const {
    std::string text;
    for (const size_t i : block) text += (text.empty() ? "" : ", ") + written(i);
    return text;
  }
  /// The index that runs over the values of a latent: "k".
  std::string index(size_t i) const { return lower_case(axis_name(latents[i].states)); }

  std::string conditional(const std::string& left, const std::vector<ir::VariableUse>& parents) const {
    std::string right;
    for (const ir::VariableUse& parent : parents)
      right += (right.empty() ? "" : ", ") + variable(parent.variable).name;
    return right.empty() ? left : left + " | " + right;
  }

  std::string bound() const {
    std::string joint, evidence;
    for (const ir::Factor& factor : model.factors) {
      const Variable& v = variable(factor.variable.variable);
      joint += (joint.empty() ? "" : " + ") +
               fmt::format("ln P({})", conditional(ir::factor_name(model, factor), factor.parents));
      if (v.role == ir::Role::data && !partly(v)) evidence += (evidence.empty() ? "" : ", ") + v.name;
    }
    const std::string w = weight();
    std::string shared, divergence;
    for (const Variable& v : model.variables) {
      if (!v.global) continue;
      shared += (shared.empty() ? "" : ", ") + v.name;
      divergence += fmt::format(" - KL(q({0}) ‖ P({0}))", v.name);
    }
    if (!shared.empty()) {
      std::string own;
      for (const ir::FiniteLatent& each : latents)
        own += (own.empty() ? "" : ", ") + variable(each.variable).name;
      for (const Block* block : continuous()) own += (own.empty() ? "" : ", ") + block->name;
      if (own.empty()) return fmt::format("  L = Σ_row {}E_q({}) [ {} ]{}\n", w, shared, joint, divergence);
      return fmt::format(
          "  L = Σ_row {0}{{ E_q({1}, {2}) [ {3} ] + H[q({1})] }}{4}\n    = Σ_row {0}ln Σ_{1} exp E_q({2}) [ "
          "{3} ]{4}\n",
          w, own, shared, joint, divergence);
    }
    std::string z;
    for (const Block* block : continuous()) z += (z.empty() ? "" : ", ") + block->name;
    if (latents.empty() && z.empty()) return fmt::format("  L = Σ_row {}[ {} ]\n", w, joint);
    for (const ir::FiniteLatent& each : latents) {
      if (!ir::is_lag(model, each.variable)) z += (z.empty() ? "" : ", ") + variable(each.variable).name;
    }
    if (model.sequence) return of_series(joint, evidence, z);
    if (point()) return fmt::format("  L = Σ_row {}max over {} of [ {} ]\n", w, z, joint);
    std::string text = fmt::format("  L = Σ_row {}{{ E_q({}) [ {} ] + H[q({})] }}\n", w, z, joint, z);
    std::string known;
    for (const ir::FiniteLatent& each : latents) {
      if (each.observed) known += (known.empty() ? "" : ", ") + variable(each.variable).name;
    }
    if (!known.empty()) known = fmt::format(", and {} is known where it is written", known);
    return text + fmt::format("    = Σ_row {}ln P({})        where q({}) is the exact posterior{}\n", w,
                              evidence, z, known);
  }

  /// The bound where rows are steps.
  std::string of_series(const std::string& joint, const std::string& evidence, const std::string& z) const {
    if (point()) return fmt::format("  L = Σ_series max over paths of {} of Σ_t [ {} ]\n", z, joint);
    return fmt::format(
        "  L = Σ_series {{ E_q({0}) Σ_t [ {1} ] + H[q({0})] }}\n    = Σ_series ln P({2})        where q({0}) "
        "is the exact posterior of all steps together\n",
        z, joint, evidence);
  }

  /// "[k, d]" of a parameter, without the second axis of matrices.
  /// "[k, v]"; the last ones may be left out.
  std::string indices(const Variable& v, size_t left_out = 0) const {
    std::string text;
    std::vector<AxisId> axes = without(v.declared_axes, matrix_event(v));
    axes.resize(axes.size() - left_out);
    for (const AxisId axis : axes) text += (text.empty() ? "" : ", ") + lower_case(axis_name(axis));
    return text.empty() ? "" : "[" + text + "]";
  }
  std::vector<AxisId> matrix_event(const Variable& v) const {
    if (v.domain != Domain::covariance && v.domain != Domain::correlation) return {};
    return {v.declared_axes.end() - 2, v.declared_axes.end()};
  }

  bool enumerated(const Block& block) const {
    const ir::NodeId density = model.factors[static_cast<size_t>(block.factor)].log_density;
    return std::ranges::any_of(latents, [&](const ir::FiniteLatent& each) {
      return ir::depends_on(model.function(), density, variable(each.variable).node);
    });
  }
  /// "w r " before what is summed over the rows: what each row counts.
  std::string weight_symbol(const Block& block) const {
    const std::string row = model.row_weight() && !enumerated(block) ? model.row_weight()->name + " " : "";
    return row + (enumerated(block) ? "r " : "");
  }
  /// The parameter has an element for each state that its factor depends on.
  bool has_all_states(const Variable& v, const Block& block) const {
    const ir::NodeId density = model.factors[static_cast<size_t>(block.factor)].log_density;
    return std::ranges::all_of(latents, [&](const ir::FiniteLatent& each) {
      return contains(v.type.axes, each.states) ||
             !ir::depends_on(model.function(), density, variable(each.variable).node);
    });
  }
  bool is_latent(int index) const {
    return std::ranges::any_of(latents, [&](const ir::FiniteLatent& each) { return each.variable == index; });
  }
  /// A latent that some rows have.
  bool partly(const Variable& v) const {
    return std::ranges::any_of(
        latents, [&](const auto& each) { return each.observed && &variable(each.variable) == &v; });
  }

  /// What the scatter of the new mean loses: nothing where the mean is held.
  bool mean_moves(const Block& block) const {
    return std::any_of(plan.blocks.begin(), plan.blocks.end(), [&](const Block& b) {
      return b.solver == Solver::moments && b.factor == block.factor;
    });
  }

  static std::string spread_as_variance(const std::string& slot) {
    if (slot == "sd") return "sd²";
    if (slot == "precision") return "1 / precision";
    return slot == "precision_matrix" ? "precision_matrix⁻¹" : slot;
  }

  /// `sd[z]`: the parameter itself, one row of it.
  bool is_selected(ir::NodeId slot) const {
    const ir::Node& node = model.function()[slot];
    return node.op == ir::Op::gather && model.function()[node.inputs[0]].op == ir::Op::parameter;
  }

  std::string spread_update(const Block& block, const Variable& v, const FactorParts& parts) const {
    const bool matrix = !matrix_event(v).empty();
    const std::string product = matrix ? "d dᵀ" : "d²";
    const bool own = has_all_states(v, block);
    std::string scatter = fmt::format("Σ {}{} / n", weight_symbol(block), product);
    if (mean_moves(block))
      scatter += own ? (matrix ? " - δ δᵀ" : " - δ²") : (matrix ? " - Σ n δ δᵀ / n" : " - Σ n δ² / n");
    const std::string& slot = parts.slot_names[block.slot];
    if (model.function()[parts.slots[block.slot]].op != ir::Op::parameter &&
        !is_selected(parts.slots[block.slot])) {
      return fmt::format("{}{} solves {} = {}", v.name, indices(v), spread_as_variance(slot), scatter);
    }
    if (slot == "sd") return fmt::format("{}{} ← sqrt({})", v.name, indices(v), scatter);
    if (slot == "precision") return fmt::format("{}{} ← 1 / ({})", v.name, indices(v), scatter);
    if (slot == "precision_matrix") return fmt::format("{}{} ← ({})⁻¹", v.name, indices(v), scatter);
    return fmt::format("{}{} ← {}", v.name, indices(v), scatter);
  }

  /// Of a latent that rows share: the natural parameters of its family.
  std::string posterior_update(const Block& block, const Variable& v) const {
    const std::string family = ir::split_density(model.function()[v.prior].attributes.text).family;
    std::string parts;
    for (const Variable& each : model.variables)
      if (each.posterior_of >= 0 && &variable(each.posterior_of) == &v)
        parts += (parts.empty() ? "" : ", ") + each.name + indices(each);
    const std::string what = block.factor < 0
                                 ? "expected squares"
                                 : fmt::format("Σ {}(expected statistics)", weight_symbol(block));
    return fmt::format("q({}) = {}({}):  natural parameters ← those of the prior + {}", v.name,
                       family == "Exponential" ? "Gamma" : family, parts, what);
  }

  std::string update(const Block& block) const {
    const Variable& v = variable(*model.find(block.name));
    const std::string left = v.name + indices(v);
    if (v.global) return posterior_update(block, v);
    if (block.factor < 0)
      return fmt::format("{} ← from the expected squares of what it is the prior's spread of", left);
    if (block.solver == Solver::held) return fmt::format("{} is held", left);
    const FactorParts parts = ir::parts_of(model, block.factor);
    const std::string value =
        variable(model.factors[static_cast<size_t>(block.factor)].variable.variable).name;
    const std::string r = weight_symbol(block);
    switch (block.solver) {
      case Solver::normalised_counts:
        if (is_latent(model.factors[static_cast<size_t>(block.factor)].variable.variable)) {
          const std::string parents = indices(v, 1);
          const bool first = model.factors[static_cast<size_t>(block.factor)].steps.alone;
          const std::string all = first ? "series" : rows();
          return fmt::format("{} ← n{} / {}", left, indices(v), parents.empty() ? all : "n" + parents);
        }
        if (parts.family == "Multinomial") {
          const std::string axis = lower_case(axis_name(v.declared_axes.back()));
          return fmt::format("{0} ← Σ {1}{2}[{3}] / Σ_{3} Σ {1}{2}[{3}]", left, r, value, axis);
        }
        return fmt::format("{} ← Σ {}1[{} = {}] / n", left, r, value,
                           lower_case(axis_name(v.declared_axes.back())));
      case Solver::ratio: return fmt::format("{} ← Σ {}{} / n", left, r, value);
      case Solver::moments:
        return block.block_class == ir::BlockClass::conditional
                   ? fmt::format("{0} ← {0} + δ,  δ = Σ {1}d / spread² / Σ {1}1 / spread²,  d = {2} - {3}",
                                 left, r, value, v.name)
                   : fmt::format("{0} ← {0} + δ,  δ = Σ {1}d / n,  d = {2} - {3}", left, r, value, v.name);
      case Solver::scatter: return spread_update(block, v, parts);
      case Solver::rate:
        return fmt::format("{} maximises Σ {}[A ln r - B r],  r the rate of `{}` in {}:  r ← Σ {}A / Σ {}B",
                           left, r, value, parts.family, r, r);
      case Solver::odds:
        return fmt::format("{} ← Σ {}A / Σ {}(A + B),  ln P({}) = A ln p + B ln(1 - p)", left, r, r, value);
      case Solver::correlation:
        return fmt::format(
            "{0} ← {0} + t (A - {0} - {0} diag(μ) {0}),  A = Σ {1}d dᵀ / n,  μ such that the diagonal stays "
            "1, t halved while the objective falls",
            left, r);
      case Solver::matrix_scale:
        return parts.family == "Wishart" ? fmt::format("{} ← Σ {}{} / Σ {}df", left, r, value, r)
                                         : fmt::format("{} ← Σ {}df (Σ {}{}⁻¹)⁻¹", left, r, r, value);
      case Solver::median:
        return fmt::format("{} ← the median of {}{}", left, value,
                           r.empty() ? "" : ", where a row weighs " + r.substr(0, r.size() - 1));
      case Solver::isotonic:
        return fmt::format("{} ← the best of those that ascend,  given Σ {}ln P({})", left, r, value);
      case Solver::least_squares:
        return fmt::format("{0} ← {0} + δ,  (Σ {1}x xᵀ) δ = Σ {1}x d,  d = {2} - mean", left, r, value);
      case Solver::reweighted:
      case Solver::concentration:
      case Solver::freedom:
      case Solver::newton:
        return fmt::format(
            "{0} ← {0} + t (-H)⁻¹ G,  G, H the derivatives of Σ {1}ln P({2}), t halved while the objective "
            "falls",
            left, r, value);
      case Solver::enumerate:
      case Solver::most_probable:
      case Solver::forward_backward:
      case Solver::best_path:
      case Solver::conditioning:
      case Solver::smoothing:
      case Solver::score_function:
      case Solver::conjugate:
      case Solver::reparameterised:
      case Solver::gradient:
      case Solver::held: break;
    }
    return "";
  }

  std::string rows() const { return model.row_weight() ? "Σ " + model.row_weight()->name : "rows"; }

  /// "r[row, k] ← q(z = k) = …".
  std::string posterior(const std::vector<size_t>& block) const {
    const std::string k = joined(block, [&](size_t i) { return index(i); });
    const std::string values = joined(block, [&](size_t i) { return latent(i).name + " = " + index(i); });
    std::string text;
    if (of_chain(block)) {
      const std::string z = latent(block.front()).name;
      const std::string order =
          chain->order > 1 ? fmt::format(",   {} the last {} values", z, chain->order) : "";
      if (point()) return fmt::format("  r[t, {}] ← 1[the best path of its series is there]{}\n", k, order);
      return fmt::format(
          "  a_t({0}) ← P(y_t | {0}) Σ P({0} | {0}[t-1]) a_t-1({0}[t-1]) / c_t,   ln P(y) = Σ ln c_t{1}\n"
          "  r[t, {2}] ← a_t-1 P({0} | {0}[t-1]) r_t({0}) / Σ a_t-1 P({0} | {0}[t-1]),   backwards\n",
          z, order, k);
    }
    if (point()) {
      text = fmt::format("  r[row, {0}] ← {1}1[{0} is the first where P({2}, …) is greatest]", k, weight(),
                         values);
    } else {
      std::string names;
      for (const Variable& v : model.variables)
        if (v.global) names += (names.empty() ? "" : ", ") + v.name;
      const bool shared = !names.empty();
      text = fmt::format("  r[row, {0}] ← {2}q({1}) = {2}{4}P({1}, …){5} / Σ_{3} {4}P({1}, …){5}", k, values,
                         weight(), block.size() == 1 ? k : "(" + k + ")",
                         shared ? fmt::format("exp E_q({}) [ ln ", names) : "", shared ? " ]" : "");
    }
    return text + (block.size() == 1 ? fmt::format(",   n[{}] = Σ_row r\n", k) : "\n");
  }

  std::vector<const Block*> continuous() const {
    std::vector<const Block*> found;
    for (const Block& block : plan.blocks) {
      if (block.solver == Solver::conditioning || block.solver == Solver::conjugate ||
          block.solver == Solver::smoothing)
        found.push_back(&block);
    }
    return found;
  }
  /// What the posterior of a continuous latent is.
  std::string law(const Block& block) const {
    if (block.solver == Solver::conditioning)
      return fmt::format(
          "  q({0}) ← Normal(m, V),  V⁻¹ = -∇² ln P({0}, …),  m = V ∇ ln P({0}, …) at {0} = 0\n", block.name);
    if (block.solver == Solver::smoothing) {
      const std::string t = model.sequence->name;
      return fmt::format(
          "  q({0}[{1}], earlier steps) ← Normal(m, V) given all steps of the series: the Kalman filter "
          "forwards, the smoother backwards,\n"
          "    of ln P(… | {0}[{1}]) = h'{0} - {0}'J{0} / 2 by the derivatives of the density, J may be "
          "singular or 0\n",
          block.name, t);
    }
    for (const ir::Factor& factor : model.factors) {
      if (variable(factor.variable.variable).name != block.name) continue;
      const std::string family = ir::parts_of(model, static_cast<int>(&factor - model.factors.data())).family;
      const std::string z = block.name;
      if (family == "Beta")
        return fmt::format("  q({0}) ← Beta(a + Σ A, b + Σ B),  ln P(… | {0}) = A ln {0} + B ln(1 - {0})\n",
                           z);
      const bool inverse = family == "InverseGamma";
      return fmt::format("  q({0}) ← {1}(shape + Σ A, {2} + Σ B),  ln P(… | {0}) = {3}A ln {0} - B {4}\n", z,
                         inverse ? "InverseGamma" : "Gamma", inverse ? "scale" : "rate", inverse ? "-" : "",
                         inverse ? "/ " + z : z);
    }
    return "";
  }

  std::string updates() const {
    std::string text;
    for (const Block* block : continuous()) text += law(*block);
    for (const std::vector<size_t>& block : blocks) text += posterior(block);
    for (const Block& block : plan.blocks) {
      if (!block.latent) text += "  " + update(block) + "\n";
    }
    return text;
  }

  /// Symbolic products of axis sizes, such as "K D".
  std::string product(const std::vector<AxisId>& axes) const {
    std::string text;
    for (const AxisId axis : axes) text += (text.empty() ? "" : " ") + axis_name(axis);
    return text.empty() ? "1" : text;
  }
  std::optional<int64_t> value_of(const std::vector<AxisId>& axes) const {
    int64_t value = 1;
    for (const AxisId axis : axes) {
      if (axis_size(axis) == ir::unknown_size) return std::nullopt;
      value *= axis_size(axis);
    }
    return value;
  }

  /// Floating-point operations a row: (operations, of how many elements) for each factor and for the
  /// posterior.
  std::string cost() const {
    std::vector<std::pair<int, std::vector<AxisId>>> terms;
    for (size_t i = 0; i < model.factors.size(); ++i) {
      const FactorParts parts = ir::parts_of(model, static_cast<int>(i));
      const Variable& v = variable(model.factors[i].variable.variable);
      if (v.role == ir::Role::latent || partly(v)) continue;
      std::vector<AxisId> elements = without(v.type.axes, {ir::row_axis});
      for (const ir::FiniteLatent& each : latents) {
        if (ir::depends_on(model.function(), model.factors[i].log_density, variable(each.variable).node))
          elements.insert(elements.begin(), each.states);
      }
      const bool matrix =
          parts.slots.size() > 1 &&
          ir::matrix_axes(model.module, model.function()[parts.slots[1]].type, v.type).has_value();
      if (matrix) {
        std::vector<AxisId> squares = elements;
        squares.push_back(elements.back());
        terms.push_back(
            {3, squares});  // whitening: D^2 / 2 multiply-adds; the scatter: as many, and the weight
      }
      terms.push_back({parts.family == "Normal" ? 5 : 3, elements});
    }
    for (const std::vector<size_t>& block : blocks) {
      std::vector<AxisId> states;
      for (const size_t i : block) states.push_back(latents[i].states);
      if (of_chain(block)) terms.push_back({10, chain->pair()});
      if (of_chain(block)) states = chain->state();
      terms.push_back({40, states});  // exp and the normalisation
    }
    std::string text;
    std::optional<int64_t> total = 0;
    for (const auto& [operations, axes] : terms) {
      text += (text.empty() ? "" : " + ") + fmt::format("{} {}", operations, product(axes));
      const auto value = value_of(axes);
      total = total && value ? std::optional<int64_t>(*total + operations * *value) : std::nullopt;
    }
    return total ? fmt::format("  about {} = {} floating-point operations\n", text, *total)
                 : fmt::format("  about {} floating-point operations\n", text);
  }

  /// Of a row with a continuous latent: its residuals at 2 L nodes of a Gaussian, at 2 of another family, and
  /// as many terms of the M-step.
  std::string node_cost() const {
    std::string text;
    for (const Block* block : continuous()) {
      const std::vector<AxisId> axes = without(variable(*model.find(block->name)).type.axes, {ir::row_axis});
      const bool vector = block->solver != Solver::conjugate && !axes.empty();
      int64_t nodes = 2;
      if (block->solver == Solver::smoothing) {
        int order = 0;
        for (const ir::Lag& lag : model.lags)
          if (variable(lag.of).name == block->name) order = std::max(order, lag.steps);
        nodes = 4 * order;
      }
      text += fmt::format("  times {}{} for the nodes of `{}`\n", nodes, vector ? " " + product(axes) : "",
                          block->name);
    }
    return text;
  }

  /// What a table with absent cells adds: of vectors, conditioning for each pattern of observed cells. About
  /// D^3 / 3 each for a factor and its inverse; for each absent cell 2 D^2 in each of two products before the
  /// rows and of two behind them.
  std::string pattern_cost() const {
    std::string text;
    std::vector<std::string> names;
    int64_t patterns = 0;
    for (size_t i = 0; i < model.factors.size(); ++i) {
      const FactorParts parts = ir::parts_of(model, static_cast<int>(i));
      const Variable& v = variable(model.factors[i].variable.variable);
      if (!v.missing || v.patterns == 0 || parts.slots.size() < 2) continue;
      const auto matrix = ir::matrix_axes(model.module, model.function()[parts.slots[1]].type, v.type);
      if (!matrix) continue;
      std::vector<AxisId> squares = {matrix->row, matrix->row},
                          cubes = {matrix->row, matrix->row, matrix->row};
      for (size_t l = 0; l < latents.size(); ++l) {
        if (ir::depends_on(model.function(), model.factors[i].log_density, latent(l).node))
          squares.insert(squares.begin(), latent(l).type.range);
        if (ir::depends_on(model.function(), parts.slots[1], latent(l).node))  // else one factor is for all
          cubes.insert(cubes.begin(), latent(l).type.range);
      }
      const auto all = value_of(cubes), each = value_of(squares);
      text += fmt::format("    `{}`: about {}{}, and 8 {}{} for each cell that is absent\n", v.name,
                          product(cubes), all ? fmt::format(" = {}", *all) : "", product(squares),
                          each ? fmt::format(" = {}", 8 * *each) : "");
      names.push_back("`" + v.name + "`");
      patterns = v.patterns;
    }
    if (names.empty()) return {};
    return fmt::format("  and for each of the {} patterns of observed cells of {}{}\n{}", patterns,
                       fmt::join(names, ", "), names.size() > 1 ? " together" : "", text);
  }

  std::string symbolic_dimensions(const Variable& v) const {
    const std::vector<AxisId>& axes = v.declared_axes;
    const auto leading = [&](size_t event) {
      std::string text = product({axes.begin(), axes.end() - static_cast<std::ptrdiff_t>(event)});
      return text == "1" ? std::string() : text + " ";
    };
    switch (v.domain) {
      case Domain::simplex:
        return leading(1).empty() ? axis_name(axes.back()) + " - 1"
                                  : leading(1) + "(" + axis_name(axes.back()) + " - 1)";
      case Domain::covariance: {
        const std::string d = axis_name(axes[axes.size() - 2]);
        return fmt::format("{0}{1} ({1} + 1) / 2", leading(2), d);
      }
      case Domain::correlation: {
        const std::string d = axis_name(axes[axes.size() - 2]);
        return fmt::format("{0}{1} ({1} - 1) / 2", leading(2), d);
      }
      case Domain::real:
      case Domain::positive:
      case Domain::unit:
      case Domain::ordered: return product(axes);
    }
    return "";
  }

  std::string free_parameters() const {
    std::string text;
    std::optional<int64_t> total = 0;
    for (const Block& block : plan.blocks) {
      const Variable& v = variable(*model.find(block.name));
      if (block.latent || block.solver == Solver::held || v.global) continue;
      text += (text.empty() ? "" : " + ") + symbolic_dimensions(v);
      if (const int64_t masked = masked_entries(v)) text += fmt::format(" - {}", masked);
      const bool known = value_of(v.declared_axes).has_value();
      const int64_t turned = known ? rotations(model, plan, v) : 0;
      if (turned > 0) text += fmt::format(" - {}", turned);
      total =
          total && known ? std::optional<int64_t>(*total + free_dimensions(model, v) - turned) : std::nullopt;
    }
    if (text.empty()) return "  none\n";
    return total ? fmt::format("  {} = {}\n", text, *total) : fmt::format("  {}\n", text);
  }
};

}  // namespace

std::string explain(const ir::Model& model, const ir::Module&, const ir::Plan& plan) {
  const std::vector<ir::FiniteLatent> latents = ir::finite_latents(model);
  const Explanation e{model, plan, latents, ir::joint_blocks(model, latents)};
  return "bound\n" + e.bound() + "\nplan: " + ir::print(plan) + "\nupdates\n" + e.updates() +
         "\ncost a row\n" + e.cost() + e.node_cost() + e.pattern_cost() + "\nfree parameters\n" +
         e.free_parameters();
}

}  // namespace lvm::em
