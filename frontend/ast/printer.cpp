#include <fmt/format.h>

#include <string_view>

#include "frontend/ast/ast.h"

namespace lvm::ast {
namespace {

/// How tightly an expression binds; a child that binds less tightly than its place requires is put in
/// parentheses.
enum Binding : int { argument = 0, sum = 1, product = 2, negation = 3, power = 4, postfix = 5, primary = 6 };

int binding(const Expression& e) {
  switch (e.kind) {
    case ExpressionKind::range: return argument;
    case ExpressionKind::add:
    case ExpressionKind::subtract: return sum;
    case ExpressionKind::multiply:
    case ExpressionKind::divide:
    case ExpressionKind::elementwise_multiply: return product;
    case ExpressionKind::negate: return negation;
    case ExpressionKind::power: return power;
    case ExpressionKind::index:
    case ExpressionKind::member:
    case ExpressionKind::transpose: return postfix;
    case ExpressionKind::number:
    case ExpressionKind::string:
    case ExpressionKind::name:
    case ExpressionKind::call:
    case ExpressionKind::list: return primary;
  }
  return primary;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

template <class Items, class Print>
std::string separated(const Items& items, Print&& print_item) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += ", ";
    out += print_item(item);
  }
  return out;
}

std::string inside(const Expression& e, int least) {
  return binding(e) < least ? '(' + print(e) + ')' : print(e);
}

std::string infix(const Expression& e, std::string_view op, int left, int right) {
  return fmt::format("{}{}{}", inside(*e.children[0], left), op, inside(*e.children[1], right));
}

std::string print_argument(const Argument& a) {
  return a.name.text.empty() ? print(*a.value) : fmt::format("{}: {}", a.name.text, print(*a.value));
}

/// What `.`, `'` or `[` follows: a number there would swallow the point.
std::string base(const Expression& e) {
  return e.kind == ExpressionKind::number ? '(' + e.text + ')' : inside(e, postfix);
}

std::string print_index(const Expression& e) {
  std::string indices;
  for (size_t i = 1; i < e.children.size(); ++i) indices += (i > 1 ? ", " : "") + print(*e.children[i]);
  return fmt::format("{}[{}]", base(*e.children[0]), indices);
}

std::string names(const std::vector<Name>& list) {
  return separated(list, [](const Name& n) { return n.text; });
}

std::string print_type(const TypeSyntax& t) {
  return t.axes.empty() ? t.name.text : fmt::format("{}[{}]", t.name.text, names(t.axes));
}

std::string print_variable(const VariableReference& v) {
  if (!v.index) return v.name.text;
  if (v.offset == 0) return fmt::format("{}[{}]", v.name.text, v.index->text);
  return fmt::format("{}[{}{:+}]", v.name.text, v.index->text, v.offset);
}

std::string signature(const std::vector<VariableReference>& left,
                      const std::vector<VariableReference>& parents) {
  const std::string head = separated(left, print_variable);
  return parents.empty() ? fmt::format("({})", head)
                         : fmt::format("({} | {})", head, separated(parents, print_variable));
}

std::string print_parameters(const std::vector<NetParameter>& list) {
  return separated(
      list, [](const NetParameter& p) { return fmt::format("{}: {}", p.name.text, print_type(p.type)); });
}

std::string columns(const std::vector<Name>& list) {
  return separated(list, [](const Name& n) { return quoted(n.text); });
}

std::string posterior_value(const PosteriorDeclaration& d) {
  switch (d.kind) {
    case PosteriorKind::exact: return "exact";
    case PosteriorKind::point: return "point";
    case PosteriorKind::automatic: return "auto";
    case PosteriorKind::distribution: return print(*d.distribution);
    case PosteriorKind::factorisation: break;
  }
  std::string out;
  for (const PosteriorTerm& term : d.terms)
    out += (out.empty() ? "q" : " * q") + signature(term.left, term.parents);
  return out;
}

struct Printer {
  std::string operator()(const AxisDeclaration& d) const {
    return fmt::format("axis {} = {}", d.name.text, print(*d.size));
  }
  std::string operator()(const ConstDeclaration& d) const {
    return fmt::format("const {}: {} = {}", d.name.text, print_type(d.type), print(*d.value));
  }
  std::string operator()(const DataDeclaration& d) const {
    std::string out = fmt::format("{} {}: {}", d.given ? "given" : "data", d.name.text, print_type(d.type));
    if (d.binding) out += " = " + print(*d.binding);
    if (d.missing) out += " missing";
    if (d.plate) out += " per " + d.plate->text;
    return out;
  }
  std::string operator()(const WeightDeclaration& d) const {
    return "weight " + d.name.text + (d.binding ? " = " + print(*d.binding) : "");
  }
  std::string operator()(const PlateDeclaration& d) const {
    return fmt::format("plate {} = by({})", d.name.text, columns(d.columns));
  }
  std::string operator()(const SequenceDeclaration& d) const {
    std::string out = "sequence " + d.name.text;
    if (!d.by.empty()) out += " by " + columns(d.by);
    if (d.order) out += " order " + quoted(d.order->text);
    return out;
  }
  std::string operator()(const ParameterDeclaration& d) const {
    std::string out = fmt::format("param {}: {}", d.name.text, print_type(d.type));
    if (d.prior) out += " ~ " + print(*d.prior);
    if (d.value) out += " = " + print(*d.value);
    if (d.fixed) out += " fixed";
    if (d.init) out += " init";
    if (d.mask) out += " mask " + print(*d.mask);
    return out;
  }
  std::string operator()(const LatentDeclaration& d) const {
    std::string out = fmt::format("latent {}: {}", d.name.text, print_type(d.type));
    if (d.plate) out += " per " + d.plate->text;
    if (d.global) out += " global";
    return out;
  }
  std::string operator()(const LetDeclaration& d) const {
    return fmt::format("let {} = {}", d.name.text, print(*d.value));
  }
  std::string operator()(const NetDeclaration& d) const {
    const std::string output =
        d.single_output ? print_type(*d.single_output) : '(' + print_parameters(d.outputs) + ')';
    std::string out =
        fmt::format("net {}({}) -> {} {{\n", d.name.text, print_parameters(d.parameters), output);
    for (const NetStatement& s : d.body) {
      out += s.target.text.empty() ? "    return " : fmt::format("    {} = ", s.target.text);
      out += print(*s.value) + '\n';
    }
    return out + "  }";
  }
  std::string operator()(const ProbabilityDeclaration& d) const {
    return fmt::format("P{} = {}", signature(d.left, d.parents), print(*d.distribution));
  }
  std::string operator()(const PosteriorDeclaration& d) const {
    return fmt::format("q{} = {}", signature(d.left, d.parents), posterior_value(d));
  }
  std::string operator()(const FitDeclaration& d) const {
    const auto setting = [](const FitSetting& s) {
      return fmt::format("{} = {}", s.name.text, print(*s.value));
    };
    return d.settings.empty() ? "fit {}" : fmt::format("fit {{ {} }}", separated(d.settings, setting));
  }
};

}  // namespace

