#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "api/running.h"
#include "capi/handles.h"

using lvm::border::finish;
using lvm::border::given;
using lvm::border::guard;
using lvm::border::Misuse;

void lvm_fit_options_init(lvm_fit_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->size = sizeof(lvm_fit_options);
  options->iterations = options->restarts = options->seed = -1;
  options->tolerance = -1;
  options->accelerate = -1;
}

namespace {

lvm::FitOptions options_of(const lvm_fit_options& from) {
  if (from.size != sizeof(lvm_fit_options))
    throw Misuse{"the options were not filled by `lvm_fit_options_init`"};
  lvm::FitOptions to;
  if (from.iterations >= 0) to.iterations = from.iterations;
  if (from.restarts >= 0) to.restarts = from.restarts;
  if (from.tolerance >= 0) to.tolerance = from.tolerance;
  if (from.seed >= 0) to.seed = static_cast<uint64_t>(from.seed);
  if (from.accelerate >= 0) to.accelerate = from.accelerate != 0;
  to.threads = from.threads;
  if (from.progress != nullptr) {
    to.progress = [call = from.progress, context = from.context](const lvm::Progress& p) {
      const lvm_progress progress{p.restart, p.restarts,  p.iteration, p.objective,
                                  p.change,  p.remaining, p.seconds};
      return call(&progress, context) != 0;
    };
  }
  if (from.start != nullptr) to.init = from.start->get().parameters();
  return to;
}

int describe(const lvm::Values& values, lvm_parameter* parameter, double* to, int64_t room) {
  lvm_parameter& out = given(parameter, "parameter");
  out = {};
  if (values.name.size() >= sizeof out.name || values.shape.size() > std::size(out.shape))
    throw Misuse{"the parameter has too long a name or too many axes"};
  std::memcpy(out.name, values.name.c_str(), values.name.size() + 1);
  out.rank = static_cast<int32_t>(values.shape.size());
  std::copy(values.shape.begin(), values.shape.end(), out.shape);
  out.count = static_cast<int64_t>(values.values.size());
  if (to == nullptr) return LVM_OK;
  if (room < out.count) return LVM_USAGE;
  std::copy(values.values.begin(), values.values.end(), to);
  return LVM_OK;
}

}  // namespace

int lvm_model_fit(const lvm_model* model, const lvm_table* table, const lvm_fit_options* options,
                  lvm_fit** fit, lvm_report** report) {
  return guard(report, [&] {
    given(fit, "fit") = nullptr;
    lvm_fit_options defaults;
    lvm_fit_options_init(&defaults);
    const lvm_fit_options& chosen = options != nullptr ? *options : defaults;
    const lvm::FitOptions own = options_of(chosen);
    const lvm::BoundModel bound = lvm::bind(given(model, "model").model, given(table, "table").data);
    const lvm::Fit made = lvm::fit(bound, own);
    if (!made.ok()) return finish(made.report(), report);
    lvm::FittedModel fitted = chosen.updatable != 0 ? lvm::with_sums(made) : lvm::fitted_model(made);
    const int status = finish(fitted.report(), report);
    if (status != LVM_OK) return status;
    *fit = new lvm_fit(std::move(fitted));
    return made.stopped ? static_cast<int>(LVM_STOPPED) : status;
  });
}

int lvm_fit_update(lvm_fit* fit, const lvm_table* table, double decay, lvm_report** report) {
  return guard(report, [&] {
    lvm_fit& own = given(fit, "fit");
    const std::lock_guard lock(own.updating);
    lvm::FittedModel next = lvm::updated(own.get(), given(table, "table").data, decay);
    const int status = finish(next.report(), report);
    if (status == LVM_OK) own.set(std::move(next));
    return status;
  });
}

int lvm_fit_save(const lvm_fit* fit, const char* path, lvm_report** report) {
  return guard(report,
               [&] { return finish(lvm::save(given(fit, "fit").get(), &given(path, "path")), report); });
}

int lvm_fit_load(const char* path, lvm_fit** fit, lvm_report** report) {
  return guard(report, [&] {
    given(fit, "fit") = nullptr;
    lvm::FittedModel fitted = lvm::load(&given(path, "path"));
    const int status = finish(fitted.report(), report);
    if (status == LVM_OK) *fit = new lvm_fit(std::move(fitted));
    return status;
  });
}

void lvm_fit_free(lvm_fit* fit) {
  delete fit;
}

char* lvm_fit_metric(const lvm_fit* fit, const char* name) {
  char* text = nullptr;
  static_cast<void>(guard(nullptr, [&] {
    const lvm::FittedModel fitted = given(fit, "fit").get();
    const std::string which = &given(name, "name");
    if (which == "method")
      text = lvm::border::owned(fitted.method());
    else if (which == "seed")
      text = lvm::border::owned(std::to_string(fitted.seed()));
    else if (which == "model")
      text = lvm::border::owned(fitted.name());
    else if (const auto found = fitted.metrics().find(which); found != fitted.metrics().end())
      text = lvm::border::owned(found->second);
    return LVM_OK;
  }));
  return text;
}

char* lvm_fit_model_text(const lvm_fit* fit) {
  char* text = nullptr;
  static_cast<void>(guard(nullptr, [&] {
    text = lvm::border::owned(given(fit, "fit").get().model_text());
    return LVM_OK;
  }));
  return text;
}

size_t lvm_fit_parameter_count(const lvm_fit* fit) {
  return fit != nullptr ? fit->get().parameters().size() : 0;
}

int lvm_fit_parameter(const lvm_fit* fit, size_t index, lvm_parameter* parameter, double* values,
                      int64_t room) {
  return guard(nullptr, [&] {
    const lvm::FittedModel fitted = given(fit, "fit").get();
    if (index >= fitted.parameters().size()) return static_cast<int>(LVM_USAGE);
    return describe(fitted.parameters()[index], parameter, values, room);
  });
}

int lvm_fit_find_parameter(const lvm_fit* fit, const char* name, lvm_parameter* parameter, double* values,
                           int64_t room) {
  return guard(nullptr, [&] {
    const lvm::FittedModel fitted = given(fit, "fit").get();
    const std::string which = &given(name, "name");
    for (const lvm::Values& each : fitted.parameters()) {
      if (each.name == which) return describe(each, parameter, values, room);
    }
    return static_cast<int>(LVM_USAGE);
  });
}
