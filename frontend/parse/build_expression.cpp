#include "frontend/parse/build_expression.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace lvm::syntax {
namespace {

constexpr size_t longest_chain = 1000;

ast::ExpressionKind operator_kind(size_t token) {
  switch (token) {
    case LvmLexer::PLUS: return ast::ExpressionKind::add;
    case LvmLexer::MINUS: return ast::ExpressionKind::subtract;
    case LvmLexer::STAR: return ast::ExpressionKind::multiply;
    case LvmLexer::SLASH: return ast::ExpressionKind::divide;
    default: return ast::ExpressionKind::elementwise_multiply;
  }
}

/// The operator between operands `i - 1` and `i` of a chain: children alternate.
size_t operator_before(antlr4::ParserRuleContext* chain, size_t i) {
  return dynamic_cast<antlr4::tree::TerminalNode&>(*chain->children[2 * i - 1]).getSymbol()->getType();
}

}  // namespace

ast::Name ExpressionBuilder::name(antlr4::ParserRuleContext* context) const {
  const SourceRange range = lexed_.range(context);
  return {std::string(lexed_.source().slice(range)), range};
}

ast::ExpressionPtr ExpressionBuilder::node(ast::ExpressionKind kind, SourceRange range) const {
  auto e = std::make_unique<ast::Expression>();
  e->kind = kind;
  e->range = range;
  return e;
}

/// Later stages walk expressions recursively, so their depth is bounded. A chain that is too long is reported
/// once a declaration.
void ExpressionBuilder::check_chain(size_t operators, SourceRange range) {
  operators_ += operators;
  if (operators_ <= longest_chain || too_long_) return;
  too_long_ = true;
  report_some(diagnostics_,
              {.code = Code::expression_too_long,
               .message = fmt::format("more than {} operators in one declaration", longest_chain),
               .range = range,
               .hint = "name its parts with `let`"});
}

ast::ExpressionPtr ExpressionBuilder::binary(ast::ExpressionKind kind, ast::ExpressionPtr left,
                                             ast::ExpressionPtr right) {
  auto e = node(kind, join(left->range, right->range));
  e->children.push_back(std::move(left));
  e->children.push_back(std::move(right));
  return e;
}

ast::ExpressionPtr ExpressionBuilder::expression(LvmParser::ExpressionContext* context) {
  const auto operands = context->product();
  check_chain(operands.size() - 1, lexed_.range(context));
  ast::ExpressionPtr sum = product(operands[0]);
  for (size_t i = 1; i < operands.size() && !too_long_; ++i) {
    sum = binary(operator_kind(operator_before(context, i)), std::move(sum), product(operands[i]));
    sum->range = {lexed_.range(context).begin, lexed_.range(operands[i]).end};
  }
  return sum;
}

ast::ExpressionPtr ExpressionBuilder::product(LvmParser::ProductContext* context) {
  const auto operands = context->unary();
  check_chain(operands.size() - 1, lexed_.range(context));
  ast::ExpressionPtr out = unary(operands[0]);
  for (size_t i = 1; i < operands.size() && !too_long_; ++i) {
    out = binary(operator_kind(operator_before(context, i)), std::move(out), unary(operands[i]));
    out->range = {lexed_.range(context).begin, lexed_.range(operands[i]).end};
  }
  return out;
}

ast::ExpressionPtr ExpressionBuilder::unary(LvmParser::UnaryContext* context) {
  if (context->unary()) {
    auto e = node(ast::ExpressionKind::negate, lexed_.range(context));
    e->children.push_back(unary(context->unary()));
    return e;
  }
  LvmParser::PowerContext* power = context->power();
  ast::ExpressionPtr base = postfix(power->postfix());
  if (!power->unary()) return base;
  ast::ExpressionPtr out = binary(ast::ExpressionKind::power, std::move(base), unary(power->unary()));
  out->range = lexed_.range(context);
  return out;
}

ast::ExpressionPtr ExpressionBuilder::postfix(LvmParser::PostfixContext* context) {
  const auto suffixes = context->suffix();
  check_chain(suffixes.size(), lexed_.range(context));
  ast::ExpressionPtr out = primary(context->primary());
  const uint32_t begin = lexed_.range(context).begin;
  for (size_t i = 0; i < suffixes.size() && !too_long_; ++i) {
    out = suffix(std::move(out), suffixes[i]);
    out->range = {begin, lexed_.range(suffixes[i]).end};
  }
  return out;
}

