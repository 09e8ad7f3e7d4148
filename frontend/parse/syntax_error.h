#pragma once
// The words of a syntax error: what was expected, what was found, and what was probably meant.

#include "frontend/parse/lexed.h"

namespace lvm::syntax {

/// Where the grammar gave up: the token, what could have stood there, and the rules that were open (innermost
/// first).
struct Mismatch {
  size_t position = 0;  // in Lexed::tokens()
  antlr4::misc::IntervalSet expected = {};
  std::vector<size_t> rules = {};

  bool inside(size_t rule) const;
};

/// `declaration` is the position of the first token of the declaration that failed.
Diagnostic describe(const Lexed& lexed, const Mismatch& mismatch, size_t declaration);

/// A token that stands where a declaration should begin; `previous` is the declaration's first token before
/// it, or none.
Diagnostic describe_stray_declaration(const Lexed& lexed, size_t position, std::optional<size_t> previous);

/// True where a declaration may begin, whatever stands around it: used to go on after an error.
bool begins_declaration(const Lexed& lexed, size_t position);

/// The same outside braces, where a line that begins with words is meant as a declaration even if it is none.
bool begins_statement(const Lexed& lexed, size_t position);

/// `real[K, ⏎ param cov: …`: a keyword before `position` was taken for a name of the unfinished declaration.
bool swallows_keyword(const Lexed& lexed, size_t position, size_t declaration);

}  // namespace lvm::syntax
