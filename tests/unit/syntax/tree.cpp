// The shape and the ranges of trees.
#include <catch2/catch.hpp>

#include "frontend/parse/parse.h"

using namespace lvm;

namespace {

struct Parsed {
  explicit Parsed(const std::string& declarations)
      : source("model.lvm", "model m {\n" + declarations + "\n}\n") {
    Diagnostics diagnostics;
    auto parsed = parse(source, diagnostics);
    INFO(render_all(diagnostics, &source));
    REQUIRE(parsed);
    model = std::move(*parsed);
  }
  template <class Node>
  const Node& node(size_t i = 0) const {
    return std::get<Node>(model.declarations.at(i).node);
  }
  std::string text(SourceRange range) const { return std::string(source.slice(range)); }

  SourceFile source;
  ast::ModelFile model;
};

/// Fully parenthesised, so that the shape of a tree can be read.
std::string shape(const ast::Expression& e) {
  const auto child = [&](size_t i) { return shape(*e.children[i]); };
  switch (e.kind) {
    case ast::ExpressionKind::add: return '(' + child(0) + '+' + child(1) + ')';
    case ast::ExpressionKind::subtract: return '(' + child(0) + '-' + child(1) + ')';
    case ast::ExpressionKind::multiply: return '(' + child(0) + '*' + child(1) + ')';
    case ast::ExpressionKind::divide: return '(' + child(0) + '/' + child(1) + ')';
    case ast::ExpressionKind::elementwise_multiply: return '(' + child(0) + ".*" + child(1) + ')';
    case ast::ExpressionKind::power: return '(' + child(0) + '^' + child(1) + ')';
    case ast::ExpressionKind::negate: return "(-" + child(0) + ')';
    case ast::ExpressionKind::transpose: return '(' + child(0) + "')";
    case ast::ExpressionKind::member: return '(' + child(0) + '.' + e.text + ')';
    case ast::ExpressionKind::index: return '(' + child(0) + '[' + child(1) + "])";
    case ast::ExpressionKind::number:
    case ast::ExpressionKind::string:
    case ast::ExpressionKind::name:
    case ast::ExpressionKind::call:
    case ast::ExpressionKind::list:
    case ast::ExpressionKind::range: break;
  }
  return print(e);
}

std::string shape_of(const std::string& expression) {
  return shape(*Parsed("let x = " + expression).node<ast::LetDeclaration>().value);
}

}  // namespace

TEST_CASE("operators bind as in the maths") {
  CHECK(shape_of("a - b - c") == "((a-b)-c)");
  CHECK(shape_of("a / b / c * d") == "(((a/b)/c)*d)");
  CHECK(shape_of("a + b * c") == "(a+(b*c))");
  CHECK(shape_of("a ^ b ^ c") == "(a^(b^c))");
  CHECK(shape_of("-a ^ 2") == "(-(a^2))");
  CHECK(shape_of("2 ^ -a * b") == "((2^(-a))*b)");
  CHECK(shape_of("-a * b") == "((-a)*b)");
  CHECK(shape_of("a - -b") == "(a-(-b))");
  CHECK(shape_of("a .* b * c'") == "((a.*b)*(c'))");
  CHECK(shape_of("f(y).mean[z]' ^ 2") == "((((f(y).mean)[z])')^2)");
  CHECK(shape_of("1.*a") == "(1.*a)");
  CHECK(shape_of("move[z[t-1]]") == "(move[(z[(t-1)])])");
}

TEST_CASE("printing puts back the parentheses that matter, and no others") {
  for (const char* text : {"(a + b) * c", "a - (b - c)", "a / (b * c)", "(a^b)^c", "a^b^c", "(-a)^2", "-a^2",
                           "(a + b)'", "(2).x", "f(0..255, \"x1\"..\"x9\", k: 1..2)", "[[1, 2], [3, -4]]",
                           "a .* b * c'", "\"say \\\"\\\\\\\"\""}) {
    CHECK(print(*Parsed(std::string("let x = ") + text).node<ast::LetDeclaration>().value) == text);
  }
  CHECK(print(*Parsed("let x = ((a)) + ((b * c))").node<ast::LetDeclaration>().value) == "a + b * c");
}

