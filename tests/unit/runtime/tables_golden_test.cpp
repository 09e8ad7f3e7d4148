// Malformed tables, and tables that do not fit their model: `x.csv`, the model in `x.script` (else a plain
// real[D]), `x.expected`.

#include <catch2/catch.hpp>

#include "runtime/groups.h"
#include "runtime/series.h"
#include "tests/support/golden.h"
#include "tests/unit/runtime/bind_script.h"

namespace lvm::runtime {
namespace {

struct Case {
  std::string text;
  bool errors = false;
};

Case run(const std::filesystem::path& path) {
  std::filesystem::path script_path = path;
  script_path.replace_extension(".script");
  test::BindScript script = test::parse_script(
      std::filesystem::exists(script_path) ? golden::read(script_path) : test::plain_script);
  Diagnostics diagnostics;
  const auto table = read_table_text(path.filename().string(), golden::read(path), script.read, diagnostics);
  BoundData data;
  if (table && script.model.sequence)
    static_cast<void>(find_series(script.model, *table, script.bind, diagnostics));
  if (table) data = bind(script.model, *table, script.bind, diagnostics);
  if (table && !script.model.plates.empty()) {
    const Groups groups = find_groups(script.model, *table, diagnostics);
    if (!diagnostics.has_errors()) data = grouped(script.model, data, groups, diagnostics);
  }
  Case out{render_all(diagnostics, nullptr), diagnostics.has_errors()};
  for (const std::string& line : describe(data)) out.text += line + "\n";
  return out;
}

}  // namespace

TEST_CASE("malformed tables") {
  for (const auto& path : golden::files(golden::folder("tables"), ".csv")) {
    const Case result = run(path);
    std::filesystem::path expected = path;
    golden::check(expected.replace_extension(".expected"), result.text);
    INFO(path.string());
    CHECK(result.errors == !path.filename().string().starts_with("warning_"));
  }
}

TEST_CASE("a file that is not there") {
  Diagnostics diagnostics;
  CHECK_FALSE(read_table("no_such_table.csv", {}, diagnostics).has_value());
  golden::check(golden::folder("tables") / "file_unreadable.expected", render_all(diagnostics, nullptr));
}

TEST_CASE("every code of tables and fits has a golden file") {
  std::string all;
  for (const char* folder : {"tables", "fit"}) {
    for (const auto& path : golden::files(golden::folder(folder), ".expected")) all += golden::read(path);
  }
  int64_t codes = 0;
  for (const CodeRow& row : all_codes()) {
    const std::string_view section = row.code.substr(1, 2);
    if (section != "05" && section != "06") continue;
    ++codes;
    INFO(row.code);
    CHECK(all.find("[" + std::string(row.code) + "]") != std::string::npos);
  }
  CHECK(codes > 30);
}

}  // namespace lvm::runtime
