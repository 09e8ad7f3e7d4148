#pragma once
// The tokens of one file. This header brings ANTLR in: only the sources of this folder include it.

#include <antlr4-runtime.h>

#include <vector>

// ANTLR 4.7 writes `;;` where a rule has labels.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include "LvmLexer.h"
#include "LvmParser.h"
#pragma GCC diagnostic pop
#include "frontend/diagnostics/diagnostic.h"

namespace lvm::syntax {

/// Tokens with byte ranges; ANTLR itself counts in code points.
class Lexed {
 public:
  explicit Lexed(const SourceFile& source);

  antlr4::CommonTokenStream& stream() { return stream_; }
  /// The tokens that the parser sees, the end of the file last.
  const std::vector<antlr4::Token*>& tokens() const { return tokens_; }
  /// Position in `tokens()` of a token of the stream.
  size_t position(const antlr4::Token* token) const { return position_[token->getTokenIndex()]; }

  const SourceFile& source() const { return source_; }
  SourceRange range(const antlr4::Token* token) const;
  SourceRange range(const antlr4::ParserRuleContext* context) const;
  std::string text(const antlr4::Token* token) const { return std::string(source_.slice(range(token))); }

  bool adjacent(const antlr4::Token* a, const antlr4::Token* b) const {
    return range(a).end == range(b).begin;
  }
  bool first_on_line(size_t position) const;

  /// Strays, strings, numbers, nesting. What is wrong is reported and taken out, so that the parser can go
  /// on; false when it must not.
  bool check(Diagnostics& diagnostics);

 private:
  void check_token(size_t index, Diagnostics& diagnostics);
  void check_point(size_t index, Diagnostics& diagnostics);
  void check_number_end(size_t index, Diagnostics& diagnostics);
  bool check_nesting(Diagnostics& diagnostics) const;
  void hide(size_t index);
  void select();

  const SourceFile& source_;
  antlr4::ANTLRInputStream input_;
  LvmLexer lexer_;
  antlr4::CommonTokenStream stream_;
  std::vector<uint32_t> offsets_;  // byte offset of each code point, and of the end
  std::vector<antlr4::Token*> tokens_;
  std::vector<size_t> position_;
};

constexpr size_t most_errors = 50;  // of one file: more do not help, and hostile text could hold millions

/// Reports unless the file has errors enough already.
inline void report_some(Diagnostics& diagnostics, Diagnostic d) {
  if (diagnostics.error_count() < most_errors) diagnostics.report(std::move(d));
}

/// True for names and for keywords, which may also be names.
bool is_word(size_t token_type);

}  // namespace lvm::syntax
