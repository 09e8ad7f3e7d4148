// The models of the language page: they parse, and printing is a fixed point of parse and print.
#include <catch2/catch.hpp>

#include "frontend/parse/parse.h"
#include "tests/support/golden.h"

using namespace lvm;

namespace {

ast::ModelFile parsed(const std::string& name, const std::string& text) {
  const SourceFile source(name, text);
  Diagnostics diagnostics;
  std::optional<ast::ModelFile> model = parse(source, diagnostics);
  INFO(render_all(diagnostics, &source));
  REQUIRE(model);
  return std::move(*model);
}

}  // namespace

TEST_CASE("every model of the language parses, and its print is a fixed point") {
  const auto paths = golden::files(golden::folder("models"), ".lvm");
  CHECK(paths.size() == 14);
  for (const auto& path : paths) {
    const std::string once = print(parsed(path.string(), golden::read(path)));
    const std::string twice = print(parsed("printed", once));
    CHECK(once == twice);
    std::filesystem::path printed = path;
    golden::check(printed.replace_extension(".printed"), once);
  }
}
