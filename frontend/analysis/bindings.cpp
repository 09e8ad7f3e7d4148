// `= column("w")`, `= columns("x1".."x9", "b*", "!b7")`, `= binarise(columns("*"), threshold: 0.5)`, `=
// scale(columns("*"), 0..255)`,
// `= binarise(scale(columns("*"), 0..255), stochastic)`.

#include <fmt/format.h>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using ast::ExpressionKind;
using Preprocess = ir::Binding::Preprocess;

void report_binding(Context& context, SourceRange range, std::string message) {
  report(context, Code::binding_form, range, std::move(message), "",
         "write `column(\"w\")`, `columns(\"x1\"..\"x9\", \"b*\", \"!b7\")`, `binarise(columns(\"*\"), "
         "threshold: 0.5)`, `binarise(columns(\"*\"), stochastic)` or "
         "`scale(columns(\"*\"), 0..255)`");
}

bool is_call(const Expression& expression, std::string_view name) {
  return expression.kind == ExpressionKind::call && expression.text == name;
}

bool is_range(const Expression& expression, ExpressionKind bounds) {
  return expression.kind == ExpressionKind::range && expression.children[0]->kind == bounds &&
         expression.children[1]->kind == bounds;
}

void analyse_columns(Context& context, const Expression& source, ir::Binding& binding) {
  if (!is_call(source, "column") && !is_call(source, "columns")) {
    report_binding(context, source.range, fmt::format("`{}` does not name columns", ast::print(source)));
    return;
  }
  const bool one = source.text == "column";
  if (source.arguments.empty() || (one && source.arguments.size() > 1))
    return report_binding(context, source.range,
                          one ? "`column` takes one name" : "`columns` takes at least one name");
  for (const ast::Argument& argument : source.arguments) {
    const Expression& pattern = *argument.value;
    if (pattern.kind == ExpressionKind::string && argument.name.text.empty() && !pattern.text.empty())
      binding.patterns.push_back(pattern.text);
    else if (!one && is_range(pattern, ExpressionKind::string))
      binding.patterns.push_back(pattern.children[0]->text + ".." + pattern.children[1]->text);
    else
      report_binding(context, pattern.range, "the name of a column is a text in quotes");
  }
}

void analyse_binarise(Context& context, const Expression& call, ir::Binding& binding) {
  const Expression* how = call.arguments.size() == 2 ? call.arguments[1].value.get() : nullptr;
  const auto threshold =
      how && call.arguments[1].name.text == "threshold" ? literal_number(*how) : std::nullopt;
  if (threshold) {
    binding.preprocess = Preprocess::binarise_threshold;
    binding.low = *threshold;
  } else if (how && call.arguments[1].name.text.empty() && how->kind == ExpressionKind::name &&
             how->text == "stochastic") {
    const bool scaled = binding.preprocess == Preprocess::scale;
    if (!scaled) binding.low = 0, binding.high = 1;
    binding.preprocess = Preprocess::binarise_stochastic;
  } else {
    report_binding(context, call.range, "`binarise` takes columns and `threshold: …` or `stochastic`");
  }
}

void analyse_scale(Context& context, const Expression& call, ir::Binding& binding) {
  const Expression* bounds = call.arguments.size() == 2 ? call.arguments[1].value.get() : nullptr;
  const bool range = bounds && bounds->kind == ExpressionKind::range;
  const auto low = range ? literal_number(*bounds->children[0]) : std::nullopt;
  const auto high = range ? literal_number(*bounds->children[1]) : std::nullopt;
  if (!low || !high || !(*low < *high))
    return report_binding(context, call.range, "`scale` takes columns and the range that becomes 0 to 1");
  binding.preprocess = Preprocess::scale;
  binding.low = *low;
  binding.high = *high;
}

}  // namespace

ir::Binding analyse_binding(Context& context, const Expression* expression) {
  ir::Binding binding;
  if (!expression) return binding;
  binding.range = expression->range;
  const bool preprocessed = is_call(*expression, "binarise") || is_call(*expression, "scale");
  if (!preprocessed) {
    analyse_columns(context, *expression, binding);
    return binding;
  }
  if (expression->arguments.empty()) {
    report_binding(context, expression->range, fmt::format("`{}` takes columns first", expression->text));
    return binding;
  }
  const Expression& source = *expression->arguments[0].value;
  const bool stochastic =
      expression->arguments.size() == 2 && expression->arguments[1].value->text == "stochastic";
  if (stochastic && is_call(source, "scale") && !source.arguments.empty()) {
    analyse_columns(context, *source.arguments[0].value, binding);
    analyse_scale(context, source, binding);
  } else {
    analyse_columns(context, source, binding);
  }
  if (expression->text == "binarise")
    analyse_binarise(context, *expression, binding);
  else
    analyse_scale(context, *expression, binding);
  return binding;
}

}  // namespace lvm::analysis
