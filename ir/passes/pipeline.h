#pragma once
// pipeline: the named passes from Module to Module, for `lvm-opt` and tests.  Purpose: each pass is tried
// text in, text out.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/tensor/tensor.h"

namespace lvm::ir {

struct Pass {
  std::string_view name;      // "differentiate": also the option `--differentiate=FUNC`
  std::string_view argument;  // what the option takes: "FUNC"; empty: nothing
  std::string_view purpose;
  Module (*run)(const Module&, std::string_view argument);
};

const std::vector<Pass>& passes();

struct PassRequest {
  const Pass* pass;
  std::string argument;
};

/// "--simplify", "--differentiate=rows". Throws std::invalid_argument on what is not a pass.
PassRequest parse_pass(std::string_view option);

/// Runs the passes in order and verifies the module before, between and after them: InternalError with the
/// faults where it is not well formed. `after` (where given) sees each result.
Module run_passes(Module module, const std::vector<PassRequest>& requests,
                  const std::function<void(const Pass&, const Module&)>& after = {});

}  // namespace lvm::ir
