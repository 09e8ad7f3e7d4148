// What a choice leaves unread is not computed: which elements are, and that the chosen ones are those of the
// interpreter.

#include "ir/loop/demand.h"

#include <catch2/catch.hpp>

#include "tests/unit/loop/run_program.h"

using namespace lvm;
using namespace lvm::test;
using ir::AxisId;
using ir::NodeId;
using ir::Op;
using loop::Condition;
using loop::Conditions;

namespace {

ir::Type real(std::vector<AxisId> axes) {
  return {ir::Element::real, std::move(axes), -1};
}

ir::Attributes with_axes(std::vector<AxisId> axes) {
  ir::Attributes attributes;
  attributes.axes = std::move(axes);
  return attributes;
}

/// A S A' where flags say which rows of A S and which elements of the whole are needed; `both`: all of A S is
/// an output too.
struct Chain {
  ir::Program program;
  AxisId k, d, d2;
  NodeId flag, first, second;

  explicit Chain(int64_t size, bool both = false, int64_t states = 3) {
    ir::Module& m = program.module;
    m.add_axis({"row", ir::AxisKind::rows});
    k = m.add_axis({"K", ir::AxisKind::fixed, states});
    d = m.add_axis({"D", ir::AxisKind::fixed, size});
    d2 = m.twin(d);
    const AxisId d3 = m.twin(d2);
    program.parameters = {slot<ir::ParameterSlot>("seen", {d}), slot<ir::ParameterSlot>("a", {k, d, d2}),
                          slot<ir::ParameterSlot>("s", {k, d, d2})};
    program.derived = {slot<ir::Slot>("made", {k, d, d2})};
    if (both) program.derived.push_back(slot<ir::Slot>("raw", {k, d, d2}));
    m.functions.push_back({});
    ir::Function& f = m.functions.back();
    f.name = "f";
    f.time = ir::BindingTime::prepare;
    ir::Builder b(m, f);
    flag = b.leaf(Op::parameter, "seen", {ir::Element::boolean, {d}, -1});
    const NodeId a = b.leaf(Op::parameter, "a", real({k, d, d2})),
                 s = b.leaf(Op::parameter, "s", real({k, d, d2}));
    const NodeId left_a = b.rename(a, d2, d3), right_s = b.rename(s, d, d3);
    first = b.contract({left_a, right_s}, {d3});
    const NodeId across = b.rename(flag, d, d2), left = b.select(flag, s, first);
    const NodeId left_rows = b.rename(left, d2, d3),
                 mirrored = b.make(Op::rename, {a}, with_axes({d, d2, d2, d3}));
    second = b.contract({left_rows, mirrored}, {d3});
    const NodeId either = b.binary(Op::logical_or, flag, across);
    const NodeId zero = b.constant(0);
    b.output(ir::OutputKind::derived, "made", b.select(either, zero, second));
    if (both) b.output(ir::OutputKind::derived, "raw", first);
    ir::assign_offsets(program);
  }

  const ir::Function& function() const { return program.module.functions.front(); }
};

}  // namespace

TEST_CASE("a choice says which elements of its inputs are needed") {
  const Chain c(4);
  const auto needed = loop::demands(c.function());
  const Condition row{c.flag, {{c.d, c.d}}, false}, column{c.flag, {{c.d, c.d2}}, false};
  CHECK(needed[static_cast<size_t>(c.second)] == Conditions{row, column});
  CHECK(needed[static_cast<size_t>(c.first)] == Conditions{row});
  CHECK(loop::demands(Chain(4, true).function())[static_cast<size_t>(c.first)].empty());
}

TEST_CASE("what is chosen is what the interpreter gives, whatever is left out") {
  for (const int64_t size : {1, 3, 12}) {
    for (const auto& [both, states] : {std::pair(false, 3), {true, 3}, {false, 1}, {false, 9}}) {
      INFO(size << " " << both << " " << states);
      Chain c(size, both, states);
      REQUIRE(ir::verify(c.program.module) == std::vector<std::string>{});
      const loop::Unit unit = loop::schedule(c.program, jit::host_target());
      jit::Jit jit(linalg_symbols());
      const ir::Executable compiled = jit.compile(unit), expected = interpreter::interpret(c.program);
      Buffers one(c.program), two(c.program);
      for (int64_t i = 0; i < one.parameters.size(); ++i) {
        const double value =
            i < size ? static_cast<double>(i % 2) : 0.25 * static_cast<double>((i * 37) % 29) - 3;
        one.parameters[i] = two.parameters[i] = value;
      }
      // What is left out has no value: whoever reads it fails here.
      for (int64_t i = 0; i < one.scratch.size(); ++i) one.scratch[i] = __builtin_nan("");
      REQUIRE(one.run_prepare(compiled, "f") == 0);
      REQUIRE(two.run_prepare(expected, "f") == 0);
      CHECK(difference(one.derived, two.derived, 1) < 1e-13);
    }
  }
}
