#pragma once
// split_binding_times: one function -> prepare and rows.  Purpose: what depends on no data is computed once
// an iteration. Before: a function of level step over data and parameters.  After: `prepare` writes each
// value at the border as `derived`; the rest reads it. Only the border is stored: a value that prepare alone
// needs is not. Leaves, constants and what only moves elements stay where they are used. Outputs that depend
// on no data (checks, derived) become outputs of prepare.
//
// What depends on a pattern of observed cells (a derived leaf "<data>.observed") is computed once a pattern,
// by `pattern`, in the same way between the two.
//
//   %l = log %weight; %s = add %l, %row_term   ->   prepare: derived "log_weight" = log %weight
//                                                   rows:    %s = add derived "log_weight", %row_term

#include "ir/program/program.h"

namespace lvm::ir {

struct SplitFunctions {
  Function prepare, pattern,
      rows;  // pattern: without outputs where nothing depends on a pattern of observed cells
};
SplitFunctions split_binding_times(Module& module, const Function& combined);

/// The nodes that some outputs need, as a function of its own. `named` says what an output is called there;
/// empty: it is left out.
using OutputName = std::function<std::string(const Output&)>;
Function extract(Module& module, const Function& from, std::string name, BindingTime time,
                 const OutputName& named);

}  // namespace lvm::ir
