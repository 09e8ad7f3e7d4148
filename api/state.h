#pragma once
// What stands behind the handles of lvm.h.

#include <mutex>

#include "api/driver.h"
#include "api/fit_file.h"
#include "lvm/lvm.h"
#include "ir/program/stages.h"
#include "runtime/fit.h"
#include "runtime/pool.h"

namespace lvm {

struct Report::State {
  Diagnostics diagnostics;
  std::shared_ptr<const SourceFile> source;  // may be null
};

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

struct Fit::State {
  std::shared_ptr<const BoundModel::State> bound;
  std::vector<runtime::FittedParameter> fitted;
  Backend backend = Backend::compiled;
  int threads = 0;
  Report report;
  bool ok = false;
};

struct FittedModel::State {
  fit_file::Content content;
  std::shared_ptr<const Model::State> model;  // none where the file was refused
  Report report;
};

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

std::vector<PlanBlock> plan_blocks(const ir::Plan& plan);

/// For each declared axis of `variable` a name for each index.
std::vector<std::vector<std::string>> axis_labels(const driver::Lowered& lowered,
                                                  const ir::Variable& variable);

}  // namespace lvm
