// Each rule of `simplify`: it is used on its example, and the value stays.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "ir/passes/order.h"
#include "ir/passes/simplify.h"
#include "tests/unit/tensor/support.h"

using namespace lvm;
using namespace lvm::ir;
using namespace lvm::test;

namespace {

const std::string x = "%0 : real[K, D] = parameter \"x\"\n";
const std::string y = "%1 : real[K, D] = parameter \"y\"\n";
const std::string positive = "%0 : positive[K] = parameter \"x\"\n";

/// One or more bodies a rule; the last node is the result.
const std::multimap<std::string_view, std::string> examples = {
    {"fold", "%0 : positive = constant 2\n%1 : positive = constant 3\n%2 : positive = mul %0, %1"},
    {"fold", "%0 : positive = constant 2\n%1 : positive = constant 3\n%2 : positive = fma %0, %1, %1"},
    {"fold", "%0 : positive = constant 2\n%1 : real = lgamma %0"},
    {"fold", "%0 : positive = constant 0.3\n%1 : real = digamma %0"},
    {"add_zero", x + "%1 : real = constant 0\n%2 : real[K, D] = add %0, %1"},
    {"add_zero", x + "%1 : real = constant 0\n%2 : real[K, D] = add %1, %0"},
    {"sub_zero", x + "%1 : real = constant 0\n%2 : real[K, D] = sub %0, %1"},
    {"zero_sub", x + "%1 : real = constant 0\n%2 : real[K, D] = sub %1, %0"},
    {"mul_one", x + "%1 : positive = constant 1\n%2 : real[K, D] = mul %0, %1"},
    {"mul_one", x + "%1 : positive = constant 1\n%2 : real[K, D] = mul %1, %0"},
    {"mul_minus_one", x + "%1 : real = constant -1\n%2 : real[K, D] = mul %1, %0"},
    {"div_one", x + "%1 : positive = constant 1\n%2 : real[K, D] = div %0, %1"},
    {"one_div", x + "%1 : positive = constant 1\n%2 : real[K, D] = div %1, %0"},
    {"neg_neg", x + "%1 : real[K, D] = neg %0\n%2 : real[K, D] = neg %1"},
    {"neg_sub", x + y + "%2 : real[K, D] = sub %0, %1\n%3 : real[K, D] = neg %2"},
    {"add_neg", x + y + "%2 : real[K, D] = neg %1\n%3 : real[K, D] = add %0, %2"},
    {"add_neg", x + y + "%2 : real[K, D] = neg %1\n%3 : real[K, D] = add %2, %0"},
    {"sub_neg", x + y + "%2 : real[K, D] = neg %1\n%3 : real[K, D] = sub %0, %2"},
    {"mul_negs", x + y + "%2 : real[K, D] = neg %1\n%3 : real[K, D] = neg %0\n%4 : real[K, D] = mul %2, %3"},
    {"mul_negs", x + y + "%2 : real[K, D] = neg %1\n%3 : real[K, D] = neg %0\n%4 : real[K, D] = div %2, %3"},
    {"even_neg", x + "%1 : real[K, D] = neg %0\n%2 : real[K, D] = square %1"},
    {"even_neg", x + "%1 : real[K, D] = abs %0\n%2 : real[K, D] = square %1"},
    {"abs_positive", positive + "%1 : positive[K] = abs %0"},
    {"fma_one", x + y + "%2 : positive = constant 1\n%3 : real[K, D] = fma %2, %0, %1"},
    {"fma_one", x + y + "%2 : positive = constant 1\n%3 : real[K, D] = fma %0, %2, %1"},
    {"fma_zero", x + y + "%2 : real = constant 0\n%3 : real[K, D] = fma %0, %1, %2"},
    {"exp_log", positive + "%1 : real[K] = log %0\n%2 : positive[K] = exp %1"},
    {"log_exp", x + "%1 : positive[K, D] = exp %0\n%2 : real[K, D] = log %1"},
    {"log_reciprocal", positive + "%1 : positive[K] = reciprocal %0\n%2 : real[K] = log %1"},
    {"log_sqrt", positive + "%1 : positive[K] = sqrt %0\n%2 : real[K] = log %1"},
    {"log_sqrt", x + "%1 : real[K, D] = sqrt %0\n%2 : real[K, D] = log %1"},
    {"sqrt_square", x + "%1 : real[K, D] = square %0\n%2 : real[K, D] = sqrt %1"},
    {"square_sqrt", positive + "%1 : positive[K] = sqrt %0\n%2 : positive[K] = square %1"},
    {"reciprocal_twice", x + "%1 : real[K, D] = reciprocal %0\n%2 : real[K, D] = reciprocal %1"},
    {"power", x + "%1 : real = constant 0\n%2 : real[K, D] = pow %0, %1"},
    {"power", x + "%1 : positive = constant 1\n%2 : real[K, D] = pow %0, %1"},
    {"power", x + "%1 : positive = constant 2\n%2 : real[K, D] = pow %0, %1"},
    {"power", x + "%1 : real = constant -1\n%2 : real[K, D] = pow %0, %1"},
    {"power", positive + "%1 : positive = constant 0.5\n%2 : positive[K] = pow %0, %1"},
    {"not_not",
     "%0 : bool[K] = parameter \"b\"\n%1 : bool[K] = logical_not %0\n%2 : bool[K] = logical_not %1"},
    {"select_not", x + y +
                       "%2 : bool[K] = parameter \"b\"\n%3 : bool[K] = logical_not %2\n%4 : real[K, D] = "
                       "select %3, %0, %1"},
    {"select_same", x + "%1 : bool[row] = data \"b\"\n%2 : real[row, K, D] = select %1, %0, %0"},
    {"select_known", x + y + "%2 : real = constant 0\n%3 : real[K, D] = select %2, %0, %1"},
    {"select_known", x + y +
                         "%2 : positive = constant 2\n%3 : positive = constant 3\n%4 : bool = less %2, %3\n"
                         "%5 : real[K, D] = select %4, %0, %1"},
    {"same_twice", x + "%1 : real[K, D] = maximum %0, %0"},
    {"fold_nothing", x + "%1 : real[K, D] = sum %0"},
    {"fold_twice", x + "%1 : real[K] = sum [D] %0\n%2 : real = sum [K] %1"},
    {"fold_twice", x + "%1 : real[K] = logsumexp [D] %0\n%2 : real = logsumexp [K] %1"},
    {"sum_broadcast", x + "%1 : real[K, D, E] = broadcast [E] %0\n%2 : real[K] = sum [D, E] %1"},
    {"sum_broadcast", x + "%1 : real[K, D, E] = broadcast [E] %0\n%2 : real[K, D] = sum [E] %1"},
    {"max_broadcast", x + "%1 : real[K, D, E] = broadcast [E] %0\n%2 : real[D] = reduce_max [K, E] %1"},
    {"broadcast_nothing", x + "%1 : real[K, D] = broadcast [K] %0"},
    {"broadcast_twice",
     x + "%1 : real[K, D, E] = broadcast [E] %0\n%2 : real[row, K, D, E] = broadcast [row] %1"},
    {"implied_broadcast", x + "%1 : positive[K] = parameter \"w\"\n%2 : positive[K, D] = broadcast [D] "
                              "%1\n%3 : real[K, D] = mul %0, %2"},
    {"implied_broadcast", x + "%1 : positive[K] = parameter \"w\"\n%2 : positive[K, D] = broadcast [D] %1\n"
                              "%3 : real[K] = contract [D] %0, %2"},
    {"late_broadcast", x + "%1 : real[K, D, E] = broadcast [E] %0\n%2 : real[K, D, E] = tanh %1"},
    {"rename", x + "%1 : real[K, D'] = rename [D, D'] %0\n%2 : real[K, D] = rename [D', D] %1"},
    {"rename", x + "%1 : real[K, D'] = rename [D, D', E, E] %0"},
    {"contract_one", x + "%1 : real[K] = contract [D] %0"},
    {"contract_nothing", x + y + "%2 : real[K, D] = contract %0, %1"},
    {"contract_unit", x + "%1 : positive = constant 1\n%2 : real[K] = contract [D] %0, %1"},
    {"gather_all", x + "%1 : category<K>[K] = iota [K]\n%2 : real[K, D] = gather [K] %0, %1"},
    {"slice_stack", x + y + "%2 : real[K, D, D'] = stack [D'] %0, %1\n%3 : real[K, D] = slice 1 [D'] %2"},
    {"diagonal_diag", x + "%1 : real[K, D, D'] = diag [D, D'] %0\n%2 : real[K, D] = diagonal [D, D'] %1"},
};

Module example_module(const std::string& body) {
  const auto last = std::count(body.begin(), body.end(), '\n');
  return one_function(body + "\nresult \"f\" %" + std::to_string(last));
}

}  // namespace

