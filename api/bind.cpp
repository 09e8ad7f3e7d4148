// The steps that have a table: read, bind, and the code that follows from both.

#include <utility>

#include "api/clock.h"
#include "api/latex.h"
#include "api/state.h"
#include "backends/em/lower.h"
#include "backends/interpreter/interpret.h"
#include "ir/loop/loop.h"
#include "runtime/linalg.h"
#include "runtime/read_table.h"
#include "runtime/staged.h"

namespace lvm {

bool Data::ok() const {
  return state && state->table && !state->report.has_errors();
}

const Report& Data::report() const {
  return state->report;
}

int64_t Data::rows() const {
  return state->table ? state->table->rows : 0;
}

std::vector<std::string> Data::columns() const {
  std::vector<std::string> names;
  if (!state->table) return names;
  for (const runtime::Column& column : state->table->columns) names.push_back(column.name);
  return names;
}

double Data::read_seconds() const {
  return state->seconds;
}

Data read_data(const std::string& path, const ReadOptions& options) {
  return read_data(std::vector{path}, options);
}

Data read_data(const std::vector<std::string>& paths, const ReadOptions& options) {
  return guarded([&] {
    auto state = std::make_shared<Data::State>();
    Clock clock;
    state->table = runtime::read_tables(
        paths, {.delimiter = options.delimiter, .na = options.missing, .threads = options.threads},
        state->diagnostics);
    state->seconds = clock.seconds();
    state->report = Report({state->diagnostics, nullptr});
    return Data{std::move(state)};
  });
}

Data make_data(const std::vector<HostColumn>& columns, int64_t rows) {
  return guarded([&] {
    auto state = std::make_shared<Data::State>();
    std::vector<runtime::HostColumn> list;
    for (const HostColumn& column : columns) list.push_back({column.name, column.values, column.stride});
    state->table = runtime::make_table(list, rows);
    state->report = Report({state->diagnostics, nullptr});
    return Data{std::move(state)};
  });
}

Data data_in_place(std::vector<runtime::ColumnInPlace> columns, int64_t rows) {
  return guarded([&] {
    auto state = std::make_shared<Data::State>();
    state->table = runtime::table_in_place(std::move(columns), rows);
    state->report = Report({state->diagnostics, nullptr});
    return Data{std::move(state)};
  });
}

bool BoundModel::ok() const {
  return state && state->lowered.program && !state->report.has_errors();
}

const Report& BoundModel::report() const {
  return state->report;
}

int64_t BoundModel::rows() const {
  return state->lowered.data ? state->lowered.data->rows : 0;
}

std::vector<BoundVariable> BoundModel::variables() const {
  std::vector<BoundVariable> variables;
  if (!state->lowered.data) return variables;
  for (const runtime::BoundVariable& variable : state->lowered.data->variables) {
    if (variable.columns.empty()) continue;  // made from others
    variables.push_back({variable.name, variable.columns, rows() * variable.size, variable.absent});
  }
  return variables;
}

int64_t BoundModel::free_parameters() const {
  int64_t count = 0;
  if (!state->lowered.program) return count;
  for (const ir::ParameterSlot& slot : state->lowered.program->parameters)
    count += slot.fixed ? 0 : slot.free_dimensions;
  return count;
}

std::string BoundModel::explain() const {
  const driver::Lowered& lowered = state->lowered;
  if (!lowered.program) return "";
  return guarded(
      [&] { return driver::explain(*lowered.model, *lowered.elbo, *lowered.plan, &*lowered.program); });
}

std::string BoundModel::explain_latex() const {
  return state->lowered.program ? to_latex(explain(), names_of(*state->lowered.model)) : "";
}

std::string BoundModel::emit(Stage stage) const {
  const driver::Lowered& lowered = state->lowered;
  if (!lowered.program) return "";
  return guarded([&]() -> std::string {
    switch (stage) {
      case Stage::ast: return ast::print(*state->model->compiled.syntax);
      case Stage::model: return ir::print(*lowered.model);
      case Stage::elbo: return ir::print(*lowered.elbo);
      case Stage::plan: return ir::print(*lowered.plan);
      case Stage::canonical: return ir::print(*lowered.canonical);
      case Stage::program: return ir::print(*lowered.program);
      case Stage::loop: return loop::print(driver::schedule(*lowered.program).unit);
      case Stage::llvm:
        return jit::Jit(runtime::runtime_symbols()).llvm_text(driver::schedule(*lowered.program).unit);
      case Stage::assembly:
        return jit::Jit(runtime::runtime_symbols()).assembly_text(driver::schedule(*lowered.program).unit);
    }
    return "";
  });
}

void make_code(const ir::Program& program, Backend backend, std::optional<CompiledCode>& to) {
  if (backend == Backend::interpreter) {
    to.emplace(CompiledCode{program, {}, {}});
    to->program.single = false;
    to->functions = interpreter::interpret(to->program);  // of the copy that stays where it is
    return;
  }
  driver::Scheduled scheduled = driver::schedule(program);
  jit::Jit jit(runtime::runtime_symbols());
  ir::Executable functions = jit.compile(scheduled.unit);
  to.emplace(
      CompiledCode{std::move(scheduled.program), std::move(functions), std::move(scheduled.unit.staged)});
}

ir::Executable runnable(const CompiledCode& code, const std::shared_ptr<runtime::Pool>& pool) {
  return runtime::with_stages(code.program, code.functions, code.staged, pool);
}

const CompiledCode& BoundModel::State::compiled_code() const {
  const std::lock_guard lock(mutex_);
  if (!compiled_) make_code(*lowered.program, Backend::compiled, compiled_);
  return *compiled_;
}

const CompiledCode& BoundModel::State::interpreted_code() const {
  const std::lock_guard lock(mutex_);
  if (!interpreted_) make_code(*lowered.program, Backend::interpreter, interpreted_);
  return *interpreted_;
}

namespace {

/// `table` is null where it could not be read.
template <typename Table>
BoundModel bind_table(const Model& model, const Data& data, Table* table, const BindOptions& options) {
  return guarded([&] {
    auto state = std::make_shared<BoundModel::State>();
    state->model = model.state;
    state->data = data.state;
    if (model.ok() && data.ok()) {
      state->lowered = driver::lower(model.state->compiled, std::move(*table), {.columns = options.columns});
    } else {
      state->lowered.diagnostics = model.state->compiled.diagnostics;
    }
    for (const Diagnostic& diagnostic : data.state->diagnostics.sorted())
      state->lowered.diagnostics.report(diagnostic);
    state->report = Report({state->lowered.diagnostics, model.state->compiled.source});
    return BoundModel{std::move(state)};
  });
}

}  // namespace

BoundModel bind(const Model& model, const Data& data, const BindOptions& options) {
  const runtime::Table* table = data.state->table ? &*data.state->table : nullptr;
  return bind_table(model, data, table, options);
}

BoundModel bind(const Model& model, Data&& data, const BindOptions& options) {
  if (data.state.use_count() > 1 || !data.state->table) return bind(model, std::as_const(data), options);
  // Handles share immutable data; this one is alone, and was made mutable.
  auto own = std::const_pointer_cast<Data::State>(data.state);
  const BoundModel bound = bind_table(model, data, &*own->table, options);
  own->table.reset();
  data = {};
  return bound;
}

}  // namespace lvm
