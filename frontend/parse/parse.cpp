#include "frontend/parse/parse.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/parse/build.h"
#include "frontend/parse/syntax_error.h"
#include "frontend/parse/text_checks.h"

namespace lvm {
namespace syntax {
namespace {

/// Thrown out of ANTLR's rules at the first error of a declaration.
struct Stop {};

/// ANTLR's own recovery inserts and deletes tokens and then reports what follows from that. We stop instead,
/// note what was expected, and go on at the next declaration.
class FirstError : public antlr4::DefaultErrorStrategy {
 public:
  explicit FirstError(const Lexed& lexed) : lexed_(lexed) {}
  const Mismatch& mismatch() const { return mismatch_; }

  void reportError(antlr4::Parser*, const antlr4::RecognitionException& e) override {
    mismatch_ = {lexed_.position(e.getOffendingToken()), e.getExpectedTokens(), {}};
    for (auto* context = dynamic_cast<antlr4::RuleContext*>(e.getCtx()); context;
         context = dynamic_cast<antlr4::RuleContext*>(context->parent)) {
      mismatch_.rules.push_back(context->getRuleIndex());
    }
  }
  void recover(antlr4::Parser*, std::exception_ptr) override { throw Stop{}; }
  antlr4::Token* recoverInline(antlr4::Parser* parser) override {
    throw antlr4::InputMismatchException(parser);
  }

  /// Fails at the head of a loop or option rather than behind it, where fewer of the possible tokens are
  /// known.
  void sync(antlr4::Parser* parser) override {
    const auto& atn = parser->getInterpreter<antlr4::atn::ParserATNSimulator>()->atn;
    const antlr4::misc::IntervalSet next = atn.nextTokens(atn.states[parser->getState()]);
    const auto token = static_cast<ssize_t>(parser->getTokenStream()->LA(1));
    if (!next.contains(antlr4::Token::EPSILON) && !next.contains(token))
      throw antlr4::InputMismatchException(parser);
  }

 private:
  const Lexed& lexed_;
  Mismatch mismatch_;
};

/// Reads the file declaration by declaration, so that an error costs one of them.
class Reader {
 public:
  /// `diagnostics` has what the lexical checks found.
  Reader(Lexed& lexed, Diagnostics& diagnostics)
      : lexed_(lexed), diagnostics_(diagnostics), lexical_(diagnostics.sorted()) {}

  ast::ModelFile read() {
    header();
    while (diagnostics_.error_count() < most_errors) {
      const size_t type = type_at(at_);
      if (type == antlr4::Token::EOF) return unclosed();
      if (type == LvmLexer::RBRACE) {
        if (closes_model()) return std::move(model_);
      } else if (is_declaration_keyword(type)) {
        declaration();
      } else {
        stray();
      }
    }
    return std::move(model_);
  }

 private:
  size_t type_at(size_t position) const { return lexed_.tokens()[std::min(position, end())]->getType(); }
  SourceRange range_at(size_t position) const {
    return lexed_.range(lexed_.tokens()[std::min(position, end())]);
  }
  size_t end() const { return lexed_.tokens().size() - 1; }

  static bool is_declaration_keyword(size_t type) {
    return (type >= LvmLexer::AXIS && type <= LvmLexer::POSTERIOR);
  }

  /// Runs one rule of the grammar from `at_`; null after an error. On success `at_` stands behind it.
  template <class Rule, class Use>
  void run(Rule&& rule, Use&& use) {
    lexed_.stream().seek(lexed_.tokens()[at_]->getTokenIndex());
    LvmParser parser(&lexed_.stream());  // a new one each time: it owns the parse tree
    parser.removeErrorListeners();
    const auto strategy = std::make_shared<FirstError>(lexed_);
    parser.setErrorHandler(strategy);
    const size_t begin = at_;
    try {
      auto* context = rule(parser);
      at_ = lexed_.position(lexed_.stream().LT(1));
      use(context);
    } catch (const Stop&) {
      const size_t position = strategy->mismatch().position;
      report(describe(lexed_, strategy->mismatch(), begin), begin);
      recover(begin,
              swallows_keyword(lexed_, position, begin) ? position - 1 : std::max(position, begin + 1));
    }
  }

  /// A token between declarations that begins none.
  void stray() {
    const size_t begin = previous_.value_or(at_);
    const bool swallowed = swallows_keyword(lexed_, at_, begin);
    report(describe_stray_declaration(lexed_, at_, previous_), begin);
    recover(begin, swallowed ? at_ - 1 : at_ + 1);
  }

  void header() {
    if (type_at(0) != LvmLexer::MODEL) return missing_header();
    run([](LvmParser& p) { return p.header(); },
        [&](LvmParser::HeaderContext* c) {
          model_.name = build_name(lexed_, c->name());
          opened_ = lexed_.range(c->LBRACE()->getSymbol());
        });
  }