std::string print(const Expression& e) {
  switch (e.kind) {
    case ExpressionKind::number:
    case ExpressionKind::name: return e.text;
    case ExpressionKind::string: return quoted(e.text);
    case ExpressionKind::call: return fmt::format("{}({})", e.text, separated(e.arguments, print_argument));
    case ExpressionKind::index: return print_index(e);
    case ExpressionKind::member: return fmt::format("{}.{}", base(*e.children[0]), e.text);
    case ExpressionKind::transpose: return base(*e.children[0]) + '\'';
    case ExpressionKind::negate: return '-' + inside(*e.children[0], negation);
    case ExpressionKind::add: return infix(e, " + ", sum, product);
    case ExpressionKind::subtract: return infix(e, " - ", sum, product);
    case ExpressionKind::multiply: return infix(e, " * ", product, negation);
    case ExpressionKind::divide: return infix(e, " / ", product, negation);
    case ExpressionKind::elementwise_multiply: return infix(e, " .* ", product, negation);
    case ExpressionKind::power: return infix(e, "^", postfix, negation);
    case ExpressionKind::range: return infix(e, "..", sum, sum);
    case ExpressionKind::list:
      return fmt::format("[{}]",
                         separated(e.children, [](const ExpressionPtr& item) { return print(*item); }));
  }
  return {};
}

std::string print(const ModelFile& model) {
  std::string out = fmt::format("model {} {{\n", model.name.text);
  for (const Declaration& declaration : model.declarations) {
    out += "  " + std::visit(Printer{}, declaration.node) + '\n';
  }
  return out + "}\n";
}

}  // namespace lvm::ast
