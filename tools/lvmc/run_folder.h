#pragma once
// The folder of a run: what went in, what came out, and how it went. It appears whole or not at all.

#include <string>

#include "arguments.h"

namespace lvmc {

/// Empty, or why a folder cannot be written at `arguments.out`: asked before the fit, which may take long.
std::string run_folder_fault(const Arguments& arguments);

/// Writes config.json, model.lvm, summary.txt, result.json, parameters.json, trace.csv and, on request,
/// posterior.csv beside the folder, and moves them there in one step. Returns nothing, or what went wrong;
/// the folder is then as it was.
std::string write_run_folder(const Arguments& arguments, const lvm::Fit& fit, const std::string& summary,
                             const std::string& result);

}  // namespace lvmc
