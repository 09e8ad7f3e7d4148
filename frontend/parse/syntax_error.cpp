#include "frontend/parse/syntax_error.h"

#include <fmt/format.h>

#include <algorithm>

namespace lvm::syntax {
namespace {

constexpr size_t longest_quote = 40;
constexpr std::string_view posterior_words = "`exact`, `point`, `auto`, a distribution or `q(…)`";

size_t type_at(const Lexed& lexed, size_t position) {
  return position < lexed.tokens().size() ? lexed.tokens()[position]->getType() : antlr4::Token::EOF;
}

std::string quoted(const Lexed& lexed, size_t position) {
  if (type_at(lexed, position) == antlr4::Token::EOF) return "the end of the file";
  const std::string text = lexed.text(lexed.tokens()[position]);
  if (text.size() > longest_quote)
    return type_at(lexed, position) == LvmLexer::STRING ? "a string" : "a long word";
  return '`' + text + '`';
}

std::string symbol(size_t type) {
  switch (type) {
    case LvmLexer::STRING: return "a string in double quotes";
    case LvmLexer::NUMBER: return "a number";
    case LvmLexer::COMMA: return "`,`";
    case LvmLexer::RPAREN: return "`)`";
    case LvmLexer::RBRACKET: return "`]`";
    case LvmLexer::RBRACE: return "`}`";
    default: break;
  }
  static const LvmParser names(nullptr);
  std::string literal = names.getVocabulary().getLiteralName(type);
  std::replace(literal.begin(), literal.end(), '\'', '`');
  return literal;
}

/// Any name is possible here: say which kind of name, after the innermost rule that is not about names as
/// such.
std::string name_words(const Mismatch& m) {
  static constexpr size_t of_names[] = {LvmParser::RuleName, LvmParser::RuleAssignable,
                                        LvmParser::RulePlainName};
  const auto rule = std::find_if(m.rules.begin(), m.rules.end(), [](size_t r) {
    return std::find(std::begin(of_names), std::end(of_names), r) == std::end(of_names);
  });
  if (rule == m.rules.end()) return "a name";
  switch (*rule) {
    case LvmParser::RulePosteriorValue: return std::string(posterior_words);
    case LvmParser::RuleCall: return "a distribution";
    case LvmParser::RuleType: return "a type";
    case LvmParser::RuleNetOutput: return "a type or `(`";
    case LvmParser::RuleVariable:
    case LvmParser::RuleVariables: return "a variable";
    case LvmParser::RuleTypeAxis: return "an axis";
    case LvmParser::RuleAxisItem: return m.expected.contains(ssize_t(LvmLexer::NUMBER)) ? "a size" : "a name";
    default: return "a name";
  }
}

std::string expected_words(const Mismatch& m) {
  std::vector<std::string> words;
  const auto has = [&](size_t type) { return m.expected.contains(static_cast<ssize_t>(type)); };
  const bool names = has(LvmLexer::ID);
  if (names) words.push_back(has(LvmLexer::STRING) ? "an expression" : name_words(m));
  std::vector<std::string> closers;  // named last, as they would be written
  for (const ssize_t type : m.expected.toList()) {
    if (type <= 0) continue;
    const auto token = static_cast<size_t>(type);
    const bool closer = token == LvmLexer::RPAREN || token == LvmLexer::RBRACKET || token == LvmLexer::RBRACE;
    if (closer) closers.push_back(symbol(token));
    if (!names && !closer) words.push_back(symbol(token));
  }
  words.insert(words.end(), closers.begin(), closers.end());
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

struct Bracket {
  size_t position;
  size_t closer;
};

/// The brackets open at `end`, those of the declaration itself only.
std::vector<Bracket> open_brackets(const Lexed& lexed, size_t begin, size_t end) {
  std::vector<Bracket> open;
  for (size_t i = begin; i < end; ++i) {
    const size_t type = type_at(lexed, i);
    if (type == LvmLexer::LPAREN) open.push_back({i, LvmLexer::RPAREN});
    if (type == LvmLexer::LBRACKET) open.push_back({i, LvmLexer::RBRACKET});
    if (type == LvmLexer::LBRACE) open.push_back({i, LvmLexer::RBRACE});
    if (!open.empty() && type == open.back().closer) open.pop_back();
  }
  return open;
}

std::string keyword_hint(const Lexed& lexed, size_t position, const std::vector<std::string>& words) {
  if (!is_word(type_at(lexed, position))) return {};
  const auto meant = did_you_mean(lexed.text(lexed.tokens()[position]), words);
  return meant ? fmt::format("did you mean `{}`?", *meant) : std::string();
}

bool expects_only(const Mismatch& m, size_t type) {
  return m.expected.size() == 1 && m.expected.contains(static_cast<ssize_t>(type));
}

/// At the right side of `P`, or behind `~`, outside the distribution's arguments.
bool misses_distribution(const Mismatch& m) {
  if (!m.inside(LvmParser::RuleCall)) return false;
  return m.rules[0] == LvmParser::RuleArguments ? expects_only(m, LvmLexer::LPAREN)
                                                : !m.inside(LvmParser::RuleArguments);
}

/// What people write out of habit.
std::string habit_hint(const Lexed& lexed, const Mismatch& m) {
  const size_t found = type_at(lexed, m.position);
  const size_t before = m.position > 0 ? type_at(lexed, m.position - 1) : size_t{LvmLexer::LBRACE};
  const bool of_probability = !m.rules.empty() && (m.rules[0] == LvmParser::RuleProbabilityDeclaration ||
                                                   m.rules[0] == LvmParser::RulePosteriorDeclaration);
  if (found == LvmLexer::TILDE && of_probability) return "write `=`: `~` gives a parameter its prior";
  if (found == LvmLexer::STAR && before == LvmLexer::STAR) return "powers are written `^`";
  if (found == LvmLexer::SLASH && before == LvmLexer::SLASH) return "comments begin with `#`";
  if (found == LvmLexer::ASSIGN && before == LvmLexer::ASSIGN) return "one `=` is enough";
  if (found == LvmLexer::ASSIGN && m.inside(LvmParser::RuleArguments))
    return "arguments are named with `:`, as in `sd: 1`";
  if (found == LvmLexer::COLON && m.inside(LvmParser::RuleFitSetting))
    return "settings are written `name = value`";
  if (expects_only(m, LvmLexer::COLON) && (found == LvmLexer::ASSIGN || found == LvmLexer::TILDE)) {
    return "give its type first, as in `x: real`";
  }
  if (!m.rules.empty() && m.rules[0] == LvmParser::RuleSignature && found == LvmLexer::BAR)
    return "one `|` is enough: parents are separated by commas";
  if (!m.rules.empty() && m.rules[0] == LvmParser::RulePosteriorValue)
    return "a tractable posterior is `exact`; an amortised one is `Normal(mean, sd: …)`";
  if (misses_distribution(m)) return "a distribution stands with its arguments, as in `Normal(mean, sd: 1)`";
  return {};
}

/// `q(z | y) = exat`: the grammar notices behind the word.
bool unknown_posterior(const Mismatch& m) {
  return expects_only(m, LvmLexer::LPAREN) && m.rules.size() > 1 &&
         m.rules[1] == LvmParser::RulePosteriorValue;
}

Diagnostic describe_posterior(const Lexed& lexed, const Mismatch& m) {
  const size_t word = m.position - 1;
  Diagnostic d{.code = Code::unexpected_token,
               .message = fmt::format("expected {}, found {}", posterior_words, quoted(lexed, word)),
               .range = lexed.range(lexed.tokens()[word]),
               .hint = keyword_hint(lexed, word, {"exact", "point", "auto"})};
  if (d.hint.empty()) d.hint = "an amortised posterior is a distribution, such as `Normal(mean, sd: s)`";
  return d;
}

SourceRange after(const Lexed& lexed, size_t position) {
  const uint32_t end = lexed.range(lexed.tokens()[position]).end;
  return {end, end};
}

/// A token on a later line is seldom the culprit: the place is the end of what stands before it.
void place(Diagnostic& d, const Lexed& lexed, size_t position) {
  const bool moved = position > 0 && lexed.first_on_line(position);
  d.range = moved ? after(lexed, position - 1) : lexed.range(lexed.tokens()[position]);
}

void label_bracket(Diagnostic& d, const Lexed& lexed, const Bracket& bracket) {
  const antlr4::Token* token = lexed.tokens()[bracket.position];
  d.labels.push_back({lexed.range(token), fmt::format("this `{}` is not closed", lexed.text(token))});
}

}  // namespace

bool Mismatch::inside(size_t rule) const {
  return std::find(rules.begin(), rules.end(), rule) != rules.end();
}

bool begins_declaration(const Lexed& lexed, size_t position) {
  const size_t type = type_at(lexed, position);
  const size_t next = type_at(lexed, position + 1);
  const bool first = lexed.first_on_line(position);
  const bool together = !lexed.first_on_line(position + 1);  // with the token after it
  if (type >= LvmLexer::AXIS && type <= LvmLexer::NET) {
    const bool slip = next == LvmLexer::NUMBER || next == LvmLexer::STRING || next == LvmLexer::COLON;
    return is_word(next) ? first || together : first && slip;
  }
  if (type == LvmLexer::FIT) return next == LvmLexer::LBRACE;
  if (type == LvmLexer::PROBABILITY || type == LvmLexer::POSTERIOR) {
    const size_t before = position > 0 ? type_at(lexed, position - 1) : size_t{LvmLexer::LBRACE};
    return next == LvmLexer::LPAREN && first && before != LvmLexer::STAR && before != LvmLexer::ASSIGN;
  }
  // A keyword that is spelt wrong: two words at the beginning of a line, then `:` or `=`.
  const size_t third = type_at(lexed, position + 2);
  return is_word(type) && is_word(next) && first && together &&
         (third == LvmLexer::COLON || third == LvmLexer::ASSIGN);
}

bool begins_statement(const Lexed& lexed, size_t position) {
  if (begins_declaration(lexed, position)) return true;
  if (position == 0 || !is_word(type_at(lexed, position)) || !lexed.first_on_line(position)) return false;
  const size_t before = type_at(lexed, position - 1);
  const bool ended = is_word(before) || before == LvmLexer::NUMBER || before == LvmLexer::STRING ||
                     before == LvmLexer::RPAREN || before == LvmLexer::RBRACKET || before == LvmLexer::RBRACE;
  const size_t next = type_at(lexed, position + 1);
  return ended && (next == LvmLexer::ASSIGN || next == LvmLexer::TILDE ||
                   (is_word(next) && !lexed.first_on_line(position + 1)));
}

bool swallows_keyword(const Lexed& lexed, size_t position, size_t declaration) {
  return position > declaration + 1 && lexed.first_on_line(position - 1) &&
         begins_declaration(lexed, position - 1);
}

Diagnostic describe(const Lexed& lexed, const Mismatch& mismatch, size_t declaration) {
  if (unknown_posterior(mismatch)) return describe_posterior(lexed, mismatch);
  Diagnostic d{.code = Code::unexpected_token, .message = ""};
  const bool swallowed = swallows_keyword(lexed, mismatch.position, declaration);
  const size_t position = mismatch.position - (swallowed ? 1 : 0);
  const auto open = open_brackets(lexed, declaration, position);
  if (swallowed) {
    const std::string expected = open.empty() ? "the rest of the declaration" : symbol(open.back().closer);
    d.message = fmt::format("expected {}, found {}", expected, quoted(lexed, position));
  } else {
    d.message = fmt::format("expected {}, found {}", expected_words(mismatch), quoted(lexed, position));
    d.hint = habit_hint(lexed, mismatch);
  }
  place(d, lexed, position);
  const bool closer_expected =
      !open.empty() && (swallowed || mismatch.expected.contains(static_cast<ssize_t>(open.back().closer)));
  const bool cut_off =
      begins_declaration(lexed, position) || type_at(lexed, position) == antlr4::Token::EOF ||
      type_at(lexed, position) == LvmLexer::RBRACE || type_at(lexed, position) == LvmLexer::ASSIGN;
  if (closer_expected && cut_off) {
    label_bracket(d, lexed, open.back());
    if (d.hint.empty()) d.hint = fmt::format("is a {} missing?", symbol(open.back().closer));
  }
  return d;
}

namespace {

const std::vector<std::string>& keywords() {
  static const std::vector<std::string> words = {"axis",  "const",    "data",   "given", "weight", "plate",
                                                 "param", "sequence", "latent", "let",   "net",    "fit"};
  return words;
}

/// Words for the same things in other languages, too far from ours for their spelling to tell.
std::string synonym(const std::string& word) {
  static constexpr std::pair<std::string_view, std::string_view> synonyms[] = {
      {"parameter", "param"},
      {"parameters", "param"},
      {"observed", "data"},
      {"observe", "data"},
      {"hidden", "latent"},
      {"variable", "latent"},
      {"random", "latent"},
      {"covariate", "given"},
      {"input", "given"},
      {"dim", "axis"},
      {"size", "axis"},
      {"hyper", "const"},
      {"network", "net"},
      {"function", "net"},
      {"def", "net"},
      {"var", "let"},
      {"val", "let"},
      {"group", "plate"},
      {"series", "sequence"},
      {"settings", "fit"},
      {"weights", "weight"},
      {"real", "param"},
      {"int", "const"},
      {"p", "P"},
      {"Q", "q"},
  };
  for (const auto& [theirs, ours] : synonyms) {
    if (theirs == word) return std::string(ours);
  }
  return {};
}

/// Clauses that may follow a declaration, by its first token.
std::vector<std::string> clauses(size_t first) {
  switch (first) {
    case LvmLexer::DATA:
    case LvmLexer::GIVEN: return {"missing", "per"};
    case LvmLexer::PARAM: return {"fixed", "init", "mask"};
    case LvmLexer::LATENT: return {"global", "per"};
    case LvmLexer::SEQUENCE: return {"by", "order"};
    case LvmLexer::AXIS: return {"columns", "levels"};
    default: return {};
  }
}

std::string after_declaration_hint(size_t first, size_t found) {
  if (first == LvmLexer::LATENT && (found == LvmLexer::TILDE || found == LvmLexer::ASSIGN)) {
    return "the distribution of a latent is declared by `P(z) = …`; `~` gives a parameter its prior";
  }
  if ((first == LvmLexer::DATA || first == LvmLexer::GIVEN) && found == LvmLexer::TILDE) {
    return "the distribution of data is declared by `P(y | …) = …`; `~` gives a parameter its prior";
  }
  if (first == LvmLexer::AXIS) return "a size is a whole number, `columns` or `levels`";
  return {};
}

std::string statement_hint(const Lexed& lexed, size_t position) {
  const std::string word = lexed.text(lexed.tokens()[position]);
  const size_t next = type_at(lexed, position + 1);
  const bool block = next == LvmLexer::LPAREN || is_word(next);
  if (block && (word == "for" || word == "while" || word == "if"))
    return "there is no control flow: one table row is one observation";
  if (const std::string ours = synonym(word); !ours.empty()) return fmt::format("did you mean `{}`?", ours);
  if (next == LvmLexer::TILDE)
    return fmt::format("a distribution is declared by `P({} | …) = …`; `~` gives a parameter its prior",
                       word);
  if (next == LvmLexer::ASSIGN) {
    return fmt::format("write `let {} = …` to name an expression", word);
  }
  return keyword_hint(lexed, position, keywords());
}

}  // namespace

Diagnostic describe_stray_declaration(const Lexed& lexed, size_t position, std::optional<size_t> previous) {
  Diagnostic d{.code = Code::unknown_declaration,
               .message = fmt::format("expected a declaration or `}}`, found {}", quoted(lexed, position)),
               .range = lexed.range(lexed.tokens()[position])};
  const size_t found = type_at(lexed, position);
  const size_t first = previous ? type_at(lexed, *previous) : size_t{antlr4::Token::EOF};
  if (previous && swallows_keyword(lexed, position, *previous)) {
    d.code = Code::unexpected_token;
    d.message = fmt::format("expected the rest of the declaration, found {}", quoted(lexed, position - 1));
    place(d, lexed, position - 1);
    return d;
  }
  const bool bracket = found == LvmLexer::RPAREN || found == LvmLexer::RBRACKET;
  const bool continues = previous && !bracket && !lexed.first_on_line(position);
  if (continues) {
    d.code = Code::unexpected_token;
    d.message = fmt::format("{} does not continue the declaration", quoted(lexed, position));
    d.labels.push_back({lexed.range(lexed.tokens()[*previous]), "of this declaration"});
    d.hint = keyword_hint(lexed, position, clauses(first));
    if (d.hint.empty()) d.hint = after_declaration_hint(first, found);
  }
  if (bracket) {
    d.code = Code::unexpected_token;
    d.message = fmt::format("{} closes nothing", quoted(lexed, position));
  }
  if (d.hint.empty() && found == LvmLexer::SLASH && type_at(lexed, position + 1) == LvmLexer::SLASH)
    d.hint = "comments begin with `#`";
  if (d.hint.empty() && is_word(found)) d.hint = statement_hint(lexed, position);
  return d;
}

}  // namespace lvm::syntax
