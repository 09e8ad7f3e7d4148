#include "frontend/analysis/analyse.h"

#include "frontend/analysis/context.h"

namespace lvm {
namespace analysis {

namespace {

ir::Model empty_model(const ast::ModelFile& file) {
  ir::Model model;
  model.name = file.name.text;
  model.module.name = file.name.text;
  model.module.level = ir::Level::elbo;
  model.module.axes = {{.name = "row", .kind = ir::AxisKind::rows}};
  model.module.functions = {{.name = "model"}};
  return model;
}

// Without data there is nothing to fit; said once, at the model's name.
void check_data(Context& context) {
  for (const ast::Declaration& declaration : context.file.declarations)
    if (const auto* data = std::get_if<ast::DataDeclaration>(&declaration.node); data && !data->given) return;
  report(context, Code::no_data, context.file.name.range, "the model has no data", "",
         "declare some: `data y: real`");
}

}  // namespace

Context::Context(const ast::ModelFile& model_file, const Settings& model_settings,
                 Diagnostics& model_diagnostics)
    : file(model_file),
      settings(model_settings),
      diagnostics(model_diagnostics),
      model(empty_model(model_file)),
      builder(model.module, model.module.functions.front()) {}

}  // namespace analysis

ir::Model analyse(const ast::ModelFile& file, const Settings& settings, Diagnostics& diagnostics) {
  analysis::Context context(file, settings, diagnostics);
  analysis::declare_names(context);
  analysis::analyse_axes(context);
  analysis::analyse_variables(context);
  analysis::check_axis_sources(context);
  analysis::check_lets(context);
  analysis::analyse_constants(context);
  analysis::analyse_networks(context);
  analysis::analyse_parameters(context);
  analysis::analyse_factors(context);
  analysis::analyse_posteriors(context);
  analysis::analyse_fit(context);
  analysis::check_usage(context);
  analysis::bind_weights(context);
  analysis::check_settings(context);
  analysis::check_data(context);
  return std::move(context.model);
}

}  // namespace lvm
