#pragma once
// The part of the parse tree that is expressions. Used by build.cpp only.

#include "frontend/ast/ast.h"
#include "frontend/parse/lexed.h"

namespace lvm::syntax {

class ExpressionBuilder {
 public:
  ExpressionBuilder(const Lexed& lexed, Diagnostics& diagnostics)
      : lexed_(lexed), diagnostics_(diagnostics) {}

  ast::ExpressionPtr expression(LvmParser::ExpressionContext* context);
  ast::ExpressionPtr call(const ast::Name& callee, LvmParser::ArgumentsContext* arguments);
  ast::ExpressionPtr call(LvmParser::CallContext* context);

  ast::Name name(antlr4::ParserRuleContext* context) const;
  /// The text of a string without its quotation marks, escapes resolved.
  std::string unquoted(const antlr4::Token* token);
  ast::ExpressionPtr number(const antlr4::Token* token);

 private:
  ast::ExpressionPtr product(LvmParser::ProductContext* context);
  ast::ExpressionPtr unary(LvmParser::UnaryContext* context);
  ast::ExpressionPtr postfix(LvmParser::PostfixContext* context);
  ast::ExpressionPtr suffix(ast::ExpressionPtr base, LvmParser::SuffixContext* context);
  ast::ExpressionPtr primary(LvmParser::PrimaryContext* context);
  ast::Argument argument(LvmParser::ArgumentContext* context);
  ast::Name argument_name(LvmParser::ExpressionContext* context);
  ast::ExpressionPtr binary(ast::ExpressionKind kind, ast::ExpressionPtr left, ast::ExpressionPtr right);
  ast::ExpressionPtr node(ast::ExpressionKind kind, SourceRange range) const;
  void check_chain(size_t operators, SourceRange range);

  const Lexed& lexed_;
  Diagnostics& diagnostics_;
  size_t operators_ = 0;  // of the outermost expression so far: an upper bound of its depth
  bool too_long_ = false;
};

}  // namespace lvm::syntax
