#include "frontend/parse/build.h"

#include <fmt/format.h>

#include <charconv>

#include "frontend/parse/build_expression.h"

namespace lvm::syntax {
namespace {

constexpr int64_t largest_size = 1'000'000'000;

class Builder {
 public:
  Builder(const Lexed& lexed, Diagnostics& diagnostics)
      : lexed_(lexed), diagnostics_(diagnostics), expressions_(lexed, diagnostics) {}

  std::vector<ast::Declaration> declaration(LvmParser::DeclarationContext* c) {
    if (c->axisDeclaration()) return axes(c->axisDeclaration());
    std::vector<ast::Declaration> out;
    out.push_back({node(c), lexed_.range(c)});
    return out;
  }

 private:
  ast::Name name(antlr4::ParserRuleContext* context) const { return expressions_.name(context); }

  ast::DeclarationNode node(LvmParser::DeclarationContext* c) {
    if (auto* d = c->constDeclaration()) {
      return ast::ConstDeclaration{name(d->name()), type(d->type()),
                                   expressions_.expression(d->expression())};
    }
    if (auto* d = c->dataDeclaration()) return data(d);
    if (auto* d = c->weightDeclaration()) {
      return ast::WeightDeclaration{name(d->name()),
                                    d->expression() ? expressions_.expression(d->expression()) : nullptr};
    }
    if (auto* d = c->plateDeclaration()) return ast::PlateDeclaration{name(d->name()), strings(d->STRING())};
    if (auto* d = c->sequenceDeclaration()) return sequence(d);
    if (auto* d = c->paramDeclaration()) return parameter(d);
    if (auto* d = c->latentDeclaration()) return latent(d);
    if (auto* d = c->letDeclaration())
      return ast::LetDeclaration{name(d->name()), expressions_.expression(d->expression())};
    if (auto* d = c->netDeclaration()) return net(d);
    if (auto* d = c->probabilityDeclaration()) {
      return ast::ProbabilityDeclaration{left(d->signature()), parents(d->signature()),
                                         expressions_.call(d->call())};
    }
    if (auto* d = c->posteriorDeclaration()) return posterior(d);
    return fit(c->fitDeclaration());
  }

  std::vector<ast::Declaration> axes(LvmParser::AxisDeclarationContext* c) {
    std::vector<ast::Declaration> out;
    for (LvmParser::AxisItemContext* item : c->axisItem()) {
      ast::AxisDeclaration d{name(item->name(0)), nullptr};
      if (item->size) {
        d.size = std::make_unique<ast::Expression>();
        d.size->kind = ast::ExpressionKind::name;
        d.size->range = lexed_.range(item->size);
        d.size->text = lexed_.source().slice(d.size->range);
      } else {
        d.size = expressions_.number(item->NUMBER()->getSymbol());
        whole_number(item->NUMBER()->getSymbol(), 1);
      }
      out.push_back({std::move(d), lexed_.range(item)});
    }
    return out;
  }

  ast::DataDeclaration data(LvmParser::DataDeclarationContext* c) {
    ast::DataDeclaration d;
    d.given = c->GIVEN() != nullptr;
    d.name = name(c->name());
    d.type = type(c->type());
    for (LvmParser::DataClauseContext* clause : c->dataClause()) {
      if (clause->MISSING()) {
        once(!d.missing, clause, "`missing`");
        d.missing = true;
      } else if (clause->PER()) {
        once(!d.plate, clause, "`per`");
        d.plate = name(clause->name());
      } else {
        once(!d.binding, clause, "the binding");
        d.binding = expressions_.expression(clause->expression());
      }
    }
    return d;
  }

  ast::SequenceDeclaration sequence(LvmParser::SequenceDeclarationContext* c) {
    ast::SequenceDeclaration d;
    d.name = name(c->name());
    auto columns = c->STRING();
    if (c->order) columns.pop_back();  // the column after `order` stands last
    d.by = strings(columns);
    if (c->order) d.order = string(c->order);
    return d;
  }