TEST_CASE("each rewrite rule is used on its examples and keeps their values") {
  std::mt19937_64 random(3);
  for (const RewriteRule& rule : rewrite_rules()) {
    INFO(rule.name);
    const auto [begin, end] = examples.equal_range(rule.name);
    REQUIRE(begin != end);
    for (auto it = begin; it != end; ++it) {
      const Module before = example_module(it->second);
      INFO(print(before));
      REQUIRE(verify(before).empty());
      std::set<std::string_view> used;
      bool exact = true;
      const Module after = simplify(before, [&](std::string_view name) { used.insert(name); });
      for (const RewriteRule& other : rewrite_rules())
        exact = exact && (other.exact || !used.contains(other.name));
      INFO(print(after));
      CHECK(used.contains(rule.name));
      CHECK(verify(after).empty());
      for (int n = 0; n < 20; ++n) {
        const auto leaves = random_leaves(before, before.functions[0], random);
        const auto a = output_value(before, before.functions[0], 0, leaves),
                   b = output_value(after, after.functions[0], 0, leaves);
        REQUIRE(a.size() == b.size());
        for (size_t i = 0; i < a.size(); ++i) CHECK(close(a[i], b[i], exact ? 0 : 4e-15));
      }
    }
  }
}

TEST_CASE("no example is for a rule that does not exist") {
  for (const auto& [name, text] : examples) {
    const auto& rules = rewrite_rules();
    CHECK(
        std::any_of(rules.begin(), rules.end(), [&](const RewriteRule& rule) { return rule.name == name; }));
  }
}

