#include "ir/model/gradient_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

namespace lvm::ir {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<double> number(std::string_view text) {
  if (text == "true") return 1;
  if (text == "false") return 0;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::string names(const OptimiserRow& row) {
  std::string text;
  for (const OptimiserOption& option : row.options)
    text += fmt::format("{}`{}`", text.empty() ? "" : ", ", option.name);
  return text + ", `schedule`";
}

/// "rate: 1e-3" into its option of `to`.
std::string set_option(Optimiser& to, std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos)
    return fmt::format("its options have names, such as `rate: 0.001`, and not `{}`", text);
  const std::string_view name = trimmed(text.substr(0, colon)), given = trimmed(text.substr(colon + 1));
  if (name == "schedule") {
    static constexpr std::string_view schedules[] = {"constant", "cosine", "linear"};
    const auto found = std::ranges::find(schedules, given);
    if (found == std::end(schedules))
      return fmt::format("`schedule` is `constant`, `cosine` or `linear`, not `{}`", given);
    to.schedule = static_cast<Schedule>(found - std::begin(schedules));
    return "";
  }
  const auto option = std::ranges::find(to.row->options, name, &OptimiserOption::name);
  if (option == to.row->options.end())
    return fmt::format("`{}` has no option `{}`: it takes {}", to.row->name, name, names(*to.row));
  const std::optional<double> value = number(given);
  if (!value || !(*value >= 0))
    return fmt::format("`{}` of `{}` is a number from 0, not `{}`", name, to.row->name, given);
  to.values[static_cast<size_t>(option - to.row->options.begin())] = *value;
  return "";
}

template <class Number>
void read(const FitSettings& fit, const char* name, Number& to) {
  const auto found = fit.others.find(name);
  if (found == fit.others.end()) return;
  const std::optional<double> value = number(found->second);
  if (!value) throw InternalError(fmt::format("the setting `{}` is no number", name));
  to = static_cast<Number>(*value);
}

}  // namespace

const std::vector<OptimiserRow>& optimiser_rows() {
  // Every row has `rate`, `weight_decay` (of Loshchilov & Hutter 2019 in adamw, else added to the gradient),
  // `clip`, the greatest norm of the whole gradient (0: any), and `bias_rate`, what the rate of the biases of
  // layers is multiplied by.
  static const std::vector<OptimiserRow> rows = {
      {"adam",
       {{"rate", 1e-3},
        {"beta1", 0.9},
        {"beta2", 0.999},
        {"epsilon", 1e-8},
        {"bias_correction", 1},
        {"weight_decay", 0},
        {"clip", 0},
        {"bias_rate", 1}}},
      {"adamw",
       {{"rate", 1e-3},
        {"beta1", 0.9},
        {"beta2", 0.999},
        {"epsilon", 1e-8},
        {"bias_correction", 1},
        {"weight_decay", 0.01},
        {"clip", 0},
        {"bias_rate", 1}}},
      {"sgd", {{"rate", 1e-2}, {"weight_decay", 0}, {"clip", 0}, {"bias_rate", 1}}},
      {"momentum", {{"rate", 1e-2}, {"momentum", 0.9}, {"weight_decay", 0}, {"clip", 0}, {"bias_rate", 1}}},
      {"adagrad", {{"rate", 1e-2}, {"epsilon", 1e-10}, {"weight_decay", 0}, {"clip", 0}, {"bias_rate", 1}}},
      {"rmsprop",
       {{"rate", 1e-3},
        {"decay", 0.9},
        {"epsilon", 1e-7},
        {"weight_decay", 0},
        {"clip", 0},
        {"bias_rate", 1}}},
  };
  return rows;
}

double Optimiser::operator[](std::string_view option) const {
  const auto found = std::ranges::find(row->options, option, &OptimiserOption::name);
  if (found == row->options.end())
    throw InternalError(fmt::format("`{}` has no option `{}`", row->name, option));
  return values[static_cast<size_t>(found - row->options.begin())];
}

double Optimiser::rate(double part) const {
  const double first = (*this)["rate"];
  switch (schedule) {
    case Schedule::constant: return first;
    case Schedule::cosine: return first * (1 + std::cos(std::numbers::pi * part)) / 2;
    case Schedule::linear: return first * (1 - part);
  }
  return first;
}

std::optional<Optimiser> parse_optimiser(std::string_view text, std::string& fault) {
  const std::string_view head = trimmed(text.substr(0, text.find('(')));
  const auto row = std::ranges::find(optimiser_rows(), head, &OptimiserRow::name);
  if (row == optimiser_rows().end()) {
    fault = "it is `adam`, `adamw`, `sgd`, `momentum`, `adagrad` or `rmsprop`";
    return {};
  }
  Optimiser to{.row = &*row, .values = {}};
  for (const OptimiserOption& option : row->options) to.values.push_back(option.value);
  if (head.size() == trimmed(text).size()) return to;
  std::string_view inside = trimmed(text).substr(head.size());
  if (!inside.starts_with('(') || !inside.ends_with(')')) {
    fault = "a bracket is missing";
    return {};
  }
  inside = trimmed(inside.substr(1, inside.size() - 2));
  while (!inside.empty() && fault.empty()) {
    const size_t comma = inside.find(',');
    fault = set_option(to, trimmed(inside.substr(0, comma)));
    inside = comma == std::string_view::npos ? std::string_view() : trimmed(inside.substr(comma + 1));
  }
  if (!fault.empty()) return {};
  return to;
}

GradientSettings gradient_settings(const FitSettings& fit) {
  GradientSettings to;
  read(fit, "batch", to.batch);
  read(fit, "epochs", to.epochs);
  read(fit, "samples", to.samples);
  read(fit, "beta", to.beta);
  read(fit, "kl_warmup", to.kl_warmup);
  read(fit, "holdout", to.holdout);
  read(fit, "patience", to.patience);
  if (const auto objective = fit.others.find("objective");
      objective != fit.others.end() && objective->second.starts_with("iwae")) {
    to.importance = true;
    const size_t colon = objective->second.find(':');
    if (colon != std::string::npos)
      to.samples = static_cast<int64_t>(
          number(trimmed(std::string_view(objective->second)
                             .substr(colon + 1, objective->second.find(')') - colon - 1)))
              .value_or(1));
  }
  if (const auto precision = fit.others.find("precision"); precision != fit.others.end()) {
    to.narrow = precision->second == "bf16";
    to.single = to.narrow || precision->second == "single";
  }
  std::string fault;
  const auto optimiser = fit.others.find("optimizer");
  const auto parsed =
      parse_optimiser(optimiser == fit.others.end() ? "adam" : std::string_view(optimiser->second), fault);
  if (!parsed) throw InternalError("an optimiser that analysis let through: " + fault);
  to.optimiser = *parsed;
  return to;
}

}  // namespace lvm::ir
