#pragma once
// What stands behind the handles of lvm.h.

#include <mutex>

#include "api/driver.h"
#include "api/fit_file.h"
#include "api/lvm.h"
#include "ir/program/stages.h"
#include "runtime/fit.h"
#include "runtime/pool.h"

namespace lvm {

struct Report::State {
  Diagnostics diagnostics;
  std::shared_ptr<const SourceFile> source;  // may be null
};

/// A table over cells that stay where a host keeps them, as long as anything reads the table.
Data data_in_place(std::vector<runtime::ColumnInPlace> columns, int64_t rows);

struct Model::State {
  driver::Compiled compiled;
  Report report;
};

struct Data::State {
  std::optional<runtime::Table> table;
  Diagnostics diagnostics;
  Report report;
  double seconds = 0;
};

/// The functions of a Program, and the Program as they were made from it.
struct CompiledCode {
  ir::Program program;
  ir::Executable functions;
  ir::StagedFunctions staged;  // of a batched Program: functions over rows that are walked stage by stage
};

struct BoundModel::State {
  std::shared_ptr<const Model::State> model;
  std::shared_ptr<const Data::State> data;
  driver::Lowered lowered;
  Report report;

  /// Machine code, made when it is first needed.
  const CompiledCode& compiled_code() const;
  const CompiledCode& interpreted_code() const;

 private:
  mutable std::mutex mutex_;
  mutable std::optional<CompiledCode> compiled_, interpreted_;
};

/// Binds rows of certificate::random_rows; those that a distribution cannot have are left out one by one.
/// `fault`: what was said of the last of them.
BoundModel bind_random(const Model& model, uint64_t seed, std::string& fault);

struct Fit::State {
  std::shared_ptr<const BoundModel::State> bound;
  std::vector<runtime::FittedParameter> fitted;
  Backend backend = Backend::compiled;
  int threads = 0;
  Report report;
  bool ok = false;
};

/// Machine code of a fitted model, for tables with and without absent cells, made when it is first needed.
struct RowCode;
struct RowCodes {
  std::mutex mutex;
  std::shared_ptr<const RowCode> of[3];  // by RowUse
};

struct FittedModel::State {
  fit_file::Content content;
  std::shared_ptr<const Model::State> model;  // none where the file was refused
  Report report;
  std::shared_ptr<RowCodes> codes = std::make_shared<RowCodes>();
};

/// What the fit knows of a table's columns, for binding another one; and what is wrong with that one.
runtime::BindOptions bind_options(const fit_file::Content& content, const runtime::Table& table,
                                  const BindOptions& options);
void check_columns(const fit_file::Content& content, const runtime::Table& table, const BindOptions& options,
                   Diagnostics& diagnostics);
void check_sizes(const fit_file::Content& content, const runtime::BoundData& data, Diagnostics& diagnostics);
/// Empty, or what does not belong together in a fit whose model compiles.
std::string fit_fault(const FittedModel& fitted);
/// Empty, or which of the values lies outside of the domain.
std::string domain_fault(const Values& given, ir::Domain domain);
/// The sizes that the data of the fit had.
void set_fitted_sizes(const FittedModel& fitted, ir::Model& model);

/// Runs `body`; a broken invariant of the compiler leaves the library as a Fault.
template <typename Body>
auto guarded(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const ir::InternalError& error) {
    throw Fault(error.what());
  }
}

/// The parameters that `options.init` gives, checked and in the Program's layout.
std::map<std::string, std::vector<double>> checked_start(const BoundModel::State& bound,
                                                         const std::vector<Values>& given,
                                                         Diagnostics& diagnostics);

/// Of its variables, and of the indices of its axes as `explain` writes them.
std::vector<std::string> names_of(const ir::Model& model);

/// `code` with its stages on these threads.
ir::Executable runnable(const CompiledCode& code, const std::shared_ptr<runtime::Pool>& pool);

/// A Program as either backend runs it; its functions stay with `to` where it lies.
void make_code(const ir::Program& program, Backend backend, std::optional<CompiledCode>& to);

/// Checks the values of a score and adds them up.
void finish_score(Score& to, Diagnostics& diagnostics);

std::vector<PlanBlock> plan_blocks(const ir::Plan& plan);

/// For each declared axis of `variable` a name for each index.
std::vector<std::vector<std::string>> axis_labels(const driver::Lowered& lowered,
                                                  const ir::Variable& variable);

}  // namespace lvm
