// The same model at several settings, and the best of them.

#include <algorithm>
#include <cmath>

#include "api/clock.h"
#include "api/state.h"
#include "api/text_file.h"

namespace lvm {
namespace {

/// More than the compiler accepts, so that a file that is too long is still refused as such.
constexpr size_t most_bytes = size_t{8} << 20;

double value_of(const SweepEntry& entry, Criterion criterion) {
  switch (criterion) {
    case Criterion::aic: return entry.aic;
    case Criterion::bic: return entry.bic;
    case Criterion::icl: return entry.icl;
  }
  return NAN;
}

std::string first_error(const Report& report) {
  for (const Message& message : report.messages()) {
    if (message.error) return message.text;
  }
  return "";
}

/// Every choice of one value for each axis; the last axis changes fastest.
std::vector<std::map<std::string, std::string>> combinations(const std::vector<SweepAxis>& axes) {
  std::vector<std::map<std::string, std::string>> all(1);
  for (const SweepAxis& axis : axes) {
    std::vector<std::map<std::string, std::string>> longer;
    for (const auto& settings : all) {
      for (const std::string& value : axis.values) {
        longer.push_back(settings);
        longer.back()[axis.name] = value;
      }
    }
    all = std::move(longer);
  }
  return all;
}

void describe(SweepEntry& entry, const Fit& fit) {
  entry.ok = fit.ok();
  entry.runs = static_cast<int64_t>(fit.runs.size());
  entry.failed_runs = std::ranges::count_if(fit.runs, [](const Run& run) { return run.stop == "failed"; });
  if (!entry.ok) {
    entry.failure = first_error(fit.report());
    return;
  }
  entry.objective = fit.objective;
  entry.aic = fit.aic;
  entry.bic = fit.bic;
  entry.icl = fit.icl;
  entry.free_parameters = fit.free_parameters;
  entry.converged = fit.converged;
}

}  // namespace

Sweep sweep(const std::string& path, const CompileOptions& compile_options, const Data& data,
            const BindOptions& bind_options, const SweepOptions& options) {
  Sweep to;
  to.criterion = options.criterion;
  Diagnostics diagnostics;
  const std::optional<std::string> text = read_text_file(path, most_bytes, diagnostics);
  if (!text) {
    to.report = Report({diagnostics, nullptr});
    return to;
  }
  for (const auto& settings : combinations(options.axes)) {
    SweepEntry entry;
    entry.settings = settings;
    CompileOptions own = compile_options;
    own.file_name = path;
    for (const auto& [name, value] : settings) own.settings[name] = value;
    Clock clock;
    if (options.begin) options.begin(entry);
    const BoundModel bound = bind(compile(*text, own), data, bind_options);
    Fit fit = lvm::fit(bound, options.fit);
    entry.seconds = clock.seconds();
    describe(entry, fit);
    const bool stopped = fit.stopped;
    const double value = value_of(entry, options.criterion);
    const bool better = entry.ok && std::isfinite(value) &&
                        (!to.best || value < value_of(to.entries[*to.best], options.criterion));
    if (better) to.best = to.entries.size();
    if (better || (!to.best && to.entries.empty())) to.report = fit.report();
    if (better) to.fit = std::move(fit);
    to.entries.push_back(std::move(entry));
    if (stopped) {
      to.stopped = true;
      break;
    }
  }
  return to;
}

}  // namespace lvm
