// Rows that cannot occur under their distribution are refused by number.

#include <catch2/catch.hpp>

#include "runtime/check_support.h"
#include "runtime/read_table.h"
#include "tests/support/golden.h"

namespace lvm::runtime {
namespace {

using ir::Element;
using ir::NodeId;

/// One factor over the columns of a table: `y` by y, or y1, y2, y3 with an event axis, and the slots' leaves.
struct Setting {
  ir::Model model;
  ir::AxisId row = model.module.add_axis({.name = "row", .kind = ir::AxisKind::rows});
  ir::AxisId d = model.module.add_axis({.name = "D", .size = 3});

  Setting() {
    model.module.functions.push_back({.name = "model"});
    model.axes.push_back({d, ir::SizeSource::literal, {}});
  }
  NodeId variable(ir::Builder& b, const char* name, Element element, bool vector) {
    ir::Type type{element, {row}, -1};
    if (vector) type.axes.push_back(d);
    const NodeId node = b.leaf(ir::Op::data, name, type);
    ir::Variable v;
    v.name = name;
    v.role = ir::Role::data;
    v.type = type;
    if (vector) v.declared_axes = {d};
    v.node = node;
    model.variables.push_back(v);
    return node;
  }

  /// What is reported for this density, whose slots are numbers or, where empty, the column n.
  Diagnostics check(const char* text, Element element, bool vector, std::vector<std::optional<double>> slots,
                    const char* csv) {
    ir::Builder b(model.module, model.module.functions.front());
    std::vector<NodeId> inputs = {variable(b, "y", element, vector)};
    for (const auto& slot : slots)
      inputs.push_back(slot ? b.constant(*slot) : variable(b, "n", Element::count, false));
    ir::Attributes attributes{.text = text};
    if (vector) attributes.axes = {d};
    model.factors.push_back({{0}, {}, b.make(ir::Op::logpdf, inputs, attributes), {}, {}});
    Diagnostics diagnostics;
    const auto table = read_table_text("t.csv", csv, {}, diagnostics);
    REQUIRE(table);
    bind(model, *table, {}, diagnostics);
    return diagnostics;
  }
};

std::string text(const Diagnostics& diagnostics) {
  return render_all(diagnostics, nullptr);
}

}  // namespace

TEST_CASE("rows that cannot occur are refused, with their place", "[support]") {
  std::string all;
  const auto refuse = [&](const char* density, Element element, bool vector,
                          std::vector<std::optional<double>> slots, const char* csv) {
    const Diagnostics found = Setting().check(density, element, vector, std::move(slots), csv);
    INFO(density);
    CHECK(found.has_errors());
    all += text(found);
  };
  refuse("Beta.a.b", Element::unit, false, {2, 3}, "y\n0.5\n1\n");
  refuse("Beta.a.b", Element::unit, true, {2, 3}, "y1,y2,y3\n0.5,0.25,0.5\n0.5,0,0.75\n");
  refuse("Binomial.n.p", Element::count, false, {5, 0.5}, "y\n5\n3\n6\n");
  refuse("Binomial.n.p", Element::count, false, {std::nullopt, 0.5}, "y,n\n5,5\n3,2\n");
  refuse("Dirichlet.alpha", Element::real, true, {2}, "y1,y2,y3\n0.5,0.25,0.25\n0.5,0.25,0.251\n");
  refuse("Dirichlet.alpha", Element::real, true, {2}, "y1,y2,y3\n0.5,0.25,0.25\n0.5,0.5,0\n");
  refuse("Multinomial.n.p", Element::count, true, {std::nullopt, 0.5}, "y1,y2,y3,n\n1,2,3,6\n1,2,4,6\n");
  refuse("Uniform.low.high", Element::real, false, {0, 2}, "y\n0\n2\n2.5\n");
  refuse("Truncated.D(Normal.mean.sd).low", Element::real, false, {0, 1, 0}, "y\n0\n2\n-0.5\n");
  refuse("Truncated.D(Normal.mean.sd).low.high", Element::real, false, {0, 1, 0, 4}, "y\n0\n2\n5\n");
  golden::check(golden::folder("fit") / "outside_support.expected", all);
}

TEST_CASE("rows on the edge of a support pass", "[support]") {
  const auto pass = [](const char* density, Element element, bool vector,
                       std::vector<std::optional<double>> slots, const char* csv) {
    const Diagnostics found = Setting().check(density, element, vector, std::move(slots), csv);
    INFO(density << ": " << text(found));
    CHECK_FALSE(found.has_errors());
  };
  pass("Beta.a.b", Element::unit, false, {2, 3}, "y\n0.5\n1e-300\n");
  pass("Binomial.n.p", Element::count, false, {std::nullopt, 0.5}, "y,n\n5,5\n0,2\n");
  pass("Dirichlet.alpha", Element::real, true, {2},
       "y1,y2,y3\n0.3333333,0.3333333,0.3333333\n0.5,0.25,0.25\n");
  pass("Multinomial.n.p", Element::count, true, {6, 0.5}, "y1,y2,y3\n1,2,3\n0,0,6\n");
  pass("Uniform.low.high", Element::real, false, {0, 2}, "y\n0\n2\n");
  pass("VonMises.mean.concentration", Element::real, false, {0, 2}, "y\n-720\n3.2\n");
  pass("Truncated.D(Normal.mean.sd).high", Element::real, false, {0, 1, 4}, "y\n-100\n4\n");
}

}  // namespace lvm::runtime