  ast::ParameterDeclaration parameter(LvmParser::ParamDeclarationContext* c) {
    ast::ParameterDeclaration d;
    d.name = name(c->name());
    d.type = type(c->type());
    for (LvmParser::ParamClauseContext* clause : c->paramClause()) {
      if (clause->TILDE()) {
        once(!d.prior, clause, "the prior");
        d.prior = expressions_.call(clause->call());
      } else if (clause->MASK()) {
        once(!d.mask, clause, "`mask`");
        d.mask = expressions_.expression(clause->expression());
      } else {
        once(!d.value, clause, "the value");
        value(d, clause);
      }
    }
    return d;
  }

  void value(ast::ParameterDeclaration& d, LvmParser::ParamClauseContext* clause) {
    d.value = expressions_.expression(clause->expression());
    d.fixed = clause->FIXED() != nullptr;
    d.init = clause->INIT() != nullptr;
    if (d.fixed || d.init || word_follows(clause)) return;
    const bool prior_meant = d.value->kind == ast::ExpressionKind::call;
    const std::string written(lexed_.source().slice(d.value->range));
    report_some(diagnostics_,
                {.code = Code::value_without_role,
                 .message = prior_meant ? fmt::format("`= {}` gives `{}` a value", written, d.name.text)
                                        : fmt::format("is `{}` fixed at this value, or only started there?",
                                                      d.name.text),
                 .range = lexed_.range(clause),
                 .hint = prior_meant ? fmt::format("a prior is written `~ {}`", written)
                                     : fmt::format("write `= {} fixed` or `= {} init`", written, written)});
  }

  /// `= 1 fixd`: the word is reported as one that does not continue the declaration.
  bool word_follows(LvmParser::ParamClauseContext* clause) const {
    const size_t next = lexed_.position(clause->stop) + 1;
    const size_t type = lexed_.tokens()[next]->getType();
    const bool declares = type >= LvmLexer::AXIS && type <= LvmLexer::POSTERIOR;
    return is_word(type) && !declares && !lexed_.first_on_line(next);
  }

  ast::LatentDeclaration latent(LvmParser::LatentDeclarationContext* c) {
    ast::LatentDeclaration d;
    d.name = name(c->name());
    d.type = type(c->type());
    for (LvmParser::LatentClauseContext* clause : c->latentClause()) {
      if (clause->GLOBAL()) {
        once(!d.global, clause, "`global`");
        d.global = true;
      } else {
        once(!d.plate, clause, "`per`");
        d.plate = name(clause->name());
      }
    }
    return d;
  }

  ast::NetDeclaration net(LvmParser::NetDeclarationContext* c) {
    ast::NetDeclaration d;
    d.name = name(c->name());
    d.parameters = parameters(c->netParameter());
    LvmParser::NetOutputContext* output = c->netOutput();
    if (output->type()) {
      d.single_output = type(output->type());
    } else {
      d.outputs = parameters(output->netParameter());
    }
    for (LvmParser::NetStatementContext* s : c->netStatement()) d.body.push_back(statement(s));
    return d;
  }

  ast::NetStatement statement(LvmParser::NetStatementContext* s) {
    ast::NetStatement out;
    if (s->target) {
      out.target = name(s->target);
    } else if (s->ASSIGN()) {
      out.target = {"return", lexed_.range(s->RETURN()->getSymbol())};
    }
    out.value = expressions_.expression(s->expression());
    out.range = lexed_.range(s);
    return out;
  }

  std::vector<ast::NetParameter> parameters(const std::vector<LvmParser::NetParameterContext*>& list) {
    std::vector<ast::NetParameter> out;
    for (LvmParser::NetParameterContext* p : list) out.push_back({name(p->name()), type(p->type())});
    return out;
  }

