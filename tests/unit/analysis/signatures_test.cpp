#include <algorithm>
#include <catch2/catch.hpp>

#include "ir/families/signatures.h"

using namespace lvm::ir;

namespace {

const Signature& find(std::string_view family, std::string_view slot) {
  for (const Signature& signature : signatures())
    if (signature.family == family)
      for (const SlotRow& row : signature.slots)
        for (const SlotChoice& choice : row.choices)
          if (choice.name == slot) return signature;
  FAIL("no signature");
  return signatures().front();
}

}  // namespace

TEST_CASE("the table of distributions reads as it is written") {
  const Signature& normal = find("Normal", "sd");
  CHECK(normal.support == Support::real);
  CHECK(normal.event_rank == 0);
  REQUIRE(normal.slots.size() == 2);
  REQUIRE(normal.slots[1].choices.size() == 3);
  CHECK(normal.slots[1].choices[2].name == "precision");
  CHECK(normal.slots[1].choices[2].kind == SlotKind::positive);
  CHECK(find("Normal", "cov").event_rank == 1);
  CHECK(find("Normal", "cov").slots[1].choices[1].kind == SlotKind::cholesky);
  CHECK(find("Truncated", "low").slots[1].optional);
  CHECK_FALSE(find("Truncated", "low").slots[0].optional);
}

TEST_CASE("a slot name means one slot of each parameterisation") {
  CHECK(signatures().size() == 28);
  for (const Signature& signature : signatures()) {
    std::vector<std::string_view> names;
    for (const SlotRow& row : signature.slots)
      for (const SlotChoice& choice : row.choices) names.push_back(choice.name);
    std::sort(names.begin(), names.end());
    INFO(signature.family);
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
  }
}

TEST_CASE("the text of a logpdf node names the family and its slots") {
  CHECK(parameterisation("Normal", {"mean", "cov"}) == "Normal.mean.cov");
}
