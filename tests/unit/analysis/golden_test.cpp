#include <set>

#include "support.h"
#include "tests/support/golden.h"

using namespace lvm;

TEST_CASE("malformed models get their diagnostics, good ones their graph") {
  golden::run("analysis",
              [](const std::string& name, const std::string& text) { return test::show(name, text); });
}

// A sample of the grammar, not a model: it only must not break the analysis.
const std::string grammar_sample = "every_form.lvm";

TEST_CASE("every model of the language has a typed graph") {
  for (const auto& path : golden::files(golden::folder("models"), ".lvm")) {
    if (path.filename() == grammar_sample) continue;
    INFO(path.string());
    const std::string shown = test::show(path.filename().string(), golden::read(path));
    CHECK(shown.find("error[") == std::string::npos);
    golden::check(golden::folder("analysis/models") / path.filename().replace_extension(".expected"), shown);
  }
}

TEST_CASE("the graphs of all good models are well formed") {
  for (const char* folder : {"models", "analysis"}) {
    for (const auto& path : golden::files(golden::folder(folder), ".lvm")) {
      const SourceFile source(path.filename().string(), golden::read(path));
      const test::Analysed result = test::analyse_text(source);
      if (result.diagnostics.has_errors()) continue;
      INFO(path.string());
      CHECK(ir::verify(result.model.module) == std::vector<std::string>{});
      for (const ir::Factor& factor : result.model.factors)
        CHECK(result.model.function()[factor.log_density].op == ir::Op::logpdf);
    }
  }
}

TEST_CASE("a file with every form of the grammar is analysed to its end") {
  const auto path = golden::folder("models") / grammar_sample;
  const SourceFile source(grammar_sample, golden::read(path));
  CHECK(test::analyse_text(source).diagnostics.error_count() > 10);
}

TEST_CASE("every diagnostic of the analysis has a golden") {
  const std::set<std::string> codes = {
#define LVM_DIAGNOSTIC(code, severity, name, rule, text) code,
#include "frontend/diagnostics/analysis.def"
#undef LVM_DIAGNOSTIC
  };
  std::string seen;
  for (const auto& path : golden::files(golden::folder("analysis"), ".expected")) seen += golden::read(path);
  for (const std::string& code : codes) {
    INFO(code);
    CHECK(seen.find("[" + code + "]") != std::string::npos);
  }
}