TEST_CASE("ranges cover what was written") {
  const Parsed p("  let m = (a + b) * W[z]' - enc(y, k: 2).mean");
  CHECK(p.text(p.model.declarations[0].range) == "let m = (a + b) * W[z]' - enc(y, k: 2).mean");
  const ast::Expression& difference = *p.node<ast::LetDeclaration>().value;
  CHECK(p.text(difference.range) == "(a + b) * W[z]' - enc(y, k: 2).mean");
  const ast::Expression& product = *difference.children[0];
  CHECK(p.text(product.range) == "(a + b) * W[z]'");
  CHECK(p.text(product.children[0]->range) == "a + b");
  CHECK(p.text(product.children[1]->range) == "W[z]'");
  CHECK(p.text(product.children[1]->children[0]->range) == "W[z]");
  const ast::Expression& member = *difference.children[1];
  CHECK(p.text(member.range) == "enc(y, k: 2).mean");
  CHECK(p.text(member.name_range) == "mean");
  const ast::Expression& call = *member.children[0];
  CHECK(p.text(call.range) == "enc(y, k: 2)");
  CHECK(p.text(call.name_range) == "enc");
  CHECK(p.text(call.arguments[1].name.range) == "k");
  CHECK(call.arguments[0].name.text.empty());
}

TEST_CASE("ranges are bytes after letters of two bytes, a byte order mark and CRLF") {
  const SourceFile source(
      "m.lvm", "\xEF\xBB\xBFmodel m {\r\n  # \xCE\xB8\xCE\xB8\r\n  let \xCE\xB8 = \xCE\xBC + 1\r\n}\r\n");
  Diagnostics diagnostics;
  const auto model = parse(source, diagnostics);
  REQUIRE(model);
  const auto& let = std::get<ast::LetDeclaration>(model->declarations.at(0).node);
  CHECK(let.name.text == "\xCE\xB8");
  CHECK(source.slice(let.name.range) == "\xCE\xB8");
  CHECK(source.slice(let.value->range) == "\xCE\xBC + 1");
  CHECK(source.position(let.value->range.begin).line == 3);
  CHECK(source.position(let.value->range.begin).column == 11);
}

TEST_CASE("declarations keep their clauses") {
  const Parsed p(R"(
    axis rows = 28, cols = columns
    sequence t by "a", "b" order "time"
    sequence s order "when"
    param m: real[2, K] ~ Normal(0, sd: 1) = [[1]] init mask [[0]]
    given u: real per school = column("u") missing
    P(z[first+1], y | z[t-1]) = Normal(0, sd: 1)
    net f() -> (a: real, b: positive[L]) { return = 1 return return }
    q(z, w | y) = q(z | y) * q(w))");
  CHECK(p.node<ast::AxisDeclaration>(0).size->number == 28);
  CHECK(p.node<ast::AxisDeclaration>(1).size->text == "columns");
  CHECK(p.text(p.model.declarations[1].range) == "cols = columns");

  CHECK(p.node<ast::SequenceDeclaration>(2).by.size() == 2);
  CHECK(p.node<ast::SequenceDeclaration>(2).order->text == "time");
  CHECK(p.node<ast::SequenceDeclaration>(3).by.empty());
  CHECK(p.node<ast::SequenceDeclaration>(3).order->text == "when");

  const auto& m = p.node<ast::ParameterDeclaration>(4);
  CHECK(m.type.axes.at(0).text == "2");
  CHECK((m.prior && m.value && m.mask && m.init && !m.fixed));

  const auto& u = p.node<ast::DataDeclaration>(5);
  CHECK((u.given && u.missing && u.binding && u.plate->text == "school"));

  const auto& density = p.node<ast::ProbabilityDeclaration>(6);
  CHECK(density.left.at(0).index->text == "first");
  CHECK(density.left.at(0).offset == 1);
  CHECK_FALSE(density.left.at(1).index);
  CHECK(density.parents.at(0).offset == -1);
  CHECK(p.text(density.parents.at(0).range) == "z[t-1]");

  const auto& net = p.node<ast::NetDeclaration>(7);
  CHECK(net.outputs.at(1).type.axes.at(0).text == "L");
  CHECK(net.body.at(0).target.text == "return");
  CHECK(net.body.at(1).target.text.empty());

  const auto& posterior = p.node<ast::PosteriorDeclaration>(8);
  CHECK(posterior.kind == ast::PosteriorKind::factorisation);
  CHECK(posterior.terms.size() == 2);
  CHECK(p.text(posterior.terms.at(0).range) == "q(z | y)");
  CHECK(posterior.terms.at(1).parents.empty());
}
