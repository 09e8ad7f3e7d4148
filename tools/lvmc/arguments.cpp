#include "arguments.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "exit_codes.h"
#include "sweep_table.h"

namespace lvmc {
namespace {

constexpr const char* examples = R"(Examples:
  lvmc run gmm.lvm faithful.csv                    fit, print a summary, keep the run in lvm_runs/gmm/1
  lvmc run gmm.lvm faithful.csv --set K=2 --restarts 10 --json
  lvmc run gmm.lvm faithful.csv --set K=1..9       fit each, and keep the best by BIC
  lvmc run gmm.lvm a.csv.gz b.csv.gz --out runs/1  two files are one table; keep the run
  lvmc check gmm.lvm                               is the model well formed, and how is it fitted
  lvmc score lvm_runs/gmm/1 new.csv                how probable are new rows
  lvmc infer lvm_runs/gmm/1 new.csv --out z.csv    the posterior of their latents
  lvmc sample lvm_runs/gmm/1 -n 1000               rows drawn from the fit; --given new.csv: rows made anew
  lvmc impute lvm_runs/gmm/1 gaps.csv --out whole.csv   missing cells, with their standard deviations
  lvmc draw lvm_runs/vae/1 --what samples --out samples.png
  lvmc explain gmm.lvm                             the bound, the plan with reasons, every update
  lvmc explain E0412                               what a diagnostic means
Exit codes: 0 done, 1 the model or the data is wrong, 2 usage, 3 not converged (--strict), 4 files, 70 internal,
130 and 143 interrupted.)";

/// Commands of later versions: naming them is better than "no such command".
const std::vector<std::string> later_commands = {"compare", "report", "build", "lsp"};

/// Texts as they stand on the command line, before they are split and checked.
struct Raw {
  std::vector<std::string> set, bind, na;
  std::string resume, delimiter, emit, backend, select, shape, what, between, precision;
};

void add_model_options(CLI::App& command, Arguments& to, Raw& raw) {
  command
      .add_option("--set", raw.set,
                  "NAME=VALUE: the size of an axis, a constant or a fit setting; `run` tries all of "
                  "NAME=1..9 and NAME=2,3,5")
      ->expected(1)
      ->take_all();
  command
      .add_option("--precision", raw.precision,
                  "of the numbers of a fit by gradients: single, double, or bf16 for single with products in "
                  "bfloat16")
      ->check(CLI::IsMember({"single", "double", "bf16"}));
  command.add_option("--emit", raw.emit,
                     fmt::format("print a stage instead: {}", fmt::join(lvm::stage_names, ", ")));
  command.add_option("--color", to.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  command.add_flag("-q,--quiet", to.quiet, "nothing on stderr but errors");
}

void add_data_options(CLI::App& command, Arguments& to, Raw& raw) {
  command.add_option("data", to.data,
                     "CSV or TSV with a header, .npy or IDX, each also as gzip; - is the standard input; "
                     "several files are one table");
  command.add_option("--bind", raw.bind, "NAME=COLUMN,COLUMN: the columns of a data variable")
      ->expected(1)
      ->take_all();
  command.add_option("--delimiter", raw.delimiter, "what separates cells: a character, or tab");
  command.add_option("--na", raw.na, "TEXT,TEXT: how missing cells are written, beside empty, NA and NaN")
      ->expected(1)
      ->take_all();
}

void add_fit_options(CLI::App& command, Arguments& to, Raw& raw) {
  lvm::FitOptions& fit = to.fit;
  command.add_option("--seed", fit.seed, "of all random numbers; it is printed and stored");
  command.add_option("--restarts", fit.restarts, "runs from different starts; the best is kept");
  command.add_flag("--accelerate", to.accelerate, "leap ahead between iterations (SQUAREM) where that gains");
  command.add_flag("--standard-errors", fit.standard_errors,
                   "of the parameters, from the observed information");
  command.add_option("--iterations", fit.iterations, "the most iterations of a run");
  command.add_option("--tolerance", fit.tolerance, "stop when less than this is left to gain, in nats");
  command.add_option("--method", fit.method, "auto, em or gradient");
  command.add_option("--threads", fit.threads, "0: as many as the machine has; results do not depend on it");
  command.add_option("--init", to.init, "start from the parameters in this file (of --json or --save)");
  command.add_option("--checkpoint", fit.checkpoint,
                     "of a fit by gradients: keep the state of the run in this file, after each epoch");
  command.add_option("--resume", raw.resume, "go on from such a file, and keep the state there");
  command.add_option("--save", to.save, "write the fitted parameters to this file, as JSON");
  command
      .add_option("--select", raw.select,
                  "of several settings keep the best by aic, bic (the default) or icl")
      ->check(CLI::IsMember({"aic", "bic", "icl"}));
  command.add_option("--out", to.out,
                     "write the run into this new folder, not into the next one of lvm_runs/<model>");
  command.add_flag("--no-folder", to.no_folder, "write no folder of the run");
  command.add_flag("--overwrite", to.overwrite, "`--out` may replace the run that is there");
  command.add_flag("--posterior", to.posterior,
                   "into the folder of the run: also the posterior of every row");
  command.add_option("--backend", raw.backend, "llvm, or interpreter: slow, for checking the compiler")
      ->check(CLI::IsMember({"llvm", "interpreter"}));
  command.add_flag("--json", to.json, "print one JSON object");
  command.add_flag("--strict", to.strict, "exit with 3 when the fit has not converged");
  command.add_flag("-v,--verbose", to.verbose, "every run, and every cell of the parameters");
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// "name=value" in two; none without a name or `=`.
std::optional<std::pair<std::string, std::string>> assignment(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

/// "28x28"; false where these are not two whole numbers from 1.
bool two_numbers(const std::string& text, char between, int64_t& first, int64_t& second) {
  const std::vector<std::string> parts = split(text, between);
  const auto read = [](const std::string& part, int64_t& to) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), to);
    return error == std::errc() && end == part.data() + part.size() && to >= 1 && to <= 1 << 20;
  };
  return parts.size() == 2 && read(parts[0], first) && read(parts[1], second);
}

/// Empty, or what is wrong.
std::string read_raw(const Raw& raw, Arguments& to) {
  for (const std::string& text : raw.set) {
    const auto pair = assignment(text);
    if (!pair) return fmt::format("`--set {}`: write NAME=VALUE", text);
    std::string fault;
    std::vector<std::string> values = swept_values(pair->second, fault);
    if (!fault.empty()) return fmt::format("`--set {}`: {}", text, fault);
    if (values.empty()) {
      to.compile.settings[pair->first] = pair->second;
    } else {
      to.sweep.push_back({pair->first, std::move(values)});
    }
  }
  if (to.fit.method) to.compile.settings.emplace("fit.method", *to.fit.method);
  if (!raw.precision.empty()) to.compile.settings.emplace("fit.precision", raw.precision);
  for (const std::string& text : raw.bind) {
    const auto pair = assignment(text);
    if (!pair) return fmt::format("`--bind {}`: write NAME=COLUMN,COLUMN", text);
    to.bind.columns[pair->first] = split(pair->second, ',');
  }
  for (const std::string& text : raw.na) {
    for (std::string& part : split(text, ',')) to.read.missing.push_back(std::move(part));
  }
  if (!raw.delimiter.empty()) {
    const std::string text = raw.delimiter == "tab" || raw.delimiter == "\\t" ? "\t" : raw.delimiter;
    if (text.size() != 1) return fmt::format("`--delimiter {}`: one character, or tab", raw.delimiter);
    to.read.delimiter = text[0];
  }
  if (!raw.emit.empty()) {
    const auto* found = std::ranges::find(lvm::stage_names, raw.emit);
    if (found == std::end(lvm::stage_names)) {
      return fmt::format("there is no stage `{}`: the stages are {}", raw.emit,
                         fmt::join(lvm::stage_names, ", "));
    }
    to.emit = static_cast<lvm::Stage>(found - std::begin(lvm::stage_names));
  }
  if (!raw.select.empty()) {
    const auto* found = std::ranges::find(lvm::criterion_names, raw.select);
    to.select = static_cast<lvm::Criterion>(found - std::begin(lvm::criterion_names));
  }
  if (!raw.what.empty())
    to.picture.kind = static_cast<lvm::PictureKind>(std::ranges::find(lvm::picture_names, raw.what) -
                                                    std::begin(lvm::picture_names));
  if (!raw.shape.empty() && !two_numbers(raw.shape, 'x', to.picture.rows, to.picture.columns))
    return fmt::format("`--shape {}`: write ROWSxCOLUMNS, such as 28x28", raw.shape);
  if (!raw.between.empty() && !two_numbers(raw.between, ',', to.picture.from, to.picture.to))
    return fmt::format("`--between {}`: write two rows, such as 1,7", raw.between);
  if (to.accelerate) to.fit.accelerate = true;
  if (!raw.resume.empty()) {
    if (!to.fit.checkpoint.empty())
      return "`--resume FILE` keeps the state in that file: leave `--checkpoint` out";
    to.fit.checkpoint = raw.resume;
    to.fit.resume = true;
  }
  if (!to.fit.checkpoint.empty() && !to.sweep.empty()) return "a sweep keeps no checkpoint: fit one setting";
  to.fit.backend = raw.backend == "interpreter" ? lvm::Backend::interpreter : lvm::Backend::compiled;
  return "";
}

std::string suggestion(const std::string& name, const std::vector<std::string>& candidates) {
  const std::optional<std::string> near = lvm::did_you_mean(name, candidates);
  return near ? fmt::format("; did you mean `{}`?", *near) : "";
}

std::string unknown_option(const CLI::App& command, const std::string& given) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  const std::string name = given.substr(0, given.find('='));
  if (name[0] != '-' || name == "-")
    return fmt::format("`{}` is one argument too many for `{}`", given, command.get_name());
  return fmt::format("`{}` has no option `{}`{}", command.get_name(), name, suggestion(name, names));
}

