// The table of layers: a layer is a row here, a rule in a file of its concept, and a line in
// docs/language.md.

#include "frontend/analysis/layers.h"

#include <fmt/format.h>

#include <array>

namespace lvm::analysis {
namespace {

using ast::Expression;
using ast::ExpressionKind;

constexpr std::array<LayerRow, 12> layer_table = {{
    {"dense", 1, 2, " bias init ", true, false, dense_layer},
    {"conv2d", 2, 2, " kernel stride padding bias init ", true, false, conv2d_layer},
    {"conv2d_transpose", 2, 2, " kernel stride padding bias init ", true, false, conv2d_transpose_layer},
    {"flatten", 1, 1, "", true, false, flatten_layer},
    {"reshape", 2, 8, "", true, false, reshape_layer},
    {"batch_norm", 1, 1, " momentum epsilon ", true, true, batch_norm_layer},
    {"layer_norm", 1, 1, " epsilon ", true, true, layer_norm_layer},
    {"dropout", 2, 2, "", true, true, dropout_layer},
    {"embedding", 2, 2, " init ", true, false, embedding_layer},
    {"fill", 2, 2, "", false, true, fill_layer},
    {"cholesky_factor", 1, 1, "", false, true, cholesky_factor_layer},
    {"observed", 1, 1, "", false, true, observed_layer},
}};

bool holds_word(std::string_view words, std::string_view word) {
  return !word.empty() && words.find(fmt::format(" {} ", word)) != std::string_view::npos;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (size_t at = 1; at < text.size();) {
    const size_t end = text.find(' ', at);
    words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// False after a report.
bool sort_arguments(LayerCall& layer, const LayerRow& row) {
  const size_t errors = layer.context.diagnostics.error_count();
  for (const ast::Argument& argument : layer.call.arguments) {
    const std::string& name = argument.name.text;
    if (name.empty()) {
      layer.positional.push_back(argument.value.get());
    } else if (!holds_word(row.options, name)) {
      report(layer.context, Code::unexpected_argument_name, argument.name.range,
             fmt::format("`{}` takes no argument named `{}`", row.name, name), "",
             row.options.empty() ? "" : "its options are " + listed(words_of(row.options), "and"));
    } else if (!layer.options.emplace(name, argument.value.get()).second) {
      report(layer.context, Code::layer_option, argument.name.range,
             fmt::format("`{}` is given twice", name));
    }
  }
  const size_t given = layer.positional.size();
  if (given < row.least || given > row.most)
    report(layer.context, Code::argument_count, layer.call.range,
           fmt::format("the layer `{}` takes {}{} argument{}, not {}", row.name, row.least,
                       row.most == row.least ? "" : fmt::format(" to {}", row.most), row.most == 1 ? "" : "s",
                       given));
  return layer.context.diagnostics.error_count() == errors;
}

}  // namespace

const LayerRow* find_layer(std::string_view name) {
  for (const LayerRow& row : layer_table)
    if (row.name == name) return &row;
  return nullptr;
}

std::vector<std::string> layer_names() {
  std::vector<std::string> names;
  for (const LayerRow& row : layer_table) names.emplace_back(row.name);
  return names;
}

const Expression* LayerCall::option(const std::string& name) const {
  const auto found = options.find(name);
  return found == options.end() ? nullptr : found->second;
}

bool layer_is_open(Context& context, const Expression& call) {
  const LayerRow* row = find_layer(call.text);
  if (!row || call.arguments.empty()) return false;
  if (row->keeps_shape) return is_open(context, *call.arguments[0].value);
  size_t positional = 0;
  for (const ast::Argument& argument : call.arguments) positional += argument.name.text.empty();
  return row->rule == dense_layer && positional == 1;
}

Value evaluate_layer(Context& context, const Expression& call, const Place& place) {
  const LayerRow& row = *find_layer(call.text);
  static const LayerNote unnamed;
  const auto note = context.body->notes.find(&call);
  LayerCall layer{context, call, note == context.body->notes.end() ? unnamed : note->second, place, {}, {}};
  if (!sort_arguments(layer, row)) {
    // What stands inside is still looked at, but not as sizes.
    if (!layer.positional.empty() && !is_open(context, *layer.positional.front()))
      evaluate(context, *layer.positional.front());
    return {};
  }
  Value value = row.rule(layer);
  value.source = call.range;
  if (!row.keeps_shape) value.origin = {};
  return value;
}

}  // namespace lvm::analysis
