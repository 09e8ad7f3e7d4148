#pragma once
// What is refused before any token is read: too much text, bytes that are not UTF-8, characters that cannot
// be seen.

#include "frontend/diagnostics/diagnostic.h"

namespace lvm::syntax {

/// False when the text must not reach the lexer; the reasons are in `diagnostics`.
bool check_text(const SourceFile& source, Diagnostics& diagnostics);

}  // namespace lvm::syntax
