// Tensor text: parse(print(x)) == x, and what is not a module is refused with its place.

#include <bit>
#include <limits>

#include "tests/unit/tensor/support.h"

using namespace lvm;
using namespace lvm::ir;
using namespace lvm::test;

namespace {

bool same(const Node& a, const Node& b) {
  return a.op == b.op && a.inputs == b.inputs && a.type == b.type && a.attributes.text == b.attributes.text &&
         a.attributes.axes == b.attributes.axes && a.attributes.function == b.attributes.function &&
         a.attributes.integers == b.attributes.integers &&
         std::bit_cast<uint64_t>(a.attributes.number) == std::bit_cast<uint64_t>(b.attributes.number);
}

void check_same(const Module& a, const Module& b) {
  CHECK(a.name == b.name);
  CHECK(a.level == b.level);
  REQUIRE(a.axes.size() == b.axes.size());
  for (size_t i = 0; i < a.axes.size(); ++i) {
    CHECK(a.axes[i].name == b.axes[i].name);
    CHECK(a.axes[i].kind == b.axes[i].kind);
    CHECK(a.axes[i].size == b.axes[i].size);
    CHECK(a.axes[i].parent == b.axes[i].parent);
  }
  REQUIRE(a.functions.size() == b.functions.size());
  for (size_t f = 0; f < a.functions.size(); ++f) {
    const Function &x = a.functions[f], &y = b.functions[f];
    CHECK(x.name == y.name);
    CHECK(x.time == y.time);
    CHECK(x.arguments == y.arguments);
    REQUIRE(x.nodes.size() == y.nodes.size());
    for (size_t i = 0; i < x.nodes.size(); ++i) CHECK(same(x.nodes[i], y.nodes[i]));
    REQUIRE(x.outputs.size() == y.outputs.size());
    for (size_t i = 0; i < x.outputs.size(); ++i) {
      CHECK(x.outputs[i].kind == y.outputs[i].kind);
      CHECK(x.outputs[i].name == y.outputs[i].name);
      CHECK(x.outputs[i].node == y.outputs[i].node);
    }
  }
}

std::string refusal(std::string_view text) {
  try {
    parse_module(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the text of a random module reads back as the same module") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    const Module module = random_module(random, 40);
    const std::string text = print(module);
    const Module back = parse_module(text);
    check_same(module, back);
    CHECK(print(back) == text);
    CHECK(verify(back).empty());
  }
}

TEST_CASE("numbers, names, axes and every kind of output survive the text") {
  Module m;
  m.name = "odd \"name\" \\ \n\t\x01 \xc3\xa9";
  m.level = Level::canonical;
  m.add_axis({.name = "row", .kind = AxisKind::rows});
  const AxisId k = m.add_axis({.name = "K", .size = 3});
  m.add_axis({.name = "groups of 3", .kind = AxisKind::segment, .parent = 0});
  m.add_axis({.name = "unknown"});
  m.add_axis({.name = "7", .size = 7});
  m.twin(m.twin(k));
  for (const BindingTime time : {BindingTime::plain, BindingTime::once, BindingTime::prepare,
                                 BindingTime::rows, BindingTime::update}) {
    m.functions.push_back({.name = "f\"" + std::string(name(time)), .time = time});
    Builder b(m, m.functions.back());
    NodeId last = b.leaf(Op::argument, "an \"argument\"", {Element::category, {0, k}, k});
    m.functions.back().arguments.push_back(last);
    for (const double value :
         {0.0, -0.0, 1.0 / 3, 5e-324, 1.7976931348623157e308, -1e-300,
          std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
          std::numeric_limits<double>::quiet_NaN()})
      last = b.constant(value);
    for (const OutputKind kind :
         {OutputKind::result, OutputKind::derived, OutputKind::statistic, OutputKind::objective,
          OutputKind::row, OutputKind::parameter, OutputKind::check})
      b.output(kind, "o " + std::string(name(kind)), last);
  }
  check_same(m, parse_module(print(m)));
}

TEST_CASE("text that is no module is refused with line and column") {
  CHECK(refusal("") == "1:1: expected `module`");
  CHECK(refusal("module \"m\" level high") == "1:18: expected a level");
  const std::string head = "module \"m\" level step\naxis K 3\n";
  CHECK(refusal(head + "axis K 4") == "3:7: the axis `K` stands twice");
  CHECK(refusal(head + "axis L 99999999999999999999") == "3:8: expected a whole number in range");
  CHECK(refusal(head + "function \"f\" plain\n  %0 : real = add %0, %0\nend") ==
        "4:19: %0 is not defined before its use");
  CHECK(refusal(head + "function \"f\" plain\n  %0 : real = constant x\nend") == "4:24: expected a number");
  CHECK(refusal(head + "function \"f\" plain\n  %0 : real[L] = parameter \"a\"\nend") == "4:13: no axis `L`");
  CHECK(refusal(head + "function \"f\" plain\n  %0 : real = frobnicate\nend") == "4:15: no op `frobnicate`");
  CHECK(
      refusal(head + "function \"f\" plain\n  %1 : real = constant 1\nend").starts_with("4:5: expected %0"));
  CHECK(refusal(head + "function \"f\" plain\n  %0 : real = parameter \"a\nend") ==
        "4:27: the string does not end");
}

TEST_CASE("no bytes crash the reader, and what it accepts can be verified") {
  std::mt19937_64 random(2);
  const auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  const std::string good = print(random_module(random, 30));
  int accepted = 0, refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = good;
    for (size_t n = 1 + below(3); n > 0; --n) {
      const size_t at = below(text.size()), length = std::min(below(12), text.size() - at);
      switch (below(4)) {
        case 0: text[at] = static_cast<char>(below(256)); break;
        case 1: text.erase(at, length); break;
        case 2: text.insert(at, good.substr(below(good.size() - 12), 12)); break;
        default: text[at] = static_cast<char>('0' + below(10)); break;
      }
    }
    try {
      const Module module = parse_module(text);
      ++accepted;
      verify(module);
    } catch (const std::invalid_argument&) {
      ++refused;
    }
  }
  CHECK(accepted > 100);
  CHECK(refused > 100);
}

TEST_CASE("deep and huge text is read or refused without recursion") {
  std::string text =
      "module \"m\" level step\naxis K 3\nfunction \"f\" plain\n  %0 : real = parameter \"a\"\n";
  for (int i = 1; i < 50000; ++i)
    text += "%" + std::to_string(i) + " : real = neg %" + std::to_string(i - 1) + "\n";
  CHECK(parse_module(text + "end").functions[0].nodes.size() == 50000);
  CHECK_FALSE(
      refusal("module \"m\" level step\nfunction \"f\" plain %0 : real" + std::string(1 << 20, '[')).empty());
  CHECK_FALSE(refusal(std::string(1 << 20, '\0')).empty());
  std::string many = "module \"m\" level step\n";
  for (int i = 0; i < 20000; ++i) many += "axis a" + std::to_string(i) + " 1\n";
  CHECK(refusal(many).ends_with("there are too many axes"));
}