TEST_CASE("simplify keeps the values of random modules, ends, and is idempotent") {
  std::mt19937_64 random(4);
  int smaller = 0;
  for (int i = 0; i < 400; ++i) {
    const Module before = random_module(random, 40);
    const Module after = simplify(before);
    INFO(print(before) << print(after));
    REQUIRE(verify(before).empty());
    REQUIRE(verify(after).empty());
    CHECK(print(simplify(after)) == print(after));
    smaller += after.functions[0].nodes.size() < before.functions[0].nodes.size();
    const auto leaves = random_leaves(before, before.functions[0], random);
    for (size_t o = 0; o < 3; ++o) {
      const auto a = output_value(before, before.functions[0], o, leaves),
                 b = output_value(after, after.functions[0], o, leaves);
      REQUIRE(a.size() == b.size());
      for (size_t j = 0; j < a.size(); ++j) CHECK(close(a[j], b[j], 1e-11));
    }
  }
  CHECK(smaller > 300);
}

TEST_CASE("simplify does not touch what its assumptions exclude") {
  const auto stays = [](const std::string& body) {
    const Module module = example_module(body);
    return print(simplify(module)) == print(ordered(module));
  };
  CHECK(stays(x + "%1 : real[K, D] = log %0\n%2 : positive[K, D] = exp %1"));  // x may be negative
  CHECK(stays(x + "%1 : real[K, D] = sqrt %0\n%2 : real[K, D] = square %1"));  // likewise
  CHECK(stays(x + "%1 : real = constant 0\n%2 : real[K, D] = mul %0, %1"));    // 0 * inf
  CHECK(stays(x + "%1 : real[K, D] = sub %0, %0"));                            // inf - inf
  CHECK(stays(
      x + "%1 : real[row, K, D] = broadcast [row] %0\n%2 : real[K, D] = sum [row] %1"));  // the number of
                                                                                          // rows is unknown
  CHECK(stays("%0 : positive = constant 2\n%1 : bool = less %0, %0"));  // a bool stays a bool
}

TEST_CASE("arguments stay, unused nodes go") {
  const Module module = module_of(
      "function \"g\" plain\n%0 : real = argument \"a\"\n%1 : real = argument \"b\"\n%2 : real = neg %0\n"
      "%3 : real = exp %1\narguments %0, %1\nresult \"r\" %2\nend\n");
  const Module after =
      simplify(parse_module(print(module).replace(print(module).find("real = exp"), 4, "positive")));
  CHECK(after.functions[0].arguments == std::vector<NodeId>{0, 1});
  CHECK(after.functions[0].nodes.size() == 3);
}

TEST_CASE("one graph has one order, whatever order its nodes were built in") {
  Module m = module_of("");
  m.functions.resize(2);
  for (const bool leaf_first : {true, false}) {
    Function& f = m.functions[leaf_first ? 0 : 1];
    f.name = leaf_first ? "f" : "g";
    Builder b(m, f);
    if (!leaf_first) b.unary(Op::exp, b.constant(7));  // needed by nothing
    NodeId data = leaf_first ? b.leaf(Op::data, "x", {Element::real, {0}}) : no_node;
    const NodeId two = b.constant(2), three = b.constant(3);
    if (!leaf_first) data = b.leaf(Op::data, "x", {Element::real, {0}});
    const NodeId low = leaf_first ? b.mul(data, two) : no_node, high = b.mul(data, three);
    const NodeId other = leaf_first ? low : b.mul(data, two);
    b.output(OutputKind::result, "r", b.add(other, high));
  }
  m.functions[0] = ordered(m.functions[0]);
  m.functions[1] = ordered(m.functions[1]);
  m.functions[1].name = "f";
  CHECK(print(m, m.functions[0]) == print(m, m.functions[1]));
  CHECK(m.functions[0].nodes.size() == 6);
}
