#pragma once
// The folder of a run: what went in, what came out, and how it went. It appears whole or not at all, and
// stands at `--out`, or is the next number in lvm_runs/<model>; LVM_RUNS in the environment names another
// folder than lvm_runs.

#include <string>

#include "arguments.h"

namespace lvmc {

/// Empty, or why a folder cannot be written at `--out`: asked before the fit, which may take long.
std::string run_folder_fault(const Arguments& arguments);

/// Where a run was saved; or what went wrong, and all folders are then as they were.
struct Saved {
  std::string folder, fault;
};

/// Writes config.json, model.lvm, summary.txt, result.json, parameters.json, fit.lvmfit, trace.csv and, on
/// request, posterior.csv beside the folder, and moves them there in one step.
Saved write_run_folder(const Arguments& arguments, const lvm::Fit& fit, const std::string& summary,
                       const std::string& result);

}  // namespace lvmc
