#include "backends/em/isotonic.h"

#include <algorithm>

#include "ir/families/family.h"

namespace lvm::em {

using ir::Op;

NodeId isotonic(Builder& b, NodeId value, NodeId weight, AxisId axis) {
  const AxisId first = b.module().twin(axis), last = b.module().twin(first);
  const auto place = [&](AxisId along) { return b.make(Op::iota, {}, {.axes = {along}}); };
  const NodeId k = place(axis), i = place(first), j = place(last);
  const NodeId one = b.constant(1), none = b.constant(0), endless = b.constant(__builtin_inf());
  const NodeId from = b.select(b.binary(Op::less_equal, i, k), one, none);
  const NodeId to = b.select(b.binary(Op::less_equal, k, j), one, none);
  const NodeId sum = b.contract({b.mul(weight, value), from, to}, {axis});
  const NodeId mean = b.div(sum, b.contract({weight, from, to}, {axis}));
  const NodeId later = b.select(b.binary(Op::less_equal, k, j), mean, endless);
  const NodeId least = b.unary(Op::neg, b.reduce(Op::reduce_max, b.unary(Op::neg, later), {last}));
  const NodeId earlier = b.select(b.binary(Op::less_equal, i, k), least, b.unary(Op::neg, endless));
  return b.reduce(Op::reduce_max, earlier, {first});
}

void solve_isotonic(UpdateContext& c, const ir::Block& block) {
  const size_t at = emission_of(c, block);
  const Emission& e = c.emissions[at];
  const ir::Family* family = ir::find_family(parameterisation_of(e));
  const auto form = std::ranges::find(family->links, block.slot, &ir::LinkForm::slot);
  if (form == family->links.end()) throw ir::InternalError("no mean stands behind " + block.name);
  TermWriter writer(c.update.module(), c.setting, e);
  const NodeId value = writer.value();
  const std::vector<NodeId> slots = writer.slots();
  writer.output(form->a(writer.builder(), value, slots));
  writer.output(form->b(writer.builder(), value, slots));
  const std::vector<RowTerm> terms = writer.take();
  Builder& b = c.update;
  const ir::Variable& v = variable_of(c.setting, block.name);
  const NodeId a = c.statistics.expected(b, at, v.type.axes, "a_" + block.name, terms[0]);
  const NodeId by = c.statistics.expected(b, at, v.type.axes, "b_" + block.name, terms[1]);
  const NodeId mean = isotonic(b, b.div(a, by), by, v.declared_axes.back());
  const NodeId solved = form->link(b, mean);
  b.output(ir::OutputKind::parameter, block.name, solved);
  add_check(b, c.checks, ir::Check::Kind::collapse, "finite_" + block.name,
            "`" + block.name + "` has run off to infinity (element {})", b.unary(Op::is_finite, solved));
}

}  // namespace lvm::em
