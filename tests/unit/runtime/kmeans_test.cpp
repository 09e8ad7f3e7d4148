#include "runtime/kmeans.h"

#include <catch2/catch.hpp>
#include <set>

#include "tests/unit/runtime/bind_script.h"
#include "tests/unit/runtime/hand_program.h"

namespace lvm::runtime {
namespace {

using States = std::vector<double>;

States assignment_of(const BoundData& data, int64_t states, uint32_t restart = 0, int threads = 1) {
  Pool pool(threads);
  Clustering clustering{.states = states};
  for (const BoundVariable& v : data.variables) {
    if (v.role == ir::Role::data) clustering.features.push_back(v.name);
  }
  return kmeans_assignment(data, clustering, 1, restart, pool);
}

BoundData bind_text(const std::string& script_text, std::string_view csv) {
  const test::BindScript script = test::parse_script(script_text);
  Diagnostics diagnostics;
  const auto table = read_table_text("t.csv", csv, {}, diagnostics);
  REQUIRE(table.has_value());
  return bind(script.model, *table, {}, diagnostics);
}

std::set<double> distinct(const States& s) {
  return {s.begin(), s.end()};
}

}  // namespace

TEST_CASE("groups far apart are found, whatever the scale and place") {
  for (const auto& [place, scale] :
       {std::pair{0.0, 1.0}, std::pair{1e7, 1.0}, std::pair{-3.0, 1e-6}, std::pair{0.0, 1e6}}) {
    std::vector<double> y = test::draws({-30, 0, 30}, 500, 3);
    for (double& x : y) x = place + scale * x;
    const States s = assignment_of(test::bind_values(y), 3);
    INFO(place << ", " << scale);
    CHECK(distinct(s).size() == 3);
    for (size_t i = 0; i < s.size(); ++i) REQUIRE(s[i] == s[i / 500 * 500]);
  }
}

TEST_CASE("more rows than the sample: the same for any number of threads, another for another restart") {
  const BoundData data = test::bind_values(test::draws({-5, 0, 5}, 20000, 4));
  const States one = assignment_of(data, 3);
  CHECK(assignment_of(data, 3, 0, 2) == one);
  CHECK(assignment_of(data, 3, 0, 7) == one);
  CHECK(assignment_of(data, 3, 1) != one);
}

TEST_CASE("duplicates, and fewer distinct rows than states: every state has a row") {
  const std::vector<double> two = {1, 1, 1, 1, 2, 2, 2, 2};
  const States s = assignment_of(test::bind_values(two), 2);
  CHECK(s == States{s[0], s[0], s[0], s[0], s[4], s[4], s[4], s[4]});
  CHECK(s[0] != s[4]);
  CHECK(distinct(assignment_of(test::bind_values(two), 5)).size() == 5);
  CHECK(distinct(assignment_of(test::bind_values(std::vector<double>(10, 3.5)), 4)).size() == 4);
  CHECK(distinct(assignment_of(test::bind_values({1, 2, 3}), 3)).size() == 3);
}

TEST_CASE("categories and bools count as coordinates") {
  std::string csv = "a,b,c\n";
  for (int i = 0; i < 20; ++i) csv += i % 2 ? "no,red,true\n" : "yes,blue,false\n";
  const BoundData data =
      bind_text("axis D 2\naxis V levels\ndata a category(V) D\ncolumns a a b\ndata c bool\n", csv);
  const States s = assignment_of(data, 2);
  CHECK(distinct(s).size() == 2);
  for (size_t i = 2; i < s.size(); ++i) CHECK(s[i] == s[i - 2]);
}

TEST_CASE("given columns are not looked at") {
  std::string csv = "y,x\n";
  for (int i = 0; i < 40; ++i) csv += (i < 20 ? "0.5" : "9.5") + std::string(i % 2 ? ",-1000\n" : ",1000\n");
  const States s = assignment_of(bind_text("data y real\ngiven x real\n", csv), 2);
  for (size_t i = 0; i < s.size(); ++i) CHECK(s[i] == s[i < 20 ? 0 : 20]);
  CHECK(s[0] != s[20]);
}

}  // namespace lvm::runtime
