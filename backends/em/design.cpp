#include "backends/em/design.h"

#include <algorithm>

#include "backends/em/priors.h"
#include "ir/families/family.h"
#include "ir/passes/differentiate.h"
#include "ir/passes/predictor.h"

namespace lvm::em {

using ir::Block;
using ir::Op;

namespace {

std::vector<NodeId> leaves_of(const ir::Function& f, const DesignGroup& group) {
  std::vector<NodeId> leaves;
  for (const Block* block : group.blocks) {
    for (size_t id = 0; id < f.nodes.size(); ++id) {
      const ir::Node& node = f.nodes[id];
      if (node.op == Op::parameter && node.attributes.text == block->name)
        leaves.push_back(static_cast<NodeId>(id));
    }
  }
  return leaves;
}

NodeId predictor_of(const Setting& setting, const Emission& e, const DesignGroup& group) {
  const auto found =
      ir::find_predictor(setting.function(), e.slots[group.slot], leaves_of(setting.function(), group));
  if (!found) throw ir::InternalError("block " + group.blocks.front()->name + " has no linear predictor");
  return *found;
}

/// The axis of a category's values: of the latent that a gate chooses.
AxisId states_of(const Setting& setting, const Emission& e) {
  return setting.function()[e.value].type.range;
}

/// The terms of one kind: g and h of a row.
struct Weighting {
  NodeId g, h;
};

struct DesignTerms {
  const Setting& setting;
  const Emission& e;
  const DesignGroup& group;
  NodeId predictor;  // canonical
  TermWriter writer;
  Builder& b;

  DesignTerms(ir::Module& target, const Setting& s, const Emission& emission, const DesignGroup& g)
      : setting(s),
        e(emission),
        group(g),
        predictor(predictor_of(s, emission, g)),
        writer(target, s, emission),
        b(writer.builder()) {}

  /// d eta / d v_p for each row: a derivative of an affine expression, which holds no parameter any more.
  std::vector<NodeId> coefficients() {
    const ir::Function& f = setting.function();
    const std::vector<AxisId> axes = united(f[predictor].type.axes, {ir::row_axis});
    std::vector<NodeId> stand_ins;
    for (const Block* block : group.blocks) stand_ins.push_back(writer.stand_in(block->name, axes));
    const NodeId eta = writer.expand()(predictor);
    const std::vector<AxisId> all = b.type(eta).axes;
    return ir::differentiate(b, b.reduce(Op::sum, eta, all), stand_ins);
  }

  /// P(z = k | x), over a twin of the latent's axis: its rows are weighted by all of q, not by that of one
  /// state.
  NodeId gate_probabilities() {
    Expansion plain(b, setting);
    const NodeId eta = plain(predictor);
    const AxisId states = states_of(setting, e);
    const NodeId all = b.reduce(Op::logsumexp, eta, {states});
    return b.rename(b.unary(Op::exp, b.sub(eta, all)), states, b.module().twin(states));
  }

