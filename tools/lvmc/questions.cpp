// Commands that ask a fit: FIT is the folder of a run, or the file fit.lvmfit in it.

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "api/fitted.h"
#include "commands.h"
#include "console.h"
#include "exit_codes.h"
#include "results.h"

namespace lvmc {
namespace {

namespace fs = std::filesystem;

lvm::FittedModel fitted_model(const Arguments& arguments) {
  std::error_code ignored;
  return lvm::load(fs::is_directory(arguments.model, ignored)
                       ? (fs::path(arguments.model) / "fit.lvmfit").string()
                       : arguments.model);
}

/// Said before anything is computed.
bool may_write(const Arguments& arguments) {
  std::error_code ignored;
  if (arguments.out.empty() || arguments.overwrite || !fs::exists(arguments.out, ignored)) return true;
  write_error(fmt::format("lvmc: `{}` is there already: `--overwrite` replaces it\n", arguments.out));
  return false;
}

std::string format_of(const Arguments& arguments) {
  if (arguments.json) return "json";
  if (!arguments.format.empty()) return arguments.format;
  for (const char* format : {"npy", "json"}) {
    if (arguments.out.ends_with(std::string(".") + format)) return format;
  }
  return "csv";
}

std::string formatted(const Arguments& arguments, const lvm::Results& results) {
  const std::string format = format_of(arguments);
  if (format == "npy") return lvm::to_npy(results);
  return format == "json" ? lvm::to_json(results) + "\n" : lvm::to_csv(results);
}

/// A row a line; a matrix of numbers has no need to count its rows.
lvm::Results score_columns(const lvm::Score& score, bool counted) {
  lvm::Results to;
  if (counted) {
    to.columns.push_back({"row", std::vector<double>(score.values.size())});
    for (size_t row = 0; row < score.values.size(); ++row)
      to.columns.front().values[row] = static_cast<double>(row + 1);
  }
  to.columns.push_back({score.name, score.values});
  if (!score.errors.empty()) to.columns.push_back({"error", score.errors});
  if (!score.effective.empty()) to.columns.push_back({"effective_draws", score.effective});
  return to;
}

/// The whole answer, or what a row is worth.
std::string score_rows(const Arguments& arguments, const lvm::Score& score) {
  const std::string format = format_of(arguments);
  return format == "json" ? lvm::to_json(score) + "\n"
                          : formatted(arguments, score_columns(score, format == "csv"));
}

/// "-1130.264 (-4.1554 a row)", with the error of both where there is one.
std::string total_text(double total, double error, double rows) {
  if (error > 0)
    return fmt::format("{:.3f} ± {:.2g} ({:.5f} ± {:.2g} a row)", total, error, total / rows, error / rows);
  return fmt::format("{:.3f} ({:.5f} a row)", total, total / rows);
}

/// A line, or nothing where no latent is drawn.
std::string active_text(const lvm::Results& latents) {
  const lvm::ActiveLatents active = lvm::active_latents(latents);
  if (active.all == 0) return "";
  return fmt::format("{} of {} latents are active: the mean of q varies by more than 0.01 over the rows\n",
                     active.names.size(), active.all);
}

std::string score_summary(const lvm::FittedModel& fitted, const lvm::Score& score, uint64_t seed) {
  std::string text = fmt::format("{} by {}, {} rows\n", fitted.name(), fitted.method(), score.values.size());
  text += fmt::format("{}: {}\n", score.name, total_text(score.total, score.error, score.total_weight));
  if (score.bound)
    text += fmt::format("bound by the same draws: {}\n",
                        total_text(*score.bound, *score.bound_error, score.total_weight));
  if (score.exact) return text;
  text += fmt::format("{} draws a row, seed {}", score.draws, seed);
  if (!score.effective.empty()) {
    const size_t least =
        static_cast<size_t>(std::ranges::min_element(score.effective) - score.effective.begin());
    text += fmt::format("; worth {:.1f} in row {}, the least", score.effective[least], least + 1);
  }
  return text + "\n";
}

}  // namespace

int score(const Arguments& arguments) {
  if (!may_write(arguments)) return files;
  const lvm::FittedModel fitted = fitted_model(arguments);
  if (!fitted.ok()) return failure(fitted.report(), arguments);
  const lvm::BoundModel bound = lvm::bind(fitted, table(arguments), arguments.bind);
  if (!bound.ok()) return failure(bound.report(), arguments);
  const lvm::ScoreOptions options{.importance = arguments.importance,
                                  .seed = arguments.fit.seed.value_or(fitted.seed()),
                                  .threads = arguments.fit.threads,
                                  .backend = arguments.fit.backend};
  const lvm::Score score = lvm::score(fitted, bound, options);
  if (!score.ok()) return failure(score.report, arguments);
  show(score.report, arguments);
  if (!arguments.out.empty() && !write_file(arguments.out, score_rows(arguments, score))) return files;
  if (arguments.json) return print(lvm::to_json(score) + "\n");
  if (arguments.out.empty() && !arguments.format.empty()) return print(score_rows(arguments, score));
  std::string text = score_summary(fitted, score, options.seed);
  if (fitted.method() == "gradient") {
    const lvm::Results latents = lvm::infer(fitted, bound, arguments.fit.threads);
    if (latents.ok()) text += active_text(latents);
  }
  return print(text);
}

namespace {

/// To the file of `--out`, else to stdout.
int deliver(const Arguments& arguments, const lvm::Results& results) {
  if (!results.ok()) return failure(results.report, arguments);
  show(results.report, arguments);
  const std::string text = formatted(arguments, results);
  if (arguments.out.empty()) return print(text);
  return write_file(arguments.out, text) ? success : files;
}

}  // namespace

int infer(const Arguments& arguments) {
  if (!may_write(arguments)) return files;
  const lvm::FittedModel fitted = fitted_model(arguments);
  if (!fitted.ok()) return failure(fitted.report(), arguments);
  const lvm::Results latents =
      lvm::infer(fitted, lvm::bind(fitted, table(arguments), arguments.bind), arguments.fit.threads);
  if (latents.ok() && !arguments.quiet) write_error(active_text(latents));
  return deliver(arguments, latents);
}

int impute(const Arguments& arguments) {
  if (!may_write(arguments)) return files;
  const lvm::FittedModel fitted = fitted_model(arguments);
  if (!fitted.ok()) return failure(fitted.report(), arguments);
  return deliver(arguments, lvm::impute(fitted, lvm::bind(fitted, table(arguments), arguments.bind),
                                        arguments.fit.threads));
}

int completion(const Arguments& arguments) {
  return print(completion_script(arguments.model, command_outlines()));
}

int sample(const Arguments& arguments) {
  if (!may_write(arguments)) return files;
  const lvm::FittedModel fitted = fitted_model(arguments);
  if (!fitted.ok()) return failure(fitted.report(), arguments);
  const lvm::SampleOptions options{.rows = arguments.rows,
                                   .seed = arguments.fit.seed.value_or(fitted.seed()),
                                   .mean = arguments.mean,
                                   .threads = arguments.fit.threads};
  if (arguments.data.empty()) return deliver(arguments, lvm::sample(fitted, options));
  return deliver(arguments,
                 lvm::reconstruct(fitted, lvm::bind(fitted, table(arguments), arguments.bind), options));
}

int draw(const Arguments& arguments) {
  const bool svg = arguments.picture.kind == lvm::PictureKind::scatter;
  const char* ending = svg ? ".svg" : ".png";
  if (!arguments.out.ends_with(ending)) {
    write_error(fmt::format("lvmc: `--out {}`: this picture is a file `*{}`\n", arguments.out, ending));
    return usage;
  }
  if (!may_write(arguments)) return files;
  const lvm::FittedModel fitted = fitted_model(arguments);
  if (!fitted.ok()) return failure(fitted.report(), arguments);
  lvm::PictureOptions options = arguments.picture;
  options.seed = arguments.fit.seed.value_or(fitted.seed());
  options.threads = arguments.fit.threads;
  lvm::Picture picture;
  if (arguments.data.empty()) {
    picture = lvm::draw(fitted, nullptr, nullptr, options);
  } else {
    const lvm::Data data = table(arguments);
    const lvm::BoundModel bound = lvm::bind(fitted, data, arguments.bind);
    picture = lvm::draw(fitted, &bound, &data, options);
  }
  if (!picture.ok()) return failure(picture.report, arguments);
  show(picture.report, arguments);
  return write_file(arguments.out, picture.bytes) ? success : files;
}

}  // namespace lvmc
