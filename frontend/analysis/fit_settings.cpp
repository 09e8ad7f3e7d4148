#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "frontend/analysis/context.h"
#include "ir/model/gradient_settings.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using ast::ExpressionKind;

enum class SettingKind : uint8_t {
  method,
  whole,
  positive,
  seed,
  optimiser,
  objective,
  acceleration,
  precision,
  flag_or_number,
  text
};

struct SettingRow {
  std::string_view name;
  SettingKind kind;
};

constexpr std::array<SettingRow, 17> setting_table = {{
    {"method", SettingKind::method},
    {"iterations", SettingKind::whole},
    {"tolerance", SettingKind::positive},
    {"restarts", SettingKind::whole},
    {"acceleration", SettingKind::acceleration},
    {"seed", SettingKind::seed},
    {"init", SettingKind::text},
    {"batch", SettingKind::whole},
    {"epochs", SettingKind::whole},
    {"optimizer", SettingKind::optimiser},
    {"samples", SettingKind::whole},
    {"kl_warmup", SettingKind::flag_or_number},
    {"beta", SettingKind::positive},
    {"objective", SettingKind::objective},
    {"holdout", SettingKind::flag_or_number},
    {"patience", SettingKind::whole},
    {"precision", SettingKind::precision},
}};

const SettingRow* find_setting(std::string_view name) {
  for (const SettingRow& row : setting_table)
    if (row.name == name) return &row;
  return nullptr;
}

std::vector<std::string> setting_names() {
  std::vector<std::string> names;
  for (const SettingRow& row : setting_table) names.emplace_back(row.name);
  return names;
}

template <class Number>
std::optional<Number> read(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

bool begins_with_word(std::string_view text, std::initializer_list<std::string_view> words) {
  const std::string_view head = text.substr(0, text.find('('));
  return std::find(words.begin(), words.end(), head) != words.end();
}

// What the setting wants, or nothing where `text` is that.
std::string fault(SettingKind kind, std::string_view text) {
  switch (kind) {
    case SettingKind::method:
      return begins_with_word(text, {"auto", "em", "gradient"}) ? "" : "`auto`, `em` or `gradient`";
    case SettingKind::whole: return read<int64_t>(text).value_or(0) >= 1 ? "" : "a whole number from 1";
    case SettingKind::seed: return read<uint64_t>(text) ? "" : "a whole number from 0";
    case SettingKind::positive: return read<double>(text).value_or(0) > 0 ? "" : "a positive number";
    case SettingKind::flag_or_number: return read<double>(text).value_or(-1) >= 0 ? "" : "a number from 0";
    case SettingKind::optimiser: {
      std::string wrong;
      ir::parse_optimiser(text, wrong);
      return wrong;
    }
    case SettingKind::objective:
      return begins_with_word(text, {"elbo", "iwae"}) ? "" : "`elbo` or `iwae(k: 50)`";
    case SettingKind::acceleration: return text == "none" || text == "squarem" ? "" : "`none` or `squarem`";
    case SettingKind::precision:
      return text == "single" || text == "double" || text == "bf16" ? "" : "`single`, `bf16` or `double`";
    case SettingKind::text: return {};
  }
  return {};
}

void store(ir::FitSettings& fit, const SettingRow& row, const std::string& text) {
  if (row.name == "method")
    fit.method = text;
  else if (row.name == "iterations")
    fit.iterations = *read<int64_t>(text);
  else if (row.name == "restarts")
    fit.restarts = *read<int64_t>(text);
  else if (row.name == "acceleration")
    fit.accelerate = text == "squarem";
  else if (row.name == "tolerance")
    fit.tolerance = *read<double>(text);
  else if (row.name == "seed")
    fit.seed = *read<uint64_t>(text);
  else
    fit.others[std::string(row.name)] = text;
}

void analyse_setting(Context& context, const ast::FitSetting& setting) {
  const SettingRow* row = find_setting(setting.name.text);
  if (!row) {
    report(
        context, Code::unknown_fit_setting, setting.name.range,
        fmt::format("`{}` is not a fit setting", setting.name.text), "",
        suggestion(setting.name.text, setting_names(), "the settings are " + listed(setting_names(), "and")));
    return;
  }
  ir::FitSettings& fit = context.model.fit;
  const auto [first, fresh] = fit.ranges.emplace(setting.name.text, setting.name.range);
  if (!fresh) {
    report(context, Code::declared_once, setting.name.range,
           fmt::format("`{}` is set twice", setting.name.text), "", "", {{first->second, "first set here"}});
    return;
  }
  const auto number = literal_number(*setting.value);
  const bool call = setting.value->kind == ExpressionKind::call;
  const std::string text = number && setting.value->kind != ExpressionKind::number
                               ? fmt::format("{}", *number)
                               : ast::print(*setting.value);
  const std::string wanted = fault(row->kind, text);
  if (!wanted.empty() || (call && row->kind != SettingKind::optimiser &&
                          row->kind != SettingKind::objective && row->kind != SettingKind::text)) {
    report(context, Code::fit_setting_value, setting.value->range,
           fmt::format("`{}` cannot be `{}`", setting.name.text, text), "",
           wanted.empty() || row->kind == SettingKind::optimiser ? wanted : "it takes " + wanted);
    return;
  }
  store(fit, *row, text);
}

void apply_command_line(Context& context) {
  for (const SettingRow& row : setting_table) {
    const std::string name(row.name);
    const bool collides = find_entity(context, name) != nullptr;
    std::string given = "fit." + name;
    auto text = setting(context, given);
    if (!text && !collides) text = setting(context, given = name);
    if (!text) continue;
    const std::string wanted = fault(row.kind, *text);
    if (wanted.empty())
      store(context.model.fit, row, *text);
    else
      report(context, Code::setting_value, {},
             row.kind == SettingKind::optimiser
                 ? fmt::format("`--set {}={}`: {}", given, *text, wanted)
                 : fmt::format("`--set {}={}`: `{}` takes {}", given, *text, name, wanted));
  }
}

}  // namespace

std::optional<std::string> setting(Context& context, const std::string& name) {
  const auto found = context.settings.find(name);
  if (found == context.settings.end()) return {};
  context.settings_used.insert(name);
  return found->second;
}

void check_settings(Context& context) {
  for (const auto& [name, text] : context.settings) {
    if (context.settings_used.contains(name)) continue;
    std::vector<std::string> candidates = setting_names();
    for (const std::string& axis : names_of(context, {EntityKind::axis})) candidates.push_back(axis);
    for (const ir::Variable& variable : context.model.variables)
      if (variable.role == ir::Role::constant) candidates.push_back(variable.name);
    const Entity* entity = find_entity(context, name);
    report(context, Code::unknown_setting, entity ? entity->range : SourceRange{},
           fmt::format("`--set {}={}`: there is no axis, constant or fit setting `{}`", name, text, name),
           entity ? fmt::format("this is {}", analysis::name(entity->kind)) : "",
           suggestion(name, candidates));
  }
}

void analyse_fit(Context& context) {
  for (const ast::Declaration& declaration : context.file.declarations)
    if (const auto* fit = std::get_if<ast::FitDeclaration>(&declaration.node))
      for (const ast::FitSetting& each : fit->settings) analyse_setting(context, each);
  apply_command_line(context);
}

}  // namespace lvm::analysis
