// The steps that need no table: compile, emit, explain, format.

#include <algorithm>

#include "api/latex.h"
#include "api/state.h"
#include "api/text_file.h"
#include "backends/em/lower.h"

namespace lvm {
namespace {

/// More than the compiler accepts, so that a file that is too long is still refused as such.
constexpr size_t most_bytes = size_t{8} << 20;

}  // namespace

bool Model::ok() const {
  return state && !state->report.has_errors();
}

const Report& Model::report() const {
  return state->report;
}

std::string Model::name() const {
  return state->compiled.syntax ? state->compiled.syntax->name.text : std::string();
}

std::vector<PlanBlock> plan_blocks(const ir::Plan& plan) {
  std::vector<PlanBlock> blocks;
  for (const ir::Block& block : plan.blocks) {
    blocks.push_back({block.name, block.latent, std::string(ir::name(block.solver)),
                      std::string(ir::name(block.block_class)), block.reason});
  }
  return blocks;
}

std::vector<PlanBlock> Model::plan() const {
  return state->compiled.plan ? plan_blocks(*state->compiled.plan) : std::vector<PlanBlock>();
}

std::string Model::objective_name() const {
  return state->compiled.plan ? state->compiled.plan->objective_name : std::string();
}

std::string Model::explain() const {
  const driver::Compiled& compiled = state->compiled;
  if (!compiled.canonical) return "";
  return guarded(
      [&] { return driver::explain(compiled.planned(), *compiled.elbo, *compiled.plan, nullptr); });
}

std::string Model::explain_latex() const {
  const driver::Compiled& compiled = state->compiled;
  return compiled.canonical ? to_latex(explain(), names_of(compiled.planned())) : "";
}

std::string Model::emit(Stage stage) const {
  const driver::Compiled& compiled = state->compiled;
  return guarded([&]() -> std::string {
    switch (stage) {
      case Stage::ast: return compiled.syntax ? ast::print(*compiled.syntax) : "";
      case Stage::model: return compiled.model ? ir::print(*compiled.model) : "";
      case Stage::elbo: return compiled.elbo ? ir::print(*compiled.elbo) : "";
      case Stage::plan: return compiled.plan ? ir::print(*compiled.plan) : "";
      case Stage::canonical: return compiled.canonical ? ir::print(*compiled.canonical) : "";
      case Stage::program:
      case Stage::loop:
      case Stage::llvm:
      case Stage::assembly: return "";
    }
    return "";
  });
}

std::vector<std::string> names_of(const ir::Model& model) {
  std::vector<std::string> names;
  for (const ir::Variable& variable : model.variables) names.push_back(variable.name);
  for (const ir::ModelAxis& axis : model.axes) {
    std::string index = model.module.axis(axis.id).name;
    std::ranges::transform(index, index.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    names.push_back(std::move(index));
  }
  return names;
}

Model compile(std::string_view text, const CompileOptions& options) {
  return guarded([&] {
    auto state = std::make_shared<Model::State>();
    state->compiled = driver::compile(options.file_name, std::string(text), options.settings);
    state->report = Report({state->compiled.diagnostics, state->compiled.source});
    return Model{std::move(state)};
  });
}

Model compile_file(const std::string& path, CompileOptions options) {
  Diagnostics diagnostics;
  const std::optional<std::string> text = read_text_file(path, most_bytes, diagnostics);
  options.file_name = path;
  if (text) return compile(*text, options);
  auto state = std::make_shared<Model::State>();
  state->compiled.source = std::make_shared<SourceFile>(path, "");
  state->compiled.diagnostics = diagnostics;
  state->report = Report({diagnostics, nullptr});
  return Model{std::move(state)};
}

Formatted format_file(const std::string& path) {
  Diagnostics diagnostics;
  const std::optional<std::string> text = read_text_file(path, most_bytes, diagnostics);
  if (!text) return {Report({diagnostics, nullptr}), "", false};
  return format(*text, path);
}

}  // namespace lvm
