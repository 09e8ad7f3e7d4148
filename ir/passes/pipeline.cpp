#include "ir/passes/pipeline.h"

#include <fmt/format.h>

#include "ir/passes/differentiate.h"
#include "ir/passes/inline_calls.h"
#include "ir/passes/simplify.h"

namespace lvm::ir {
namespace {

void need_well_formed(const Module& module, std::string_view when) {
  const std::vector<std::string> faults = verify(module);
  if (faults.empty()) return;
  std::string text = fmt::format("the module is not well formed {}:", when);
  for (const std::string& fault : faults) text += "\n  " + fault;
  throw InternalError(text);
}

const std::vector<Pass> all = {
    {"verify", "", "check the invariants of the module's level",
     [](const Module& m, std::string_view) { return m; }},
    {"inline", "", "replace each call by the body of its function",
     [](const Module& m, std::string_view) { return inline_calls(m); }},
    {"simplify", "", "rewrite by the table of rules, share equal nodes, drop unused ones",
     [](const Module& m, std::string_view) { return simplify(m); }},
    {"differentiate", "FUNC", "add FUNC.gradient, by reverse mode",
     [](const Module& m, std::string_view function) { return differentiate(m, std::string(function)); }},
};

}  // namespace

const std::vector<Pass>& passes() {
  return all;
}

PassRequest parse_pass(std::string_view option) {
  const size_t equals = option.find('=');
  for (const Pass& pass : all) {
    if (option.substr(0, equals) != fmt::format("--{}", pass.name)) continue;
    const std::string argument(equals == option.npos ? "" : option.substr(equals + 1));
    if (pass.argument.empty() != argument.empty() || (pass.argument.empty() && equals != option.npos))
      throw std::invalid_argument(pass.argument.empty()
                                      ? fmt::format("`--{}` takes no value", pass.name)
                                      : fmt::format("write `--{}={}`", pass.name, pass.argument));
    return {&pass, argument};
  }
  throw std::invalid_argument(fmt::format("there is no pass `{}`", option));
}

Module run_passes(Module module, const std::vector<PassRequest>& requests,
                  const std::function<void(const Pass&, const Module&)>& after) {
  need_well_formed(module, "before the first pass");
  for (const PassRequest& request : requests) {
    module = request.pass->run(module, request.argument);
    need_well_formed(module, fmt::format("after `{}`", request.pass->name));
    if (after) after(*request.pass, module);
  }
  return module;
}

}  // namespace lvm::ir
