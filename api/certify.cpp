// certify: the compiled posterior and updates held against the model as it is written.

#include "certify/certify.h"

#include "api/state.h"
#include "backends/interpreter/interpret.h"
#include "certify/derivatives.h"
#include "certify/report.h"
#include "certify/rows.h"
#include "ir/model/gradient_settings.h"
#include "runtime/linalg.h"
#include "runtime/staged.h"

namespace lvm {
namespace {

constexpr int64_t first_rows = 256, most_rows = 65'536;  // of the table; four times as many where they fail
constexpr uint64_t seeds = 3;                            // starts that are tried on them
constexpr int64_t random_candidates = 600, least_random = 24;

Certificate to_certificate(const certificate::Certificate& c) {
  return {c.block,
          c.latent,
          std::string(ir::name(c.solver)),
          std::string(name(c.verdict)),
          c.claim,
          c.found,
          c.allowed,
          c.checked,
          c.all,
          c.place};
}

bool is_decided(const certificate::Result& result) {
  for (const certificate::Certificate& c : result.certificates)
    if (c.verdict == certificate::Verdict::open) return false;
  return result.failure.empty();
}

/// Of the gradient route.
certificate::Result of_derivatives(const BoundModel::State& bound, const CertifyOptions& options,
                                   int64_t& rows) {
  const driver::Lowered& lowered = bound.lowered;
  const ir::GradientSettings settings = ir::gradient_settings(lowered.model->fit);
  const bool weighted = !settings.importance && (settings.beta != 1 || settings.kl_warmup > 0);
  driver::Scheduled scheduled = driver::schedule(driver::plain_gradient(lowered));
  ir::Executable functions;
  if (options.backend == Backend::compiled) {
    functions = jit::Jit(runtime::runtime_symbols()).compile(scheduled.unit);
    functions = runtime::with_stages(scheduled.program, std::move(functions), scheduled.unit.staged,
                                     std::make_shared<runtime::Pool>(1));
  } else {
    functions = interpreter::interpret(scheduled.program);
  }
  const runtime::BoundData sample = certificate::spread_rows(*lowered.data, certificate::derivative_rows);
  rows = sample.rows;
  constexpr double weight = 0.7;  // any but 1
  return certificate::certify_derivatives(
      {*lowered.model, *lowered.plan, scheduled.program, functions, sample}, {.seed = options.seed},
      weighted ? weight : 1);
}

/// Rows spread over the table; of a sequence short pieces of its series.
runtime::BoundData sample_of(const driver::Lowered& lowered, const ir::Program& program, int64_t most) {
  if (lowered.data->series.empty()) return certificate::spread_rows(*lowered.data, most);
  int64_t letters = 1;
  for (const ir::StartLatent& latent : program.starts) letters *= latent.states;
  return certificate::short_series(*lowered.model, *lowered.data, letters,
                                   program.steps ? program.steps->size : 0);
}

/// Some hundred rows do unless they cannot be started or do not converge; then other starts, then more rows.
certificate::Result on_rows_that_do(const BoundModel::State& bound, const CertifyOptions& options,
                                    int64_t& rows) {
  const driver::Lowered& lowered = bound.lowered;
  const CompiledCode& code =
      options.backend == Backend::compiled ? bound.compiled_code() : bound.interpreted_code();
  certificate::Result best;
  for (int64_t most = first_rows;; most *= 4) {
    const runtime::BoundData sample = sample_of(lowered, code.program, most);
    rows = sample.rows;
    for (uint64_t i = 0; i < seeds; ++i) {
      certificate::Result result = certificate::certify(
          {*lowered.model, *lowered.plan, code.program, code.functions, sample}, {.seed = options.seed + i});
      if (is_decided(result)) return result;
      if (best.certificates.empty()) best = std::move(result);
    }
    if (rows < most || most >= most_rows || !lowered.data->series.empty()) return best;
  }
}

}  // namespace

BoundModel bind_random(const Model& model, uint64_t seed, std::string& fault) {
  certificate::RandomRows random =
      certificate::random_rows(*model.state->compiled.model, random_candidates, seed);
  while (random.table.rows >= least_random) {
    auto data = std::make_shared<Data::State>();
    data->table = random.table;
    BoundModel bound = bind(model, Data{std::move(data)}, {.columns = random.binding.columns});
    if (bound.ok()) return bound;
    int64_t row = 0;
    for (const Message& message : bound.report().messages()) {
      if (!message.error) continue;
      row = message.row;
      fault = message.text;
      break;
    }
    if (row == 0) return bound;
    certificate::drop_row(random.table, row - 1);
  }
  return {};
}

Certification certify(const BoundModel& bound, const CertifyOptions& options) {
  return guarded([&] {
    Certification to;
    Diagnostics diagnostics = bound.state->lowered.diagnostics;
    if (bound.ok()) {
      const bool gradient = bound.state->lowered.plan->method == "gradient";
      const certificate::Result result = gradient ? of_derivatives(*bound.state, options, to.rows)
                                                  : on_rows_that_do(*bound.state, options, to.rows);
      if (result.certificates.empty()) certificate::report_no_rows(result.failure, diagnostics);
      for (const certificate::Certificate& c : result.certificates) {
        to.certificates.push_back(to_certificate(c));
        certificate::report(c, diagnostics);
      }
    }
    to.report = Report({std::move(diagnostics), bound.state->model->compiled.source});
    return to;
  });
}

Certification certify(const Model& model, const CertifyOptions& options) {
  return guarded([&] {
    Certification to;
    to.random = true;
    std::string fault = "too few of the random ones have a density";
    BoundModel bound;
    if (model.ok()) bound = bind_random(model, options.seed, fault);
    if (model.ok() && bound.state && bound.ok()) {
      to = certify(bound, options);
      to.random = true;
      return to;
    }
    Diagnostics diagnostics = model.state->compiled.diagnostics;
    if (model.ok()) certificate::report_no_rows(fault, diagnostics);
    to.report = Report({std::move(diagnostics), model.state->compiled.source});
    return to;
  });
}

}  // namespace lvm
