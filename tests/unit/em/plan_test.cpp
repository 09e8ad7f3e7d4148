// The plan of good models, and the diagnostics of those that cannot be climbed yet or at all
// (tests/golden/plan).

#include <set>

#include "ir/passes/chain_rows.h"
#include "ir/passes/global_posteriors.h"
#include "support.h"
#include "tests/support/golden.h"

namespace lvm::test {
namespace {

/// Parse, analyse, plan; the diagnostics as users see them.
std::string diagnose(const std::string& name, const std::string& text) {
  const SourceFile source(name, text);
  Diagnostics diagnostics;
  const auto tree = parse(source, diagnostics);
  if (tree) {
    ir::Model written = analyse(*tree, {}, diagnostics);
    if (diagnostics.has_errors()) return render_all(diagnostics, &source);
    const ir::Model model = ir::by_steps(ir::global_posteriors(std::move(written)));
    ir::plan(model, ir::build_elbo(model), diagnostics);
  }
  return render_all(diagnostics, &source);
}

}  // namespace

TEST_CASE("plan: golden diagnostics", "[em]") {
  golden::run("plan", diagnose);
}

TEST_CASE("every diagnostic of the plan has a golden test", "[em]") {
  std::string all;
  for (const auto& path : golden::files(golden::folder("plan"), ".expected")) all += golden::read(path);
  static const std::vector<std::string> codes = {
#define LVM_DIAGNOSTIC(code, severity, name, rule, text) code,
#include "frontend/diagnostics/plan.def"
#undef LVM_DIAGNOSTIC
  };
  for (const std::string& code : codes) {
    CAPTURE(code);
    CHECK(all.find("[" + code + "]") != std::string::npos);
  }
}

}  // namespace lvm::test