std::string unknown_command(const std::string& given) {
  if (given[0] == '-') return fmt::format("there is no option `{}` before a command", given);
  if (std::ranges::find(later_commands, given) != later_commands.end()) {
    return fmt::format("`lvmc {}` is not there yet", given);
  }
  std::vector<std::string> commands = {"run",    "check", "explain", "score",  "infer",     "sample",
                                       "impute", "draw",  "fmt",     "doctor", "completion"};
  commands.insert(commands.end(), later_commands.begin(), later_commands.end());
  return fmt::format("there is no command `{}`{}", given, suggestion(given, commands));
}

Parsed wrong(const std::string& what) {
  return {std::nullopt, usage, "",
          fmt::format("lvmc: {}\n`lvmc --help` lists the commands and options\n", what)};
}

std::string missing_files(const Arguments& arguments) {
  const std::vector<std::string> asking = {"run", "score", "infer", "impute"};
  const bool asks = std::ranges::count(asking, arguments.command) > 0;
  if (!asks || !arguments.data.empty()) return "";
  if (arguments.emit && *arguments.emit < lvm::Stage::program) return "";
  return fmt::format("`{}` needs a data file", arguments.command);
}

/// Options that only mean something beside others.
std::string misplaced(const Arguments& arguments, const Raw& raw) {
  const bool sweeps = !arguments.sweep.empty();
  if (sweeps && (arguments.command != "run" || arguments.emit)) {
    return fmt::format("`--set {}` with several values is for a fit: give one", arguments.sweep.front().name);
  }
  const auto inputs = std::ranges::count(arguments.data, "-") + (arguments.model == "-" ? 1 : 0);
  if (inputs > 1) return "the standard input can be read once: give one `-`";
  if (sweeps && arguments.model == "-") return "several settings read the model more than once: give a file";
  if (!raw.select.empty() && !sweeps) return "`--select` chooses among several settings: `--set K=1..9`";
  if (arguments.out.empty() && arguments.overwrite) return "`--overwrite` is about what `--out` names";
  if (arguments.no_folder && arguments.posterior)
    return "`--posterior` writes into the folder of the run, and `--no-folder` writes none";
  if (arguments.no_folder && !arguments.out.empty()) return "`--out` and `--no-folder` contradict each other";
  if (arguments.json && !arguments.format.empty() && arguments.format != "json")
    return fmt::format("`--json` and `--format {}` contradict each other", arguments.format);
  if (arguments.certify && arguments.emit)
    return "`--certify` and `--emit` are two different questions: choose one";
  if (arguments.latex && arguments.emit) return "`--latex` and `--emit` are two different texts: choose one";
  return "";
}

