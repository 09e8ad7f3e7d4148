#include "commands.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "console.h"
#include "exit_codes.h"
#include "summary.h"

namespace lvmc {
namespace {

/// Messages go to stderr; `--quiet` keeps errors alone.
void show(const lvm::Report& report, const Arguments& arguments) {
  if (arguments.quiet && !report.has_errors()) return;
  write_error(report.render(use_color(arguments.color)));
}

int failure(const lvm::Report& report, const Arguments& arguments) {
  show(report, arguments);
  return report.file_error() ? files : wrong_input;
}

int print(std::string_view text) {
  if (write_out(text)) return success;
  write_error(fmt::format("lvmc: cannot write the output: {}\n", std::strerror(errno)));
  return files;
}

bool write_file(const std::string& path, std::string_view text) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  bool good = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (file != nullptr) good = (std::fclose(file) == 0) && good;
  if (!good) write_error(fmt::format("lvmc: cannot write `{}`: {}\n", path, std::strerror(errno)));
  return good;
}

lvm::BoundModel bound_model(const lvm::Model& model, const Arguments& arguments) {
  lvm::ReadOptions options = arguments.read;
  options.threads = arguments.fit.threads;
  return lvm::bind(model, lvm::read_data(arguments.data, options), arguments.bind);
}

/// `--emit`: the stage as text, from the model alone where that is all there is.
int emit(const lvm::Model& model, const Arguments& arguments) {
  const lvm::Stage stage = *arguments.emit;
  if (arguments.data.empty()) {
    if (stage >= lvm::Stage::program) {
      write_error(fmt::format("lvmc: `--emit={}` needs a data file: sizes come from it\n",
                              lvm::stage_names[static_cast<size_t>(stage)]));
      return usage;
    }
    return print(model.emit(stage));
  }
  const lvm::BoundModel bound = bound_model(model, arguments);
  if (!bound.ok()) return failure(bound.report(), arguments);
  return print(bound.emit(stage));
}

int interrupted_code() {
  return interrupted + stop_signal();
}

lvm::Fit fit_with_progress(const lvm::BoundModel& bound, const Arguments& arguments,
                           std::vector<lvm::Values> init, const std::string& objective_name) {
  ProgressLine line(arguments.quiet);
  lvm::FitOptions options = arguments.fit;
  options.init = std::move(init);
  options.progress = [&](const lvm::Progress& progress) {
    line.show(progress, objective_name, bound.rows());
    return stop_signal() == 0;
  };
  lvm::Fit fit = lvm::fit(bound, options);
  line.clear();
  return fit;
}

std::string table_name(const std::vector<std::string>& files) {
  const size_t more = files.size() - 1;
  return more == 0 ? files.front()
                   : fmt::format("{} and {} more file{}", files.front(), more, more == 1 ? "" : "s");
}

int print_fit(const lvm::Fit& fit, const Arguments& arguments) {
  if (!arguments.save.empty() && !write_file(arguments.save, lvm::parameters_to_json(fit) + "\n"))
    return files;
  const int printed = print(arguments.json ? lvm::to_json(fit) + "\n"
                                           : summary(fit, table_name(arguments.data), arguments.verbose));
  if (printed != success) return printed;
  if (fit.stopped) return interrupted_code();
  return arguments.strict && !fit.converged ? not_converged : success;
}

std::string well_formed(const lvm::Model& model, const lvm::BoundModel* bound) {
  std::string text = fmt::format("{} is well formed\n", model.name());
  if (bound != nullptr)
    text += fmt::format("data: {} rows\n{}", bound->rows(), binding_lines(bound->variables(), false));
  text += "plan\n" + plan_lines(model.plan());
  if (bound != nullptr) text += fmt::format("{} free parameters\n", bound->free_parameters());
  return text;
}

}  // namespace

int run(const Arguments& arguments) {
  catch_signals();
  const lvm::Model model = lvm::compile_file(arguments.model, arguments.compile);
  // The syntax tree is worth a look even where later stages found faults.
  if (arguments.emit && (model.ok() || *arguments.emit == lvm::Stage::ast)) {
    const int printed = emit(model, arguments);
    if (printed != success || model.ok()) return printed;
  }
  if (!model.ok()) return failure(model.report(), arguments);
  std::vector<lvm::Values> init;
  if (!arguments.init.empty()) {
    lvm::ParameterFile file = lvm::read_parameters(arguments.init);
    if (file.report.has_errors()) return failure(file.report, arguments);
    init = std::move(file.parameters);
  }
  const lvm::BoundModel bound = bound_model(model, arguments);
  if (stop_signal() != 0) return interrupted_code();
  if (!bound.ok()) return failure(bound.report(), arguments);

  const lvm::Fit fit = fit_with_progress(bound, arguments, std::move(init), model.objective_name());
  if (!fit.ok()) {
    const int code = failure(fit.report(), arguments);
    return stop_signal() != 0 ? interrupted_code() : code;
  }
  show(fit.report(), arguments);
  return print_fit(fit, arguments);
}

int check(const Arguments& arguments) {
  const lvm::Model model = lvm::compile_file(arguments.model, arguments.compile);
  if (model.ok() && arguments.emit) return emit(model, arguments);
  std::optional<lvm::BoundModel> bound;
  if (model.ok() && !arguments.data.empty()) bound = bound_model(model, arguments);
  const lvm::Report& report = bound ? bound->report() : model.report();
  if (arguments.json) {
    const int printed = print(lvm::to_json(report) + "\n");
    if (printed != success || !report.has_errors()) return printed;
    return report.file_error() ? files : wrong_input;
  }
  if (report.has_errors()) return failure(report, arguments);
  show(report, arguments);
  return print(well_formed(model, bound ? &*bound : nullptr));
}

int explain(const Arguments& arguments) {
  const std::string& name = arguments.model;
  const bool code = name.size() == 5 && name.find_first_not_of("0123456789", 1) == std::string::npos;
  if (code) {
    const std::optional<std::string> text = lvm::explain_code(name);
    if (text) return print(*text);
    write_error(fmt::format("lvmc: there is no diagnostic `{}`\n", name));
    return usage;
  }
  const lvm::Model model = lvm::compile_file(name, arguments.compile);
  if (!model.ok()) return failure(model.report(), arguments);
  if (arguments.emit) return emit(model, arguments);
  if (arguments.data.empty()) {
    show(model.report(), arguments);
    return print(model.explain());
  }
  const lvm::BoundModel bound = bound_model(model, arguments);
  if (!bound.ok()) return failure(bound.report(), arguments);
  show(bound.report(), arguments);
  return print(bound.explain());
}

int format(const Arguments& arguments) {
  const lvm::Formatted formatted = lvm::format_file(arguments.model);
  if (formatted.report.has_errors()) return failure(formatted.report, arguments);
  if (arguments.check_layout) {
    if (!formatted.changed) return success;
    write_error(fmt::format("lvmc: `{}` is not in the canonical layout: run `lvmc fmt`\n", arguments.model));
    return wrong_input;
  }
  if (arguments.model == "-") return print(formatted.text);
  return !formatted.changed || write_file(arguments.model, formatted.text) ? success : files;
}

}  // namespace lvmc
