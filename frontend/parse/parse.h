#pragma once
// parse: text -> syntax tree. The only user of ANTLR. Refuses invalid UTF-8, files over 4 MB and deep nesting
// before the grammar runs.

#include <optional>

#include "frontend/ast/ast.h"
#include "frontend/diagnostics/diagnostic.h"

namespace lvm {

/// None when the text has syntax errors; they are in `diagnostics`.
std::optional<ast::ModelFile> parse(const SourceFile& source, Diagnostics& diagnostics);

}  // namespace lvm