  Weighting weighting(DesignKind kind) {
    Expansion plain(b, setting);
    const NodeId eta = plain(predictor);
    switch (kind) {
      case DesignKind::residual: return {b.sub(plain(e.value), eta), b.constant(1)};
      case DesignKind::link: {
        std::vector<NodeId> slots;
        for (const NodeId slot : e.slots) slots.push_back(plain(slot));
        std::string text = e.family;
        for (const std::string& name : e.slot_names) text += "." + name;
        return {b.sub(ir::find_family(text)->link(b, plain(e.value), slots), eta), b.constant(1)};
      }
      case DesignKind::likelihood: break;
    }
    const std::vector<AxisId> missing =
        without(setting.function()[e.log_density].type.axes, b.type(eta).axes);
    const NodeId wide = missing.empty() ? eta : b.make(Op::broadcast, {eta}, {.axes = missing});
    Expansion moving(b, setting);
    moving.replace(predictor, wide);
    const NodeId density = moving(e.log_density);
    const NodeId first = ir::differentiate_elements(b, density, {wide}).front();
    const NodeId second = ir::differentiate_elements(b, first, {wide}).front();
    return {first, b.unary(Op::neg, second)};
  }
};

}  // namespace

DesignGroup design_group(const UpdateContext& c, const Block& first) {
  DesignGroup group{emission_of(c, first), first.slot, {}};
  for (const Block& block : c.setting.plan.blocks) {
    const bool same = !block.latent && block.solver == first.solver && block.factor == first.factor;
    if (same && block.slot == first.slot) group.blocks.push_back(&block);
  }
  return group;
}

Design::Design(UpdateContext& context, DesignGroup group)
    : c_(context), b_(context.update), group_(std::move(group)) {
  const Emission& e = c_.emissions[group_.emission];
  const ir::Type eta = c_.setting.function()[predictor_of(c_.setting, e, group_)].type;
  for (const Block* block : group_.blocks) {
    const std::vector<AxisId> own = variable_of(c_.setting, block->name).type.axes;
    batch_ = common(own, eta.axes);
    const std::vector<AxisId> rest = without(own, batch_);
    if (rest.size() > 1) throw ir::InternalError("block " + block->name + " has several axes of its own");
    extra_.push_back(rest.empty() ? -1 : rest.front());
    if (!rest.empty()) b_.module().twin(rest.front());
  }
}

AxisId Design::twin_of_extra(size_t parameter) {
  return extra_[parameter] < 0 ? -1 : b_.module().twin(extra_[parameter]);
}

int64_t Design::width(size_t parameter) const {
  return extra_[parameter] < 0 ? 1 : b_.module().axis(extra_[parameter]).size;
}

size_t Design::columns() const {
  int64_t total = 0;
  for (size_t p = 0; p < extra_.size(); ++p) total += width(p);
  return static_cast<size_t>(total);
}

/// Of a softmax over the states k: G_k = sum (r_k - p_k) c. In place of the curvature, diag(p) - p p', stands
/// diag(p), which bounds it: the states are solved apart, no direction is redundant, and the step still
/// climbs.
Design::Sums Design::gate_sums() {
  const Emission& e = c_.emissions[group_.emission];
  const AxisId states = states_of(c_.setting, c_.emissions[group_.emission]), twin = b_.module().twin(states);
  DesignTerms terms(b_.module(), c_.setting, e, group_);
  Builder& b = terms.b;
  const NodeId p = terms.gate_probabilities();
  const std::vector<NodeId> coefficients = terms.coefficients();
  const size_t count = coefficients.size();
  for (size_t i = 0; i < count; ++i) {
    terms.writer.output(coefficients[i]);
    terms.writer.output(b.mul(p, b.rename(coefficients[i], states, twin)));
    for (size_t j = 0; j <= i; ++j) {
      const NodeId other =
          extra_[j] < 0 ? coefficients[j] : b.rename(coefficients[j], extra_[j], twin_of_extra(j));
      terms.writer.output(b.mul(p, b.rename(b.mul(coefficients[i], other), states, twin)));
    }
  }
  const std::vector<RowTerm> made = terms.writer.take();
  Sums result;
  auto next = made.begin();
  const auto with = [](std::vector<AxisId> list, AxisId axis) {
    return axis < 0 ? list : united(std::move(list), {axis});
  };
  const auto at_twin = [&](const std::vector<AxisId>& axes, const std::string& name, const RowTerm& term) {
    const auto over = united(without(axes, {states}), {twin});
    return b_.rename(c_.statistics.expected(b_, group_.emission, over, name, term), twin, states);
  };
  for (size_t i = 0; i < count; ++i) {
    const std::string& name = group_.blocks[i]->name;
    const std::vector<AxisId> own = with(batch_, extra_[i]);
    const NodeId seen = c_.statistics.expected(b_, group_.emission, own, "r_" + name, *next++);
    const NodeId due = at_twin(own, "p_" + name, *next++);
    result.g.push_back(b_.sub(seen, due));
    result.h.emplace_back();
    for (size_t j = 0; j <= i; ++j) {
      const std::string h = "h_" + name + (i == j ? "" : "_" + group_.blocks[j]->name);
      result.h.back().push_back(at_twin(with(own, twin_of_extra(j)), h, *next++));
    }
  }
  return result;
}

Design::Sums Design::sums(DesignKind kind, const std::vector<AxisId>& axes,
                          const std::vector<AxisId>& h_axes) {
  const Emission& e = c_.emissions[group_.emission];
  if (e.of_latent) return gate_sums();
  DesignTerms terms(b_.module(), c_.setting, e, group_);
  Builder& b = terms.b;
  const Weighting row = terms.weighting(kind);
  const std::vector<NodeId> coefficients = terms.coefficients();
  const size_t count = coefficients.size();
  for (size_t p = 0; p < count; ++p) {
    terms.writer.output(b.mul(row.g, coefficients[p]));
    for (size_t q = 0; q <= p; ++q) {
      const NodeId other =
          extra_[q] < 0 ? coefficients[q] : b.rename(coefficients[q], extra_[q], twin_of_extra(q));
      terms.writer.output(b.mul(row.h, b.mul(coefficients[p], other)));
    }
  }
  const std::vector<RowTerm> made = terms.writer.take();
  const bool of_start = kind == DesignKind::link;
  const std::string prefix = of_start ? "start_" : "";
  Sums result;
  auto next = made.begin();
  const auto with = [](std::vector<AxisId> list, AxisId axis) {
    return axis < 0 ? list : united(std::move(list), {axis});
  };
  for (size_t p = 0; p < count; ++p) {
    const std::string& name = group_.blocks[p]->name;
    const std::vector<AxisId> own = with(axes, extra_[p]);
    result.g.push_back(
        c_.statistics.expected(b_, group_.emission, own, prefix + "g_" + name, *next++, of_start));
    result.h.emplace_back();
    for (size_t q = 0; q <= p; ++q) {
      const std::vector<AxisId> both = with(with(h_axes, extra_[p]), twin_of_extra(q));
      const std::string h = prefix + "h_" + name + (p == q ? "" : "_" + group_.blocks[q]->name);
      result.h.back().push_back(c_.statistics.expected(b_, group_.emission, both, h, *next++, of_start));
    }
  }
  return result;
}

Design::Sums Design::pooled(const Sums& sums, NodeId weight) {
  const auto pool = [&](NodeId node, const std::vector<AxisId>& kept) {
    const NodeId weighed = b_.mul(node, weight);
    return b_.reduce(Op::sum, weighed, without(b_.type(weighed).axes, kept));
  };
  Sums result;
  for (size_t p = 0; p < sums.g.size(); ++p) {
    const auto own = extra_[p] < 0 ? batch_ : united(batch_, {extra_[p]});
    result.g.push_back(pool(sums.g[p], own));
    result.h.emplace_back();
    for (size_t q = 0; q <= p; ++q) {
      const auto both = extra_[q] < 0 ? own : united(own, {twin_of_extra(q)});
      result.h.back().push_back(pool(sums.h[p][q], both));
    }
  }
  return result;
}

void Design::add_priors(Sums& sums) {
  for (size_t p = 0; p < sums.g.size(); ++p) {
    const auto prior = prior_derivatives(c_, group_.blocks[p]->name);
    if (!prior) continue;
    sums.g[p] = b_.add(sums.g[p], prior->first);
    NodeId information = b_.unary(Op::neg, prior->second);
    if (extra_[p] >= 0) {
      const std::vector<AxisId> absent = without({extra_[p]}, b_.type(information).axes);
      if (!absent.empty()) information = b_.make(Op::broadcast, {information}, {.axes = absent});
      information = b_.make(Op::diag, {information}, {.axes = {extra_[p], twin_of_extra(p)}});
    }
    sums.h[p][p] = b_.add(sums.h[p][p], information);
  }
}

NodeId Design::over_batch(NodeId node) {
  const std::vector<AxisId> missing = without(batch_, b_.type(node).axes);
  return missing.empty() ? node : b_.make(Op::broadcast, {node}, {.axes = missing});
}

/// H_(p i)(q j).
NodeId Design::entry(const Sums& sums, size_t p, int64_t i, size_t q, int64_t j) {
  if (p < q) return entry(sums, q, j, p, i);
  NodeId node = sums.h[p][q];
  const auto slice = [&](AxisId axis, int64_t at) {
    if (axis >= 0 && b_.type(node).has(axis))
      node = b_.make(Op::slice, {node}, {.number = static_cast<double>(at), .axes = {axis}});
  };
  slice(extra_[p], i);
  slice(twin_of_extra(q), j);
  return over_batch(node);
}

std::vector<NodeId> Design::solve(const Sums& sums) {
  struct Column {
    size_t parameter;
    int64_t index;
  };
  std::vector<Column> columns;
  for (size_t p = 0; p < extra_.size(); ++p) {
    for (int64_t i = 0; i < width(p); ++i) columns.push_back({p, i});
  }
  const auto slice = [&](NodeId node, AxisId axis, int64_t at) {
    if (axis < 0 || !b_.type(node).has(axis)) return over_batch(node);
    return over_batch(b_.make(Op::slice, {node}, {.number = static_cast<double>(at), .axes = {axis}}));
  };
  if (columns.size() == 1) {
    const NodeId delta = b_.div(slice(sums.g[0], extra_[0], 0), entry(sums, 0, 0, 0, 0));
    return {extra_[0] < 0 ? delta : b_.make(Op::stack, {delta}, {.axes = {extra_[0]}})};
  }
  std::string name = "columns";
  for (int n = 2; b_.module().find_axis(name); ++n) name = "columns_" + std::to_string(n);
  const AxisId row = b_.module().add_axis({.name = name, .size = static_cast<int64_t>(columns.size())});
  const AxisId column = b_.module().twin(row);
  std::vector<NodeId> rows, right;
  for (const Column& m : columns) {
    std::vector<NodeId> entries;
    for (const Column& n : columns)
      entries.push_back(entry(sums, m.parameter, m.index, n.parameter, n.index));
    rows.push_back(b_.make(Op::stack, std::move(entries), {.axes = {column}}));
    right.push_back(slice(sums.g[m.parameter], extra_[m.parameter], m.index));
  }
  const NodeId h = b_.make(Op::stack, std::move(rows), {.axes = {row}});
  const NodeId g = b_.make(Op::stack, std::move(right), {.axes = {row}});
  const NodeId solved = b_.matrix(Op::solve, {h, g}, row, column);
  std::vector<NodeId> deltas;
  int64_t at = 0;
  for (size_t p = 0; p < extra_.size(); ++p) {
    std::vector<NodeId> parts;
    for (int64_t i = 0; i < width(p); ++i)
      parts.push_back(b_.make(Op::slice, {solved}, {.number = static_cast<double>(at++), .axes = {row}}));
    deltas.push_back(extra_[p] < 0 ? parts.front()
                                   : b_.make(Op::stack, std::move(parts), {.axes = {extra_[p]}}));
  }
  return deltas;
}

std::vector<NodeId> Design::solve_apart(const Sums& sums) {
  std::vector<NodeId> deltas;
  for (size_t p = 0; p < extra_.size(); ++p) {
    NodeId own = sums.h[p][p];
    if (extra_[p] >= 0) own = b_.make(Op::diagonal, {own}, {.axes = {extra_[p], twin_of_extra(p)}});
    const NodeId size = b_.binary(Op::maximum, b_.unary(Op::abs, own), b_.constant(1e-300));
    deltas.push_back(b_.div(sums.g[p], b_.mul(b_.constant(static_cast<double>(columns())), size)));
  }
  return deltas;
}

}  // namespace lvm::em
