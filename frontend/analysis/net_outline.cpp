// What the text of a network says before anything is evaluated.

#include <algorithm>
#include <set>

#include "frontend/analysis/layers.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using ast::ExpressionKind;

// Inner layers first: the order in which they are computed.
void collect_layers(const Expression& expression, std::vector<const Expression*>& found) {
  for (const auto& child : expression.children) collect_layers(*child, found);
  for (const ast::Argument& argument : expression.arguments) collect_layers(*argument.value, found);
  const LayerRow* row = expression.kind == ExpressionKind::call ? find_layer(expression.text) : nullptr;
  if (row && row->named) found.push_back(&expression);
}

// Flattening and normalising go with a layer: they leave the name of the statement to it.
bool is_main(const Expression* layer) {
  return !find_layer(layer->text)->keeps_shape && layer->text != "flatten" && layer->text != "reshape";
}

// The only main layer of a statement has its name; all others, and those of `return`, are counted by kind.
void name_layers(NetworkBody& body) {
  std::set<std::string> taken;
  const auto claim = [&](const Expression* layer, std::string name) {
    taken.insert(name);
    body.notes[layer].name = std::move(name);
  };
  const std::string& net = body.net().name.text;
  std::vector<std::vector<const Expression*>> layers;
  for (const ast::NetStatement& statement : body.net().body) {
    collect_layers(*statement.value, layers.emplace_back());
    const std::string name = net + "." + statement.target.text;
    if (!statement.target.text.empty() &&
        std::count_if(layers.back().begin(), layers.back().end(), is_main) == 1 && !taken.contains(name))
      claim(*std::find_if(layers.back().begin(), layers.back().end(), is_main), name);
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    const std::string& target = body.net().body[i].target.text;
    const std::string prefix = target.empty() ? net + "." : net + "." + target + ".";
    for (const Expression* layer : layers[i]) {
      if (body.notes.contains(layer)) continue;
      size_t number = 1;
      while (taken.contains(prefix + layer->text + std::to_string(number))) ++number;
      claim(layer, prefix + layer->text + std::to_string(number));
    }
  }
}

bool is_sum(const Expression& expression) {
  return expression.kind == ExpressionKind::add || expression.kind == ExpressionKind::subtract;
}

// Carries the name of the function above an expression down to the layers that it is applied to.
struct Activations {
  NetworkBody& body;
  std::map<std::string, std::string> of_names = {};

  void visit(const Expression& expression, const std::string& above) {
    if (expression.kind == ExpressionKind::name && !above.empty()) of_names.emplace(expression.text, above);
    for (const auto& child : expression.children) visit(*child, is_sum(expression) ? above : "");
    const LayerRow* row = expression.kind == ExpressionKind::call ? find_layer(expression.text) : nullptr;
    if (row && row->named) body.notes[&expression].activation = above;
    for (size_t i = 0; i < expression.arguments.size(); ++i) {
      const std::string inside = row ? (row->keeps_shape && i == 0 ? above : "") : expression.text;
      visit(*expression.arguments[i].value, inside);
    }
  }
};

struct Places {
  NetworkBody& body;

  void visit(const Expression& expression, const Place& place) {
    switch (expression.kind) {
      case ExpressionKind::name: body.places.emplace(expression.text, place); return;
      case ExpressionKind::negate:
      case ExpressionKind::add:
      case ExpressionKind::subtract:
      case ExpressionKind::multiply:
      case ExpressionKind::divide:
      case ExpressionKind::power:
      case ExpressionKind::elementwise_multiply:
        for (const auto& child : expression.children) visit(*child, place);
        return;
      case ExpressionKind::call: {
        const LayerRow* row = find_layer(expression.text);
        const bool keeps = row ? row->keeps_shape : is_elementwise_function(expression.text);
        if ((keeps || expression.text == "softmax") && !expression.arguments.empty())
          visit(*expression.arguments[0].value, place);
        return;
      }
      case ExpressionKind::number:
      case ExpressionKind::string:
      case ExpressionKind::index:
      case ExpressionKind::member:
      case ExpressionKind::transpose:
      case ExpressionKind::list:
      case ExpressionKind::range: return;
    }
  }
};

}  // namespace

void outline_layers(NetworkBody& body) {
  name_layers(body);
  Activations activations{body};
  const auto& statements = body.net().body;
  for (auto statement = statements.rbegin(); statement != statements.rend(); ++statement) {
    const auto above = activations.of_names.find(statement->target.text);
    activations.visit(*statement->value, above == activations.of_names.end() ? "" : above->second);
  }
}

void trace_places(NetworkBody& body, const std::map<std::string, Place>& outputs) {
  body.places = outputs;
  Places places{body};
  const auto& statements = body.net().body;
  for (auto statement = statements.rbegin(); statement != statements.rend(); ++statement) {
    const auto place = body.places.find(statement->target.text);
    if (place == body.places.end()) continue;
    const Place known = place->second;
    places.visit(*statement->value, known);
  }
}

}  // namespace lvm::analysis
