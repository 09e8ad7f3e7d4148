#include <catch2/catch.hpp>
#include <set>

#include "frontend/diagnostics/diagnostic.h"

using namespace lvm;

TEST_CASE("a name that is nearly another one is suggested") {
  const std::vector<std::string> words = {"param", "data", "mean", "weight", "K", "cov"};
  CHECK(did_you_mean("parm", words) == "param");
  CHECK(did_you_mean("daat", words) == "data");  // two neighbours swapped
  CHECK(did_you_mean("wieghts", words) == "weight");
  CHECK(did_you_mean("MEAN", words) == "mean");
  CHECK(did_you_mean("k", words) == "K");
  CHECK(did_you_mean("covv", words) == "cov");
}

TEST_CASE("a name far from all others is left alone") {
  const std::vector<std::string> words = {"param", "data", "x"};
  CHECK_FALSE(did_you_mean("banana", words));
  CHECK_FALSE(did_you_mean("y", words));
  CHECK_FALSE(did_you_mean("", words));
  CHECK_FALSE(did_you_mean("param", {"param"}));  // the name itself is no suggestion
  CHECK_FALSE(did_you_mean(std::string(100000, 'a'), {std::string(100000, 'b')}));
}

TEST_CASE("the nearest wins, the first among equals") {
  CHECK(did_you_mean("meam", {"meat", "mean"}) == "meat");
  CHECK(did_you_mean("weigth", {"weighted", "weight"}) == "weight");
}

TEST_CASE("rows of the table have their own code and name") {
  std::set<std::string_view> codes, names;
  for (const CodeRow& r : all_codes()) {
    INFO(r.code << " " << r.name);
    CHECK(codes.insert(r.code).second);
    CHECK(names.insert(r.name).second);
    CHECK(r.code.size() == 5);
    CHECK((r.code[0] == 'E' || r.code[0] == 'W'));
    CHECK((r.severity == Severity::warning) == (r.code[0] == 'W'));
    CHECK_FALSE(r.text.empty());
    CHECK(&row(*find_code(r.code)) == &r);
  }
  CHECK_FALSE(find_code("E9999"));
}
