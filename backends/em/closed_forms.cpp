#include "backends/em/closed_forms.h"

#include <algorithm>

#include "backends/em/global.h"
#include "backends/em/priors.h"
#include "ir/families/family.h"

namespace lvm::em {

using ir::Block;
using ir::Check;
using ir::Op;

namespace {

std::string text_of(const Emission& e) {
  std::string text = e.family;
  for (const std::string& slot : e.slot_names) text += "." + slot;
  return text;
}

template <typename Form>
const Form& form_of(const std::vector<Form>& forms, const Block& block) {
  const auto found =
      std::find_if(forms.begin(), forms.end(), [&](const Form& f) { return f.slot == block.slot; });
  if (found == forms.end())
    throw ir::InternalError("block " + block.name + " has no closed form in its family");
  return *found;
}

const ir::Family& family_of(const Emission& e) {
  const ir::Family* family = ir::find_family(text_of(e));
  if (!family) throw ir::InternalError("no density for " + text_of(e));
  return *family;
}

/// A value for each element of the parameter, whatever the terms depend on.
NodeId over(Builder& b, NodeId value, const std::vector<AxisId>& axes) {
  const std::vector<AxisId> missing = without(axes, b.type(value).axes);
  return missing.empty() ? value : b.make(Op::broadcast, {value}, {.axes = missing});
}

}  // namespace

void solve_rate(UpdateContext& c, const Block& block) {
  const size_t at = emission_of(c, block);
  const Emission& e = c.emissions[at];
  const ir::RateForm& form = form_of(family_of(e).rates, block);
  const ParameterForm own = parameter_form(c.setting, e, block);
  TermWriter writer(c.update.module(), c.setting, e);
  const NodeId of_row = writer.value();
  const std::vector<NodeId> slots = writer.slots();
  writer.output(form.a(writer.builder(), of_row, slots));
  NodeId weighed = form.b(writer.builder(), of_row, slots);
  for (const auto& [node, p] : own.dependence.coefficients) {
    const NodeId factor = power(writer.builder(), writer.expand()(node), p * form.sign);
    weighed = writer.builder().mul(weighed, factor);
  }
  writer.output(weighed);
  const std::vector<RowTerm> terms = writer.take();
  Builder& b = c.update;
  const std::vector<AxisId> axes = variable_of(c.setting, block.name).type.axes;
  NodeId a = c.statistics.expected(b, at, axes, "a_" + block.name, terms[0]);
  NodeId by = c.statistics.expected(b, at, axes, "b_" + block.name, terms[1]);
  if (const auto prior = pseudo_counts(c, block.name)) {
    check_edge(c, block.name, "0", a, prior->a);
    a = b.add(a, prior->a);
    by = b.add(by, prior->b);
  }
  if (const ir::Variable* global = global_named(c.setting, block.name)) {
    // ln P has (shape - 1) ln v of a Gamma, and (shape + 1) ln(1 / v) of an InverseGamma.
    const bool inverse = prior_of(c, block.name)->family == "InverseGamma";
    return write_posterior(
        c, *global, {{"shape", b.add(a, b.constant(inverse ? -1 : 1))}, {inverse ? "scale" : "rate", by}});
  }
  const NodeId solved = power(b, b.div(a, by), 1 / (own.dependence.exponent * form.sign));
  const NodeId value = over(b, solved, axes);
  b.output(ir::OutputKind::parameter, block.name, value);
  add_check(b, c.checks, Check::Kind::collapse, "finite_" + block.name,
            "`" + block.name + "` has run off to infinity (element {})", b.unary(Op::is_finite, value));
}

void solve_odds(UpdateContext& c, const Block& block) {
  const size_t at = emission_of(c, block);
  const Emission& e = c.emissions[at];
  const ir::OddsForm& form = form_of(family_of(e).odds, block);
  TermWriter writer(c.update.module(), c.setting, e);
  const NodeId value = writer.value();
  const std::vector<NodeId> slots = writer.slots();
  writer.output(form.a(writer.builder(), value, slots));
  writer.output(form.b(writer.builder(), value, slots));
  const std::vector<RowTerm> terms = writer.take();
  Builder& b = c.update;
  const std::vector<AxisId> axes = variable_of(c.setting, block.name).type.axes;
  NodeId yes = c.statistics.expected(b, at, axes, "a_" + block.name, terms[0]);
  NodeId no = c.statistics.expected(b, at, axes, "b_" + block.name, terms[1]);
  if (const auto prior = pseudo_counts(c, block.name)) {
    check_edge(c, block.name, "0", yes, prior->a);
    check_edge(c, block.name, "1", no, prior->b);
    yes = b.add(yes, prior->a);
    no = b.add(no, prior->b);
  }
  if (const ir::Variable* global = global_named(c.setting, block.name))
    return write_posterior(c, *global, {{"a", b.add(yes, b.constant(1))}, {"b", b.add(no, b.constant(1))}});
  b.output(ir::OutputKind::parameter, block.name, over(b, b.div(yes, b.add(yes, no)), axes));
}

}  // namespace lvm::em
