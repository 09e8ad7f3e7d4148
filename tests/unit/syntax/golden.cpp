// Malformed files: tests/golden/syntax/*.lvm, each beside the diagnostics that it must give.
#include <catch2/catch.hpp>
#include <set>

#include "frontend/parse/parse.h"
#include "tests/support/golden.h"

using namespace lvm;

TEST_CASE("malformed files give the diagnostics beside them") {
  golden::run("syntax", [](const std::string& name, const std::string& text) {
    const SourceFile source(name, text);
    Diagnostics diagnostics;
    const bool parses = parse(source, diagnostics).has_value();
    INFO(name);
    CHECK_FALSE(parses);
    CHECK(diagnostics.has_errors());
    return render_all(diagnostics, &source);
  });
}

TEST_CASE("every syntax code has a golden file") {
  std::string all;
  for (const auto& path : golden::files(golden::folder("syntax"), ".expected")) all += golden::read(path);
  const std::set<std::string_view> elsewhere = {"E0102"};  // a file above 4 MB: tests/unit/syntax/limits.cpp
  for (const CodeRow& row : all_codes()) {
    if (!row.code.starts_with("E01") || elsewhere.contains(row.code)) continue;
    INFO(row.code << " " << row.name);
    CHECK(all.find(row.code) != std::string::npos);
  }
}