  ast::PosteriorDeclaration posterior(LvmParser::PosteriorDeclarationContext* c) {
    ast::PosteriorDeclaration d{
        left(c->signature()), parents(c->signature()), ast::PosteriorKind::factorisation, nullptr, {}};
    LvmParser::PosteriorValueContext* value = c->posteriorValue();
    if (value->EXACT()) d.kind = ast::PosteriorKind::exact;
    if (value->POINT()) d.kind = ast::PosteriorKind::point;
    if (value->AUTO()) d.kind = ast::PosteriorKind::automatic;
    if (value->distribution) {
      d.kind = ast::PosteriorKind::distribution;
      d.distribution = expressions_.call(name(value->distribution), value->arguments());
    }
    for (LvmParser::PosteriorTermContext* term : value->posteriorTerm()) {
      d.terms.push_back({left(term->signature()), parents(term->signature()), lexed_.range(term)});
    }
    return d;
  }

  std::vector<ast::VariableReference> left(LvmParser::SignatureContext* s) { return variables(s->left); }
  std::vector<ast::VariableReference> parents(LvmParser::SignatureContext* s) {
    return s->parents ? variables(s->parents) : std::vector<ast::VariableReference>{};
  }

  std::vector<ast::VariableReference> variables(LvmParser::VariablesContext* list) {
    std::vector<ast::VariableReference> out;
    for (LvmParser::VariableContext* v : list->variable()) {
      ast::VariableReference r;
      r.name = name(v->name(0));
      r.range = lexed_.range(v);
      if (v->index) r.index = name(v->index);
      if (v->sign) {
        const auto offset = static_cast<int>(whole_number(v->NUMBER()->getSymbol(), 1));
        r.offset = v->sign->getType() == LvmLexer::MINUS ? -offset : offset;
      }
      out.push_back(std::move(r));
    }
    return out;
  }

  ast::FitDeclaration fit(LvmParser::FitDeclarationContext* c) {
    ast::FitDeclaration d;
    for (LvmParser::FitSettingContext* s : c->fitSetting()) {
      d.settings.push_back({name(s->name()), expressions_.expression(s->expression())});
    }
    return d;
  }

  ast::TypeSyntax type(LvmParser::TypeContext* c) {
    ast::TypeSyntax out{name(c->name()), {}, lexed_.range(c)};
    for (LvmParser::TypeAxisContext* axis : c->typeAxis()) {
      if (axis->NUMBER()) whole_number(axis->NUMBER()->getSymbol(), 1);
      out.axes.push_back(name(axis));
    }
    return out;
  }

  ast::Name string(const antlr4::Token* token) { return {expressions_.unquoted(token), lexed_.range(token)}; }

  std::vector<ast::Name> strings(const std::vector<antlr4::tree::TerminalNode*>& list) {
    std::vector<ast::Name> out;
    for (antlr4::tree::TerminalNode* node : list) out.push_back(string(node->getSymbol()));
    return out;
  }

  int64_t whole_number(const antlr4::Token* token, int64_t least) {
    const std::string text = lexed_.text(token);
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (whole && number >= least && number <= largest_size) return number;
    report_some(diagnostics_, {.code = Code::not_a_whole_number,
                               .message = fmt::format("`{}` is not a whole number from {} to {}", text, least,
                                                      largest_size),
                               .range = lexed_.range(token)});
    return least;
  }

  void once(bool first, antlr4::ParserRuleContext* clause, std::string_view what) {
    if (first) return;
    report_some(diagnostics_, {.code = Code::repeated_clause,
                               .message = fmt::format("{} is given twice", what),
                               .range = lexed_.range(clause),
                               .hint = "delete one of them"});
  }

  const Lexed& lexed_;
  Diagnostics& diagnostics_;
  ExpressionBuilder expressions_;
};

}  // namespace

ast::Name build_name(const Lexed& lexed, LvmParser::NameContext* context) {
  const SourceRange range = lexed.range(context);
  return {std::string(lexed.source().slice(range)), range};
}

std::vector<ast::Declaration> build_declaration(const Lexed& lexed, LvmParser::DeclarationContext* context,
                                                Diagnostics& diagnostics) {
  return Builder(lexed, diagnostics).declaration(context);
}

}  // namespace lvm::syntax
