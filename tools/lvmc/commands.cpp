#include "commands.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "console.h"
#include "exit_codes.h"
#include "results.h"
#include "run_folder.h"
#include "summary.h"
#include "sweep_table.h"

namespace lvmc {
namespace {

lvm::BoundModel bound_model(const lvm::Model& model, const Arguments& arguments) {
  return lvm::bind(model, table(arguments), arguments.bind);
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

/// A run folder stands for the parameters in it.
std::string parameter_file(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored) ? path + "/parameters.json" : path;
}

std::string table_name(const std::vector<std::string>& files) {
  const size_t more = files.size() - 1;
  return more == 0 ? files.front()
                   : fmt::format("{} and {} more file{}", files.front(), more, more == 1 ? "" : "s");
}

/// What a fit is called on stdout, in either form.
struct Printed {
  std::string summary, json;
};

/// The folder is written first, but the result is printed whatever becomes of it.
int print_fit(const lvm::Fit& fit, const Printed& printed, const Arguments& arguments) {
  int code = success;
  if (!arguments.save.empty() && !write_file(arguments.save, lvm::parameters_to_json(fit) + "\n"))
    code = files;
  Saved saved;
  if (!arguments.no_folder) {
    saved = write_run_folder(arguments, fit, printed.summary, printed.json);
    if (!saved.fault.empty()) {
      write_error(fmt::format("lvmc: the run is not saved: {}\n", saved.fault));
      if (arguments.out.empty())
        write_error("      `--out DIR` names another folder, and `--no-folder` saves none\n");
      code = files;
    }
  }
  const std::string where = saved.folder.empty() ? "" : fmt::format("run: {}\n", saved.folder);
  const int written = print(arguments.json ? printed.json + "\n" : printed.summary + where);
  if (written != success || code != success) return written != success ? written : code;
  if (fit.stopped) return interrupted_code();
  return arguments.strict && !fit.converged ? not_converged : success;
}

/// `--set K=1..9`: a table of all, and the best as any fit.
int run_sweep(const Arguments& arguments, std::vector<lvm::Values> init) {
  const lvm::Data data = table(arguments);
  if (stop_signal() != 0) return interrupted_code();
  if (!data.ok()) return failure(data.report(), arguments);
  std::optional<ProgressLine> line;
  lvm::SweepOptions options{arguments.sweep, arguments.select, arguments.fit};
  options.fit.init = std::move(init);
  options.begin = [&](const lvm::SweepEntry&) {
    if (line) line->clear();
    line.emplace(arguments.quiet);
  };
  options.fit.progress = [&](const lvm::Progress& progress) {
    line->show(progress, "objective", data.rows());
    return stop_signal() == 0;
  };
  const lvm::Sweep sweep = lvm::sweep(arguments.model, arguments.compile, data, arguments.bind, options);
  if (line) line->clear();
  if (!sweep.best) {
    if (!arguments.json && sweep.entries.size() > 1) write_error(sweep_table(sweep));
    const int code = failure(sweep.report, arguments);
    if (!sweep.report.has_errors())
      write_error("lvmc: no fit has the criterion that `--select` names (with `q = point` that is icl)\n");
    return stop_signal() != 0 ? interrupted_code() : code;
  }
  show(sweep.report, arguments);
  const Printed printed{
      sweep_table(sweep) + "\n" + summary(sweep.fit, table_name(arguments.data), arguments.verbose),
      lvm::to_json(sweep)};
  const int code = print_fit(sweep.fit, printed, arguments);
  return sweep.stopped && code == success ? interrupted_code() : code;
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
  lvm::CompileOptions settings = arguments.compile;
  // Of a sweep the first values say whether the model is well formed.
  for (const lvm::SweepAxis& axis : arguments.sweep) settings.settings[axis.name] = axis.values.front();
  const lvm::Model model = lvm::compile_file(arguments.model, settings);
  // The syntax tree is worth a look even where later stages found faults.
  if (arguments.emit && (model.ok() || *arguments.emit == lvm::Stage::ast)) {
    const int printed = emit(model, arguments);
    if (printed != success || model.ok()) return printed;
  }
  if (!model.ok() && arguments.sweep.empty()) return failure(model.report(), arguments);
  std::vector<lvm::Values> init;
  if (!arguments.init.empty()) {
    lvm::ParameterFile file = lvm::read_parameters(parameter_file(arguments.init));
    if (file.report.has_errors()) return failure(file.report, arguments);
    init = std::move(file.parameters);
  }
  if (!arguments.out.empty()) {
    if (const std::string fault = run_folder_fault(arguments); !fault.empty()) {
      write_error(fmt::format("lvmc: {}\n", fault));
      return files;
    }
  }
  if (!arguments.sweep.empty()) return run_sweep(arguments, std::move(init));
  const lvm::BoundModel bound = bound_model(model, arguments);
  if (stop_signal() != 0) return interrupted_code();
  if (!bound.ok()) return failure(bound.report(), arguments);

  const lvm::Fit fit = fit_with_progress(bound, arguments, std::move(init), model.objective_name());
  if (!fit.ok()) {
    const int code = failure(fit.report(), arguments);
    return stop_signal() != 0 ? interrupted_code() : code;
  }
  show(fit.report(), arguments);
  return print_fit(fit, {summary(fit, table_name(arguments.data), arguments.verbose), lvm::to_json(fit)},
                   arguments);
}

namespace {

/// `check --certify`. A certificate that fails is a fault of lvm.
int certify(const lvm::Model& model, const lvm::BoundModel* bound, const Arguments& arguments) {
  const lvm::CertifyOptions options{.seed = arguments.fit.seed.value_or(1)};
  const lvm::Certification found =
      bound != nullptr ? lvm::certify(*bound, options) : lvm::certify(model, options);
  const bool failed = std::ranges::any_of(found.certificates,
                                          [](const lvm::Certificate& c) { return c.verdict == "failed"; });
  const int code = failed ? internal : found.ok() ? success : wrong_input;
  std::string text = lvm::to_json(found) + "\n";
  if (!arguments.json) {
    show(found.report, arguments);
    text = well_formed(model, bound);
    if (!found.certificates.empty()) {
      text += fmt::format("certificates, on {} {}rows\n{}", found.rows, found.random ? "random " : "",
                          certificate_lines(found.certificates));
    }
  }
  const int printed = print(text);
  return code != success ? code : printed;
}

}  // namespace

int check(const Arguments& arguments) {
  const lvm::Model model = lvm::compile_file(arguments.model, arguments.compile);
  if (model.ok() && arguments.emit) return emit(model, arguments);
  std::optional<lvm::BoundModel> bound;
  if (model.ok() && !arguments.data.empty()) bound = bound_model(model, arguments);
  if (arguments.certify && model.ok() && (!bound || bound->ok()))
    return certify(model, bound ? &*bound : nullptr, arguments);
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
    return print(arguments.latex ? model.explain_latex() : model.explain());
  }
  const lvm::BoundModel bound = bound_model(model, arguments);
  if (!bound.ok()) return failure(bound.report(), arguments);
  show(bound.report(), arguments);
  return print(arguments.latex ? bound.explain_latex() : bound.explain());
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
