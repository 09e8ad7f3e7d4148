#include "frontend/parse/lexed.h"

#include <fmt/format.h>

#include "frontend/diagnostics/utf8.h"

namespace lvm::syntax {
namespace {

constexpr size_t deepest = 256;

std::string_view without_mark(const SourceFile& source) {
  return source.text().substr(source.line_begin(1));
}

/// Characters that word processors and habits from other languages bring in.
std::string_view stray_hint(std::string_view text) {
  struct Slip {
    std::string_view text, hint;
  };
  static constexpr Slip slips[] = {
      {";", "declarations need no `;`: the next one begins where its keyword stands"},
      {"\xE2\x80\x9C", "strings stand in straight quotation marks: \"name\""},
      {"\xE2\x80\x9D", "strings stand in straight quotation marks: \"name\""},
      {"\xE2\x88\x92", "write `-`"},
      {"\xC3\x97", "write `*`"},
      {"\xC2\xB7", "write `*`"},
      {"\xE2\x80\x99", "transposition is written with a straight `'`"},
      {"\xC2\xA0", "this is a no-break space: write a space"},
      {"<", "there are no comparisons; what a name stands for follows `=`"},
      {"@", "elementwise products are `.*`, matrix products `*`"},
      {"!", "there is no logic in a model"},
      {"&", "there is no logic in a model"},
      {"%", "comments begin with `#`"},
  };
  for (const Slip& slip : slips) {
    if (slip.text == text) return slip.hint;
  }
  return {};
}

bool ends_operand(size_t type) {
  return is_word(type) || type == LvmLexer::NUMBER || type == LvmLexer::STRING || type == LvmLexer::RPAREN ||
         type == LvmLexer::RBRACKET || type == LvmLexer::PRIME;
}

}  // namespace

bool is_word(size_t type) {
  return type == LvmLexer::ID || (type >= LvmLexer::MODEL && type <= LvmLexer::AUTO);
}

Lexed::Lexed(const SourceFile& source)
    : source_(source), input_(std::string(without_mark(source))), lexer_(&input_), stream_(&lexer_) {
  lexer_.removeErrorListeners();  // STRAY takes every character, so the lexer itself never fails
  for (size_t i = source.line_begin(1); i < source.text().size();
       i += utf8::decode(source.text(), i).length) {
    offsets_.push_back(static_cast<uint32_t>(i));
  }
  offsets_.push_back(static_cast<uint32_t>(source.text().size()));
  stream_.fill();
  select();
}

void Lexed::select() {
  tokens_.clear();
  position_.clear();
  for (antlr4::Token* token : stream_.getTokens()) {
    position_.push_back(tokens_.size());
    if (token->getChannel() == antlr4::Token::DEFAULT_CHANNEL) tokens_.push_back(token);
  }
}

SourceRange Lexed::range(const antlr4::Token* token) const {
  if (token->getType() == antlr4::Token::EOF) return {offsets_.back(), offsets_.back()};
  return {offsets_[token->getStartIndex()], offsets_[token->getStopIndex() + 1]};
}

SourceRange Lexed::range(const antlr4::ParserRuleContext* context) const {
  return {range(context->start).begin, range(context->stop).end};
}

bool Lexed::first_on_line(size_t position) const {
  return position == 0 || position >= tokens_.size() ||
         tokens_[position - 1]->getLine() < tokens_[position]->getLine();
}

void Lexed::hide(size_t index) {
  dynamic_cast<antlr4::WritableToken&>(*stream_.get(index)).setChannel(antlr4::Token::HIDDEN_CHANNEL);
}

bool Lexed::check(Diagnostics& diagnostics) {
  for (size_t i = 0; i < stream_.size(); ++i) check_token(i, diagnostics);
  select();
  return check_nesting(diagnostics);
}

void Lexed::check_token(size_t index, Diagnostics& diagnostics) {
  antlr4::Token* token = stream_.get(index);
  const std::string written = text(token);
  if (token->getType() == LvmLexer::STRAY) {
    const bool continues_run = index > 0 && stream_.get(index - 1)->getType() == LvmLexer::STRAY &&
                               adjacent(stream_.get(index - 1), token);
    if (continues_run) return;  // one report for a run of them
    report_some(diagnostics,
                {.code = Code::unexpected_character,
                 .message = written == "\xC2\xA0" ? "unexpected character U+00A0"
                                                  : fmt::format("unexpected character `{}`", written),
                 .range = range(token),
                 .hint = std::string(stray_hint(written))});
  } else if (token->getType() == LvmLexer::UNCLOSED_STRING) {
    report_some(
        diagnostics,
        {.code = Code::string_not_closed, .message = "the string is not closed", .range = range(token)});
    dynamic_cast<antlr4::WritableToken&>(*token).setType(LvmLexer::STRING);
  } else if (token->getType() == LvmLexer::DOT) {
    check_point(index, diagnostics);
  } else if (token->getType() == LvmLexer::NUMBER && token->getChannel() == antlr4::Token::DEFAULT_CHANNEL) {
    check_number_end(index, diagnostics);
  }
}

/// `.5`
void Lexed::check_point(size_t index, Diagnostics& diagnostics) {
  const antlr4::Token* point = stream_.get(index);
  const antlr4::Token* next = stream_.get(index + 1);
  if (point->getChannel() != antlr4::Token::DEFAULT_CHANNEL) return;
  if (next->getType() != LvmLexer::NUMBER || !adjacent(point, next)) return;
  if (index > 0 && ends_operand(stream_.get(index - 1)->getType()) && adjacent(stream_.get(index - 1), point))
    return;
  report_some(diagnostics, {.code = Code::malformed_number,
                            .message = fmt::format("`.{}` lacks a digit before the point", text(next)),
                            .range = {range(point).begin, range(next).end},
                            .hint = fmt::format("write `0.{}`", text(next))});
  hide(index);
}

/// `1.`, `1.e5`, `1.2.3`, `2x`, `1e`: whatever sticks to the end of a number is reported with it and passed
/// over.
void Lexed::check_number_end(size_t index, Diagnostics& diagnostics) {
  const antlr4::Token* number = stream_.get(index);
  const antlr4::Token* next = stream_.get(index + 1);
  const bool point = next->getType() == LvmLexer::DOT;
  if (!adjacent(number, next) || (!point && !is_word(next->getType()))) return;
  size_t last = index + 1;
  while (
      adjacent(stream_.get(last), stream_.get(last + 1)) &&
      (is_word(stream_.get(last + 1)->getType()) || stream_.get(last + 1)->getType() == LvmLexer::NUMBER)) {
    ++last;
  }
  const SourceRange whole{range(number).begin, range(stream_.get(last)).end};
  Diagnostic d{.code = Code::malformed_number, .message = "", .range = whole};
  if (point && last == index + 1) {
    d.message = fmt::format("`{}.` lacks a digit after the point", text(number));
    d.hint = fmt::format("write `{}.0`", text(number));
  } else {
    d.message = fmt::format("`{}` is neither a number nor a name", source_.slice(whole));
    if (!point)
      d.hint =
          fmt::format("a product is written `{} * {}`; names begin with a letter", text(number), text(next));
  }
  report_some(diagnostics, std::move(d));
  for (size_t i = index + 1; i <= last; ++i) hide(i);
}

/// The parser recurses in brackets, in prefix minus and in `^`: their depth is bounded here, before it runs.
/// An operator after an operand ends a chain of `^` and `-`; where the text is wrong the count errs to the
/// high side.
bool Lexed::check_nesting(Diagnostics& diagnostics) const {
  struct Level {
    size_t closer;
    size_t chain;
  };
  std::vector<Level> open;
  size_t depth = 0;
  size_t chain = 0;
  size_t before = LvmLexer::LBRACE;
  for (const antlr4::Token* token : tokens_) {
    const size_t type = token->getType();
    const bool operand = ends_operand(before);
    if (type == LvmLexer::LPAREN || type == LvmLexer::LBRACKET) {
      open.push_back({type == LvmLexer::LPAREN ? LvmLexer::RPAREN : LvmLexer::RBRACKET, chain});
      depth += chain + 1;
      chain = 0;
    } else if (!open.empty() && type == open.back().closer) {
      chain = open.back().chain;
      depth -= chain + 1;
      open.pop_back();
    } else if (type == LvmLexer::CARET || (type == LvmLexer::MINUS && !operand)) {
      ++chain;
    } else if (operand && !ends_operand(type) && type != LvmLexer::DOT && type != LvmLexer::PRIME) {
      chain = 0;
    } else if (operand && is_word(type) && before != LvmLexer::DOT) {
      chain = 0;  // two operands side by side: a new declaration or setting
    }
    if (depth + chain > deepest) {
      report_some(diagnostics, {.code = Code::nested_too_deeply,
                                .message = fmt::format("more than {} levels of nesting", deepest),
                                .range = range(token),
                                .hint = "name the inner parts with `let`"});
      return false;
    }
    before = type;
  }
  return true;
}

}  // namespace lvm::syntax
