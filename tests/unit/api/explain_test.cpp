// What `lvmc explain` says of a model without a table (tests/golden/explain).

#include <catch2/catch.hpp>

#include "api/lvm.h"
#include "tests/support/golden.h"

namespace lvm {

TEST_CASE("explain: golden texts") {
  for (const auto& path : golden::files(golden::folder("explain"), ".lvm")) {
    const Model model = compile(golden::read(path));
    INFO(path << model.report().render());
    REQUIRE(model.ok());
    std::filesystem::path expected = path;
    golden::check(expected.replace_extension(".expected"), model.explain());
  }
}

}  // namespace lvm
