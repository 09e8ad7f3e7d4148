#pragma once
// Parse tree -> syntax tree, one declaration at a time.

#include <vector>

#include "frontend/ast/ast.h"
#include "frontend/parse/lexed.h"

namespace lvm::syntax {

ast::Name build_name(const Lexed& lexed, LvmParser::NameContext* context);

/// The declarations of one parsed `declaration`: several for `axis rows = 28, cols = 28`. Whatever the
/// grammar leaves to be checked is reported here: whole numbers, repeated clauses, escapes, the length of
/// expressions.
std::vector<ast::Declaration> build_declaration(const Lexed& lexed, LvmParser::DeclarationContext* context,
                                                Diagnostics& diagnostics);

}  // namespace lvm::syntax
