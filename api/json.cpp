// The only user of the JSON library.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api/fitted.h"
#include "api/state.h"
#include "api/text_file.h"

namespace lvm {
namespace {

using Json = nlohmann::ordered_json;

/// Bytes that are no UTF-8 (column names of a broken file) must not throw.
std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json nested(const Values& values, size_t axis, size_t& next) {
  if (axis == values.shape.size()) return values.values[next++];
  Json list = Json::array();
  for (int64_t i = 0; i < values.shape[axis]; ++i) list.push_back(nested(values, axis + 1, next));
  return list;
}

Json parameters_json(const Fit& fit) {
  Json json = Json::object();
  for (const Parameter& parameter : fit.parameters) {
    size_t next = 0;
    json[parameter.name] = nested(parameter, 0, next);
  }
  return json;
}

/// Of the parameters that have them, in the same shapes.
Json standard_errors_json(const Fit& fit) {
  Json json = Json::object();
  for (const Parameter& parameter : fit.parameters) {
    if (parameter.standard_errors.empty()) continue;
    Values errors = parameter;
    errors.values = parameter.standard_errors;
    size_t next = 0;
    json[parameter.name] = nested(errors, 0, next);
  }
  return json;
}

Json message_json(const Message& message) {
  Json json = {{"code", message.code}, {"message", message.text}};
  if (!message.rule.empty()) json["rule"] = message.rule;
  if (!message.label.empty()) json["label"] = message.label;
  if (!message.hint.empty()) json["help"] = message.hint;
  if (message.line > 0) {
    json["file"] = message.file;
    json["range"] = {{"line", message.line},
                     {"column", message.column},
                     {"end_line", message.end_line},
                     {"end_column", message.end_column}};
  }
  if (!message.table.empty()) {
    json["file"] = message.table;
    if (message.row > 0) json["row"] = message.row;
    if (!message.column_name.empty()) json["column"] = message.column_name;
    if (!message.cell.empty()) json["cell"] = message.cell;
  }
  return json;
}

Json messages_json(const Report& report, bool errors) {
  Json list = Json::array();
  for (const Message& message : report.messages()) {
    if (message.error == errors) list.push_back(message_json(message));
  }
  return list;
}

Json plan_json(const std::vector<PlanBlock>& plan) {
  Json list = Json::array();
  for (const PlanBlock& block : plan) {
    const bool exact = block.kind == "exact" || block.kind == "closed" || block.kind == "fixed";
    list.push_back({{"block", block.name},
                    {"kind", block.latent ? "latent" : "parameter"},
                    {"solver", block.solver},
                    {"exact", exact},
                    {"reason", block.reason}});
  }
  return list;
}

Json runs_json(const Fit& fit) {
  Json list = Json::array();
  for (const Run& run : fit.runs) {
    Json entry = {{"run", run.number},
                  {"stop", run.stop},
                  {"iterations", run.iterations},
                  {"objective", run.objective}};
    if (run.leaps_tried > 0) entry["leaps"] = {{"tried", run.leaps_tried}, {"taken", run.leaps_taken}};
    if (!run.message.empty()) entry["message"] = run.message;
    list.push_back(std::move(entry));
  }
  return list;
}

/// Appends the numbers of nested lists; false where the lists are ragged or hold something else.
bool read_nested(const Json& json, size_t axis, Values& to) {
  if (json.is_number()) {
    to.values.push_back(json.get<double>());
    return axis == to.shape.size();
  }
  constexpr size_t most_axes = 8;  // nesting beyond it is no parameter, and would only deepen the recursion
  if (!json.is_array() || json.empty() || axis == most_axes) return false;
  const auto size = static_cast<int64_t>(json.size());
  if (axis == to.shape.size() && to.values.empty()) to.shape.push_back(size);
  if (axis >= to.shape.size() || to.shape[axis] != size) return false;
  for (const Json& element : json) {
    if (!read_nested(element, axis + 1, to)) return false;
  }
  return true;
}

}  // namespace

namespace {

/// Of functions over rows also how many a thread does in a second.
Json functions_json(const Profile& profile) {
  Json json = Json::object();
  for (const FunctionTime& function : profile.functions) {
    Json entry = {{"calls", function.calls}, {"seconds", function.seconds}};
    if (function.rows > 0) {
      entry["rows"] = function.rows;
      entry["rows_per_second"] = static_cast<double>(function.rows) / function.seconds;
    }
    json[function.name] = std::move(entry);
  }
  return json;
}

Json variables_json(const std::vector<BoundVariable>& variables) {
  Json list = Json::array();
  for (const BoundVariable& variable : variables) {
    list.push_back({{"name", variable.name},
                    {"columns", variable.columns},
                    {"cells", variable.cells},
                    {"absent", variable.absent}});
  }
  return list;
}

Json fit_json(const Fit& fit) {
  Json json;
  json["model"] = fit.model_name;
  json["method"] = fit.method;
  json["converged"] = fit.converged;
  json["iterations"] = fit.iterations;
  json["seconds"] = fit.fit_seconds;
  json["objective"] = {{"name", fit.objective_name}, {"value", fit.objective}, {"per_row", fit.per_row()}};
  if (fit.log_prior) json["objective"]["log_prior"] = *fit.log_prior;
  if (fit.held_out) {
    json["held_out"] = {{"rows", fit.held_out_rows},
                        {"value", *fit.held_out},
                        {"per_row", *fit.held_out / static_cast<double>(fit.held_out_rows)}};
  }
  json["information"] = {
      {"parameters", fit.free_parameters}, {"aic", fit.aic}, {"bic", fit.bic}, {"icl", fit.icl}};
  json["rows"] = fit.rows;
  if (fit.total_weight != static_cast<double>(fit.rows)) json["total_weight"] = fit.total_weight;
  json["seed"] = fit.seed;
  json["parameters"] = parameters_json(fit);
  if (const Json errors = standard_errors_json(fit); !errors.empty()) json["standard_errors"] = errors;
  json["plan"] = plan_json(fit.plan);
  json["timing"] = {{"compile", fit.compile_seconds}, {"read", fit.read_seconds}, {"fit", fit.fit_seconds}};
  json["warnings"] = messages_json(fit.report(), false);
  json["stop"] = fit.stop;
  json["runs"] = runs_json(fit);
  const Profile& profile = fit.profile;
  json["profile"] = {{"read", profile.read},           {"compile", profile.compile},
                     {"bind", profile.bind},           {"lower", profile.lower},
                     {"code", profile.code},           {"start", profile.start},
                     {"iteration", profile.iteration}, {"functions", functions_json(profile)}};
  json["variables"] = variables_json(fit.variables);
  return json;
}

/// A setting as a number where it is one.
Json setting_json(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_number() ? value : Json(text);
}

Json settings_json(const std::map<std::string, std::string>& settings) {
  Json json = Json::object();
  for (const auto& [name, value] : settings) json[name] = setting_json(value);
  return json;
}

Json entry_json(const SweepEntry& entry) {
  Json json = {{"settings", settings_json(entry.settings)}, {"ok", entry.ok}};
  if (!entry.ok) {
    json["failure"] = entry.failure;
    return json;
  }
  json["objective"] = entry.objective;
  json["parameters"] = entry.free_parameters;
  json["aic"] = entry.aic;
  json["bic"] = entry.bic;
  json["icl"] = entry.icl;
  json["converged"] = entry.converged;
  json["runs"] = entry.runs;
  json["failed_runs"] = entry.failed_runs;
  json["seconds"] = entry.seconds;
  return json;
}

template <typename T>
void add_if(Json& json, const char* name, const std::optional<T>& value) {
  if (value) json[name] = *value;
}

}  // namespace

std::string to_json(const Fit& fit) {
  return dumped(fit_json(fit));
}

std::string to_json(const Sweep& sweep) {
  Json json = sweep.best ? fit_json(sweep.fit) : Json::object();
  if (sweep.best) {
    json["selected"] = {{"by", criterion_names[static_cast<size_t>(sweep.criterion)]},
                        {"settings", settings_json(sweep.entries[*sweep.best].settings)}};
  }
  json["sweep"] = Json::array();
  for (const SweepEntry& entry : sweep.entries) json["sweep"].push_back(entry_json(entry));
  return dumped(json);
}

std::string config_to_json(const Fit& fit, const RunInputs& inputs) {
  Json json;
  json["lvm"] = version();
  json["model"] = inputs.model;
  json["data"] = inputs.data;
  json["rows"] = fit.rows;
  json["settings"] = settings_json(inputs.settings);
  json["bind"] = inputs.columns;
  if (inputs.read.delimiter != '\0') json["delimiter"] = std::string(1, inputs.read.delimiter);
  json["missing"] = inputs.read.missing;
  json["seed"] = fit.seed;
  json["method"] = fit.method;
  add_if(json, "iterations", inputs.fit.iterations);
  add_if(json, "tolerance", inputs.fit.tolerance);
  add_if(json, "restarts", inputs.fit.restarts);
  add_if(json, "accelerate", inputs.fit.accelerate);
  if (inputs.fit.standard_errors) json["standard_errors"] = true;
  json["threads"] = inputs.fit.threads;
  json["backend"] = inputs.fit.backend == Backend::compiled ? "llvm" : "interpreter";
  if (!inputs.init.empty()) json["init"] = inputs.init;
  return dumped(json);
}

std::string to_json(const Score& score) {
  Json json;
  json["name"] = score.name;
  json["exact"] = score.exact;
  json["total"] = score.total;
  json["per_row"] = score.total / score.total_weight;
  if (!score.exact) {
    json["error"] = score.error;
    json["draws"] = score.draws;
  }
  if (score.bound) json["bound"] = {{"total", *score.bound}, {"error", *score.bound_error}};
  json["rows"] = score.values.size();
  if (!score.weights.empty()) json["total_weight"] = score.total_weight;
  json["values"] = score.values;
  if (!score.errors.empty()) json["errors"] = score.errors;
  if (!score.effective.empty()) json["effective_draws"] = score.effective;
  json["warnings"] = messages_json(score.report, false);
  return dumped(json);
}

std::string to_json(const Results& results) {
  Json json = Json::object();
  for (const ResultColumn& column : results.columns) {
    Json list = Json::array();
    for (const double value : column.values) {
      if (column.levels.empty() || std::isnan(value))
        list.push_back(value);
      else
        list.push_back(column.levels.at(static_cast<size_t>(value)));
    }
    json[column.name] = std::move(list);
  }
  return dumped(json);
}

std::string parameters_to_json(const Fit& fit) {
  return dumped(Json{{"parameters", parameters_json(fit)}});
}

std::string plan_to_json(const std::vector<PlanBlock>& plan) {
  return dumped(plan_json(plan));
}

std::string to_json(const Report& report) {
  Json json;
  json["ok"] = !report.has_errors();
  json["errors"] = messages_json(report, true);
  json["warnings"] = messages_json(report, false);
  return dumped(json);
}

std::string to_json(const Certification& certification) {
  Json json;
  json["ok"] = certification.ok();
  json["errors"] = messages_json(certification.report, true);
  json["warnings"] = messages_json(certification.report, false);
  json["rows"] = certification.rows;
  json["random"] = certification.random;
  json["certificates"] = Json::array();
  for (const Certificate& c : certification.certificates) {
    json["certificates"].push_back({{"block", c.name},
                                    {"solver", c.solver},
                                    {"verdict", c.verdict},
                                    {"claim", c.claim},
                                    {"found", c.found},
                                    {"allowed", c.allowed},
                                    {"checked", c.checked},
                                    {"all", c.all},
                                    {"place", c.place}});
  }
  return dumped(json);
}

ParameterFile read_parameters(const std::string& path) {
  Diagnostics diagnostics;
  ParameterFile to;
  const auto finish = [&](std::optional<Diagnostic> diagnostic) {
    if (diagnostic) diagnostics.report(std::move(*diagnostic));
    to.report = Report({std::move(diagnostics), nullptr});
    return to;
  };
  constexpr size_t most_bytes = size_t{256} << 20;
  const std::optional<std::string> text = read_text_file(path, most_bytes, diagnostics);
  if (!text) return finish(std::nullopt);

  Json json = Json::parse(*text, nullptr, false);
  if (json.is_object() && json.contains("parameters")) json = Json(json["parameters"]);
  if (!json.is_object()) {
    const char* what = json.is_discarded() ? "is not JSON" : "holds no JSON object of parameters";
    return finish(Diagnostic{.code = Code::start_unreadable, .message = fmt::format("`{}` {}", path, what)});
  }
  for (const auto& [name, value] : json.items()) {
    Values values{name, {}, {}};
    if (!read_nested(value, 0, values)) {
      return finish(Diagnostic{
          .code = Code::start_unreadable,
          .message =
              fmt::format("in `{}`, `{}` is not a number or a rectangular list of numbers", path, name)});
    }
    to.parameters.push_back(std::move(values));
  }
  return finish(std::nullopt);
}

namespace fit_file {
namespace {

/// None of a text that is not UTF-8.
std::optional<std::string> strictly_dumped(const Json& json) {
  try {
    return json.dump();
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

bool is_size(const Json& json) {
  return json.is_number_unsigned() && json.get<uint64_t>() < uint64_t{1} << 62;
}

std::optional<Array> array_from_json(const std::string& name, const Json& json) {
  constexpr size_t most_axes = 16;
  if (!json.is_object()) return std::nullopt;
  const auto dtype = json.find("dtype"), shape = json.find("shape"), place = json.find("data_offsets");
  if (dtype == json.end() || shape == json.end() || place == json.end()) return std::nullopt;
  if (!dtype->is_string() || !shape->is_array() || shape->size() > most_axes || !place->is_array() ||
      place->size() != 2)
    return std::nullopt;
  if (!std::ranges::all_of(*shape, is_size) || !std::ranges::all_of(*place, is_size)) return std::nullopt;
  Array to{name, dtype->get<std::string>(), {}, (*place)[0].get<uint64_t>(), (*place)[1].get<uint64_t>()};
  for (const Json& size : *shape) to.shape.push_back(size.get<int64_t>());
  return to;
}

}  // namespace

std::optional<std::string> header_to_json(const Header& header) {
  Json json = {{"__metadata__", header.metadata}};
  for (const Array& array : header.arrays)
    json[array.name] = {
        {"dtype", array.dtype}, {"shape", array.shape}, {"data_offsets", {array.begin, array.end}}};
  return strictly_dumped(json);
}

std::optional<Header> header_from_json(std::string_view text, std::string& fault) {
  const Json json = Json::parse(text, nullptr, false);
  fault = "its header is no JSON object";
  if (!json.is_object()) return std::nullopt;
  Header to;
  for (const auto& [name, value] : json.items()) {
    if (name != "__metadata__") {
      std::optional<Array> array = array_from_json(name, value);
      fault = "its header has an entry that describes no array";
      if (!array) return std::nullopt;
      to.arrays.push_back(std::move(*array));
      continue;
    }
    fault = "`__metadata__` is no object of texts";
    if (!value.is_object()) return std::nullopt;
    for (const auto& [key, each] : value.items()) {
      if (!each.is_string()) return std::nullopt;
      to.metadata[key] = each.get<std::string>();
    }
  }
  fault.clear();
  return to;
}

std::optional<std::string> texts_to_json(const std::vector<std::string>& texts) {
  return strictly_dumped(Json(texts));
}

std::optional<std::vector<std::string>> texts_from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_array() || !std::ranges::all_of(json, [](const Json& each) { return each.is_string(); }))
    return std::nullopt;
  return json.get<std::vector<std::string>>();
}

}  // namespace fit_file

}  // namespace lvm