ast::ExpressionPtr ExpressionBuilder::suffix(ast::ExpressionPtr base, LvmParser::SuffixContext* context) {
  ast::ExpressionPtr e;
  if (context->PRIME()) {
    e = node(ast::ExpressionKind::transpose, base->range);
  } else if (context->DOT()) {
    e = node(ast::ExpressionKind::member, base->range);
    const ast::Name member = name(context->name());
    e->text = member.text;
    e->name_range = member.range;
  } else {
    e = node(ast::ExpressionKind::index, base->range);
  }
  e->children.push_back(std::move(base));
  for (LvmParser::ExpressionContext* index : context->expression()) e->children.push_back(expression(index));
  return e;
}

ast::ExpressionPtr ExpressionBuilder::primary(LvmParser::PrimaryContext* context) {
  if (context->NUMBER()) return number(context->NUMBER()->getSymbol());
  if (context->STRING()) {
    auto e = node(ast::ExpressionKind::string, lexed_.range(context));
    e->text = unquoted(context->STRING()->getSymbol());
    return e;
  }
  if (context->name()) {
    const ast::Name called = name(context->name());
    if (context->arguments()) return call(called, context->arguments());
    auto e = node(ast::ExpressionKind::name, called.range);
    e->text = called.text;
    return e;
  }
  if (context->LPAREN()) return expression(context->expression(0));
  auto e = node(ast::ExpressionKind::list, lexed_.range(context));
  for (LvmParser::ExpressionContext* item : context->expression()) e->children.push_back(expression(item));
  return e;
}

ast::ExpressionPtr ExpressionBuilder::call(const ast::Name& callee, LvmParser::ArgumentsContext* arguments) {
  auto e = node(ast::ExpressionKind::call, {callee.range.begin, lexed_.range(arguments).end});
  e->text = callee.text;
  e->name_range = callee.range;
  for (LvmParser::ArgumentContext* a : arguments->argument()) e->arguments.push_back(argument(a));
  return e;
}

ast::ExpressionPtr ExpressionBuilder::call(LvmParser::CallContext* context) {
  return call(name(context->name()), context->arguments());
}

ast::Argument ExpressionBuilder::argument(LvmParser::ArgumentContext* context) {
  if (LvmParser::RangeContext* named = context->range()) {
    ast::ExpressionPtr value = expression(named->expression(0));
    if (named->RANGE())
      value = binary(ast::ExpressionKind::range, std::move(value), expression(named->expression(1)));
    return {argument_name(context->expression(0)), std::move(value)};
  }
  ast::ExpressionPtr value = expression(context->expression(0));
  if (context->RANGE())
    value = binary(ast::ExpressionKind::range, std::move(value), expression(context->expression(1)));
  return {{}, std::move(value)};
}

/// The grammar takes any expression before `:`, to need no second token of look-ahead.
ast::Name ExpressionBuilder::argument_name(LvmParser::ExpressionContext* context) {
  const SourceRange range = lexed_.range(context);
  if (context->start == context->stop && is_word(context->start->getType())) {
    return {std::string(lexed_.source().slice(range)), range};
  }
  report_some(diagnostics_,
              {.code = Code::unexpected_token,
               .message = fmt::format("`{}` cannot name an argument", lexed_.source().slice(range)),
               .range = range,
               .label = "expected a plain name before `:`"});
  return {"_", range};
}

std::string ExpressionBuilder::unquoted(const antlr4::Token* token) {
  const SourceRange range = lexed_.range(token);
  std::string_view body = lexed_.source().slice(range).substr(1);
  if (body.ends_with('"')) body.remove_suffix(1);
  std::string out;
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\\' && i + 1 < body.size()) {
      const uint32_t at = range.begin + 1 + static_cast<uint32_t>(i);
      ++i;
      if (body[i] != '"' && body[i] != '\\') {
        report_some(diagnostics_, {.code = Code::unknown_escape,
                                   .message = "unknown escape in a string",
                                   .range = {at, at + 2},
                                   .hint = "write `\\\\` for a backslash"});
      }
    }
    out += body[i];
  }
  return out;
}

ast::ExpressionPtr ExpressionBuilder::number(const antlr4::Token* token) {
  auto e = node(ast::ExpressionKind::number, lexed_.range(token));
  e->text = lexed_.text(token);
  const auto [end, error] = std::from_chars(e->text.data(), e->text.data() + e->text.size(), e->number);
  if (error != std::errc()) {
    report_some(diagnostics_, {.code = Code::number_out_of_range,
                               .message = fmt::format("`{}` does not fit a double", e->text),
                               .range = e->range});
  }
  return e;
}

}  // namespace lvm::syntax
