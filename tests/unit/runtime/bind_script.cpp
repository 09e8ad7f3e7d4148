#include "tests/unit/runtime/bind_script.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace lvm::runtime::test {
namespace {

using Words = std::vector<std::string>;

ir::Element element_named(const std::string& word) {
  using ir::Element;
  for (const Element e : {Element::real, Element::positive, Element::unit, Element::boolean, Element::count,
                          Element::integer}) {
    if (ir::name(e) == word) return e;
  }
  if (word == "bool") return Element::boolean;
  throw std::invalid_argument("no element " + word);
}

ir::AxisId axis_named(ir::Model& model, const std::string& name) {
  const auto found = model.module.find_axis(name);
  if (!found) throw std::invalid_argument("no axis " + name);
  return *found;
}

void add_axis(ir::Model& model, const Words& words) {
  ir::ModelAxis axis;
  axis.source = words[2] == "columns"  ? ir::SizeSource::columns
                : words[2] == "levels" ? ir::SizeSource::levels
                                       : ir::SizeSource::literal;
  const int64_t size = axis.source == ir::SizeSource::literal ? std::stoll(words[2]) : ir::unknown_size;
  axis.id = model.module.add_axis({words[1], ir::AxisKind::fixed, size, -1});
  model.axes.push_back(axis);
}

void add_variable(ir::Model& model, const Words& words, ir::Role role) {
  ir::Variable v;
  v.name = words[1];
  v.role = role;
  if (words[2].starts_with("category(")) {
    v.type.element = ir::Element::category;
    v.type.range = axis_named(model, words[2].substr(9, words[2].size() - 10));
  } else if (words[2] == "covariance") {
    v.domain = ir::Domain::covariance;
  } else {
    v.type.element = element_named(words[2]);
  }
  v.type.axes = {ir::row_axis};
  for (size_t i = 3; i < words.size(); ++i) v.declared_axes.push_back(axis_named(model, words[i]));
  if (v.domain == ir::Domain::covariance)
    v.declared_axes.push_back(model.module.twin(v.declared_axes.back()));
  v.type.axes.insert(v.type.axes.end(), v.declared_axes.begin(), v.declared_axes.end());
  std::sort(v.type.axes.begin(), v.type.axes.end());
  model.variables.push_back(std::move(v));
}

ir::Variable& variable_named(ir::Model& model, const std::string& name) {
  for (ir::Variable& v : model.variables) {
    if (v.name == name) return v;
  }
  throw std::invalid_argument("no variable " + name);
}

ir::Binding& binding_of(ir::Model& model, const std::string& name) {
  return variable_named(model, name).binding;
}

void obey(BindScript& script, const Words& words) {
  const std::string& verb = words[0];
  if (verb == "axis") return add_axis(script.model, words);
  if (verb == "data") return add_variable(script.model, words, ir::Role::data);
  if (verb == "given") return add_variable(script.model, words, ir::Role::given);
  if (verb == "weight") return add_variable(script.model, words, ir::Role::weight);
  const Words rest(words.begin() + 2, words.end());
  if (verb == "plate") {
    script.model.plates.push_back({.name = words[1], .columns = rest, .range = {}});
    return;
  }
  if (verb ==
      "sequence") {  // sequence t year series …: ordered by the first, one for each value of the others
    script.model.sequence = ir::ModelSequence{
        .name = words[1], .by = {rest.begin() + 1, rest.end()}, .order = rest[0], .range = {}};
    return;
  }
  if (verb == "columns") {
    binding_of(script.model, words[1]).patterns = rest;
  } else if (verb == "binarise") {
    binding_of(script.model, words[1]).preprocess = ir::Binding::Preprocess::binarise_threshold;
    binding_of(script.model, words[1]).low = std::stod(words[2]);
  } else if (verb == "per") {
    variable_named(script.model, words[1]).plate = words[2];
  } else if (verb == "missing") {
    variable_named(script.model, words[1]).missing = true;
  } else if (verb == "scale") {
    binding_of(script.model, words[1]).preprocess = ir::Binding::Preprocess::scale;
    binding_of(script.model, words[1]).low = std::stod(words[2]);
    binding_of(script.model, words[1]).high = std::stod(words[3]);
  } else if (verb == "stochastic") {
    binding_of(script.model, words[1]).preprocess = ir::Binding::Preprocess::binarise_stochastic;
    binding_of(script.model, words[1]).high = 1;
  } else if (verb == "bind") {
    script.bind.columns[words[1]] = rest;
  } else if (verb == "levels") {
    script.bind.fitted = true;
    script.bind.levels[words[1]] = rest;
  } else if (verb == "delimiter") {
    script.read.delimiter = words[1][0];
  } else if (verb == "na") {
    script.read.na.push_back(words[1]);
  } else {
    throw std::invalid_argument("no verb " + verb);
  }
}

}  // namespace

BindScript parse_script(const std::string& text) {
  BindScript script;
  script.model.name = "script";
  script.model.module.add_axis({"row", ir::AxisKind::rows, ir::unknown_size, -1});
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream stream(line);
    Words words;
    for (std::string word; stream >> word;) words.push_back(word);
    if (!words.empty()) obey(script, words);
  }
  return script;
}

}  // namespace lvm::runtime::test