/// Of commands that ask a fit.
void add_question_options(CLI::App& command, Arguments& to, Raw& raw, const char* out) {
  command.add_option("--out", to.out, out);
  command.add_flag("--overwrite", to.overwrite, "`--out` may replace the file that is there");
  command.add_option("--seed", to.fit.seed, "of the draws; the fit's own where nothing is said");
  command.add_option("--threads", to.fit.threads,
                     "0: as many as the machine has; results do not depend on it");
  command.add_flag("--json", to.json, "print one JSON object");
  command.add_option("--backend", raw.backend, "llvm, or interpreter: slow, for checking the compiler")
      ->check(CLI::IsMember({"llvm", "interpreter"}));
  command.add_option("--color", to.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  command.add_flag("-q,--quiet", to.quiet, "nothing on stderr but errors");
}

/// Of those whose answer is columns.
void add_format(CLI::App& command, Arguments& to) {
  command
      .add_option("--format", to.format,
                  "csv, npy or json; where nothing is said by the ending of `--out`, else csv")
      ->check(CLI::IsMember({"csv", "npy", "json"}));
}

/// Declares the commands; their values land in `to` and `raw`.
void declare(CLI::App& app, Arguments& to, Raw& raw) {
  app.footer(examples);
  app.set_version_flag("--version", "lvmc " + lvm::version());
  app.allow_extras();
  const auto add = [&](const char* name, const char* what, const char* argument) {
    CLI::App* command = app.add_subcommand(name, what);
    command->allow_extras();
    command->add_option("model", to.model, argument)->required();
    return command;
  };
  CLI::App* run =
      add("run", "compile a model, fit it to a table and print a summary", "the model, a .lvm file");
  add_model_options(*run, to, raw);
  add_data_options(*run, to, raw);
  add_fit_options(*run, to, raw);
  CLI::App* check = add("check", "say whether a model, and the data, are well formed; print the plan",
                        "the model, a .lvm file");
  add_model_options(*check, to, raw);
  add_data_options(*check, to, raw);
  check->add_flag("--json", to.json, "print the messages as one JSON object");
  check->add_flag("--certify", to.certify,
                  "hold the compiled posterior and updates against ln P(y, z) as the model is written");
  check->add_option("--seed", to.fit.seed, "with `--certify`: of the start and of random rows");
  CLI::App* explain =
      add("explain", "print the bound, the plan with reasons, and every update; or what a diagnostic means",
          "the model, a .lvm file; or the code of a diagnostic");
  add_model_options(*explain, to, raw);
  add_data_options(*explain, to, raw);
  explain->add_flag("--latex", to.latex, "the bound and the updates as LaTeX, for amsmath");
  CLI::App* score = add("score", "say how probable the rows of a table are under a fitted model",
                        "the fit: the folder of a run, or its fit.lvmfit");
  add_data_options(*score, to, raw);
  add_question_options(*score, to, raw, "write the number of each row into this new CSV file");
  score
      ->add_option("--importance", to.importance,
                   "of fits by gradients: estimate ln P(y) by so many draws a row, instead of its bound")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  CLI::App* infer = add("infer", "the posterior of the latents of rows under a fitted model, as CSV",
                        "the fit: the folder of a run, or its fit.lvmfit");
  add_data_options(*infer, to, raw);
  add_question_options(*infer, to, raw, "write to this new file, not to stdout");
  add_format(*score, to);
  add_format(*infer, to);
  CLI::App* impute =
      add("impute", "complete the missing cells of a table by a fitted model, with their standard deviations",
          "the fit: the folder of a run, or its fit.lvmfit");
  add_data_options(*impute, to, raw);
  add_question_options(*impute, to, raw, "write to this new file, not to stdout");
  add_format(*impute, to);
  CLI::App* sample = add("sample", "draw rows from a fitted model, as CSV; or make given rows anew",
                         "the fit: the folder of a run, or its fit.lvmfit");
  add_question_options(*sample, to, raw, "write to this new file, not to stdout");
  add_format(*sample, to);
  sample->add_option("-n,--rows", to.rows, "how many rows")->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  sample->add_option("--given", to.data,
                     "a table whose rows are made anew: their latents are inferred, and the data drawn");
  sample->add_option("--bind", raw.bind, "NAME=COLUMN,COLUMN: the columns of a data variable")
      ->expected(1)
      ->take_all();
  sample->add_flag("--mean", to.mean, "E[data | latents] instead of draws; of categories the most probable");
  CLI::App* draw = add("draw", "pictures of a fitted model of images: PNG, and SVG of a scatter",
                       "the fit: the folder of a run, or its fit.lvmfit");
  add_data_options(*draw, to, raw);
  add_question_options(*draw, to, raw, "write the picture to this new file");
  draw->get_option("--out")->required();
  draw->add_option("--what", raw.what, fmt::format("{}", fmt::join(lvm::picture_names, ", ")))
      ->required()
      ->check(CLI::IsMember(
          std::vector<std::string>(std::begin(lvm::picture_names), std::end(lvm::picture_names))));
  draw->add_option("-n,--count", to.picture.count, "how many images; of a manifold along each side")
      ->check(CLI::Range(1, 1000));
  draw->add_option("--shape", raw.shape,
                   "ROWSxCOLUMNS of an image, where the data have one axis and are no square");
  draw->add_option("--between", raw.between, "A,B: the rows that a walk joins, from 1");
  draw->add_option("--label", to.picture.label, "a column of the table that colours the points of a scatter");
  CLI::App* layout = add("fmt", "write a model in its canonical layout, in place",
                         "the model, a .lvm file; - is the standard input");
  layout->add_flag("--check", to.check_layout, "change nothing; exit with 1 where the layout differs");
  layout->add_option("--color", to.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  CLI::App* doctor = app.add_subcommand("doctor", "say whether all that a fit needs works on this machine");
  doctor->allow_extras();
  doctor->add_flag("-q,--quiet", to.quiet, "nothing on stdout where all is well");
  CLI::App* completion = add("completion", "print a script by which a shell completes commands and options",
                             "bash, zsh or fish");
  completion->get_option("model")->check(
      CLI::IsMember(std::vector<std::string>(std::begin(shells), std::end(shells))));
}

/// "{a,b}" of a CLI::IsMember; empty of anything else.
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string text = option.get_type_name();
  const size_t open = text.find('{'), close = text.rfind('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  return split(text.substr(open + 1, close - open - 1), ',');
}

CommandOutline outline_of(const CLI::App& command) {
  CommandOutline to{command.get_name(), command.get_description(), {}};
  for (const CLI::Option* option : command.get_options()) {
    OptionOutline one{
        {}, choices_of(*option), option->get_description(), option->get_items_expected_max() > 0};
    for (const std::string& name : option->get_lnames()) one.names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) one.names.push_back("-" + name);
    if (!one.names.empty()) to.options.push_back(std::move(one));
  }
  return to;
}

}  // namespace