  void missing_header() {
    Diagnostic d{.code = Code::missing_model_header, .message = "the file is empty", .range = range_at(0)};
    if (type_at(0) != antlr4::Token::EOF) {
      const std::string word = lexed_.text(lexed_.tokens()[0]);
      d.message = fmt::format("expected `model NAME {{`, found `{}`", word);
      if (is_word(type_at(0)) && did_you_mean(word, {"model"})) d.hint = "did you mean `model`?";
    }
    report(std::move(d), 0);
    recover(0, 0);
  }

  void declaration() {
    const size_t begin = at_;
    run([](LvmParser& p) { return p.declaration(); },
        [&](LvmParser::DeclarationContext* c) {
          for (ast::Declaration& d : build_declaration(lexed_, c, diagnostics_))
            model_.declarations.push_back(std::move(d));
        });
    previous_ = begin;
  }

  /// A character or string that was reported already explains a grammar error of the same declaration.
  void report(Diagnostic d, size_t declaration) {
    const uint32_t from = range_at(declaration).begin;
    const uint32_t to = std::max(d.range.end, range_at(declaration).end);
    const bool explained = std::any_of(lexical_.begin(), lexical_.end(), [&](const Diagnostic& e) {
      return e.range.begin >= from && e.range.begin <= to;
    });
    if (!explained) report_some(diagnostics_, std::move(d));
  }

  /// Goes to the next place, from `position` on, where a declaration may begin, or to the brace that ends the
  /// model. `begin` is where the failed declaration began: inside its braces only a sure beginning counts.
  void recover(size_t begin, size_t position) {
    size_t open_braces = 0;
    const auto count = [&](size_t i) {
      if (type_at(i) == LvmLexer::LBRACE) ++open_braces;
      if (type_at(i) == LvmLexer::RBRACE && open_braces > 0) --open_braces;
    };
    position = std::min(position, end());
    for (size_t i = begin; i < position; ++i) count(i);
    for (at_ = position; at_ < end(); count(at_++)) {
      if (open_braces == 0 ? begins_statement(lexed_, at_) : begins_declaration(lexed_, at_)) break;
      const size_t next = type_at(at_ + 1);
      if (type_at(at_) == LvmLexer::RBRACE && (next == antlr4::Token::EOF || next == LvmLexer::MODEL)) break;
    }
    previous_.reset();
    if (at_ == end()) gave_up_ = true;
  }

  /// At a `}` between declarations. True when the file ends there, as it should.
  bool closes_model() {
    const size_t brace = at_++;
    if (at_ == end()) return true;
    Diagnostic d{.code = Code::text_after_model,
                 .message = "text after the closing brace of the model",
                 .range = range_at(at_)};
    d.labels.push_back({range_at(brace), "the model ends here"});
    if (type_at(at_) == LvmLexer::MODEL) {
      d.code = Code::second_model;
      d.message = "a second model in one file";
      d.hint = "move it to a file of its own";
    } else if (begins_declaration(lexed_, at_)) {
      d.hint = "is there one `}` too many?";
      report(std::move(d), at_);
      return false;
    }
    report(std::move(d), at_);
    return true;
  }

  ast::ModelFile unclosed() {
    if (gave_up_) return std::move(model_);
    const uint32_t last = at_ > 0 ? range_at(at_ - 1).end : range_at(at_).end;
    Diagnostic d{.code = Code::brace_not_closed,
                 .message = "expected a declaration or `}`, found the end of the file",
                 .range = {last, last},
                 .hint = "is a `}` missing?"};
    if (!opened_.empty()) d.labels.push_back({opened_, "the model begins here"});
    report(std::move(d), at_);
    return std::move(model_);
  }

  Lexed& lexed_;
  Diagnostics& diagnostics_;
  std::vector<Diagnostic> lexical_;
  ast::ModelFile model_;
  SourceRange opened_;
  size_t at_ = 0;                   // in Lexed::tokens()
  std::optional<size_t> previous_;  // first token of the declaration that ended at `at_`
  bool gave_up_ = false;  // an error reaches to the end of the file: a missing `}` says nothing more
};

}  // namespace
}  // namespace syntax

std::optional<ast::ModelFile> parse(const SourceFile& source, Diagnostics& diagnostics) {
  Diagnostics found;
  std::optional<ast::ModelFile> model;
  if (syntax::check_text(source, found)) {
    syntax::Lexed lexed(source);
    if (lexed.check(found)) model = syntax::Reader(lexed, found).read();
  }
  for (Diagnostic& d : found.sorted()) diagnostics.report(std::move(d));
  if (found.error_count() >= syntax::most_errors) {
    const auto end = static_cast<uint32_t>(source.text().size());
    diagnostics.report({.code = Code::too_many_errors,
                        .message = fmt::format("{} errors or more: the rest of the file was not checked",
                                               syntax::most_errors),
                        .range = {end, end}});
  }
  if (found.has_errors()) return std::nullopt;
  return model;
}

}  // namespace lvm