std::vector<CommandOutline> command_outlines() {
  Arguments ignored;
  Raw raw;
  CLI::App app{"", "lvmc"};
  declare(app, ignored, raw);
  std::vector<CommandOutline> to;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    to.push_back(outline_of(*command));
  return to;
}

Parsed parse_arguments(int count, const char* const* values) {
  Arguments to;
  Raw raw;
  CLI::App app{"lvmc: fits latent-variable models that are written as P(z), P(y | z) and q(z | y)", "lvmc"};
  declare(app, to, raw);
  try {
    app.parse(count, values);
  } catch (const CLI::CallForHelp& help) {
    const std::vector<CLI::App*> chosen = app.get_subcommands();
    return {std::nullopt, success, chosen.empty() ? app.help() : chosen.front()->help("lvmc"), ""};
  } catch (const CLI::CallForVersion& version) {
    return {std::nullopt, success, std::string(version.what()) + "\n", ""};
  } catch (const CLI::RequiredError& error) {
    // A mistyped option swallows what follows it: say that first.
    for (const CLI::App* command : app.get_subcommands()) {
      if (!command->remaining().empty()) return wrong(unknown_option(*command, command->remaining().front()));
    }
    return wrong(error.what());
  } catch (const CLI::ParseError& error) {
    return wrong(error.what());
  }

  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (chosen.empty()) {
    const std::vector<std::string> rest = app.remaining();
    if (!rest.empty()) return wrong(unknown_command(rest.front()));
    return {std::nullopt, usage, "", app.help()};
  }
  const CLI::App& command = *chosen.front();
  to.command = command.get_name();
  if (!command.remaining().empty()) return wrong(unknown_option(command, command.remaining().front()));
  if (const std::string fault = read_raw(raw, to); !fault.empty()) return wrong(fault);
  if (const std::string fault = missing_files(to); !fault.empty()) return wrong(fault);
  if (const std::string fault = misplaced(to, raw); !fault.empty()) return wrong(fault);
  return {std::move(to), success, "", ""};
}

}  // namespace lvmc
