// Several files as one table.

#include <catch2/catch.hpp>
#include <cmath>

#include "runtime/read_table.h"
#include "tests/support/golden.h"
#include "tests/unit/runtime/array_bytes.h"

namespace lvm::runtime {
namespace {

using Values = std::vector<double>;
using Names = std::vector<std::string>;
using Files = std::vector<NamedBytes>;

Table read(const Files& files) {
  Diagnostics diagnostics;
  const auto table = read_table_bytes(files, {}, diagnostics);
  INFO(render_all(diagnostics, nullptr));
  REQUIRE(table.has_value());
  return *table;
}

}  // namespace

TEST_CASE("rows of several files stand one behind the other, columns by name") {
  const Table table =
      read({{"a.csv", "x,y\n1,2\n3,4\n"}, {"b.tsv", "y\tx\n6\t5\n"}, {"c.csv", "\"y\",\"x\"\n,7\n"}});
  CHECK(table.rows == 4);
  CHECK(table.columns[0].values == Values{1, 3, 5, 7});
  CHECK(table.columns[1].values[2] == 6);
  CHECK(table.columns[1].missing == 1);
  CHECK(table.columns[1].numbers == 3);
  CHECK(table.file == "a.csv and 2 more files");
  CHECK(table.file_of(1) == "a.csv");
  CHECK(table.shown_row(1) == 3);
  CHECK(table.file_of(2) == "b.tsv");
  CHECK(table.shown_row(2) == 2);
  CHECK(table.file_of(3) == "c.csv");
}

TEST_CASE("levels of several files are one list, and numbers beside text are text as they are written") {
  const Table table = read({{"a.csv", "g,h\n1.0,u\n1,v\n"}, {"b.csv", "h,g\nv,one\nw,1\n,\n"}});
  const Column& g = table.columns[0];
  CHECK(g.text);
  CHECK(g.levels == Names{"1.0", "1", "one"});
  CHECK(g.values[3] == 1);
  CHECK(std::isnan(g.values[4]));
  CHECK(g.first_odd.row == 2);
  CHECK(g.first_odd.text == "one");
  CHECK(table.columns[1].levels == Names{"u", "v", "w"});
  CHECK(table.columns[1].values[3] == 2);
}

TEST_CASE("arrays follow one another by place") {
  const std::string a = test::npy("|u1", false, "(1, 2)", "\x01\x02"),
                    b = test::npy("<f8", true, "(1, 2)", test::cells<double>({3, 4}));
  const Table table = read({{"a.npy", a}, {"b.npy", b}});
  CHECK(table.columns[0].name == "a1");
  CHECK(table.columns[0].values == Values{1, 3});
  CHECK(table.shown_row(1) == 1);
}

TEST_CASE("files that are no one table") {
  const std::string array = test::npy("|u1", false, "(1, 2)", "\x01\x02"),
                    wide = test::npy("|u1", false, "(1, 3)", "\x01\x02\x03");
  const std::vector<Files> cases = {
      {{"a.csv", "x,y\n1,2\n"}, {"b.csv", "x\n1\n"}},
      {{"a.csv", "x,y\n1,2\n"}, {"b.csv", "x,y,z\n1,2,3\n"}},
      {{"a.csv", "height,y\n1,2\n"}, {"b.csv", "heigth,y\n1,2\n"}},
      {{"a.csv", "x,y\n1,2\n"}, {"b.csv", "x,y\n1,2\n3\n"}},
      {{"a.npy", array}, {"b.npy", wide}},
      {{"a.npy", array}, {"b.csv", "x1,x2\n1,2\n"}},
      {{"a.csv", "a1,a2\n1,u\n"}, {"a.npy", array}},
      {{"a.csv", "x\n1\n"}, {"b.csv", ""}},
  };
  std::string text;
  for (const Files& files : cases) {
    Diagnostics diagnostics;
    CHECK_FALSE(read_table_bytes(files, {}, diagnostics).has_value());
    text += render_all(diagnostics, nullptr) + "\n";
  }
  golden::check(golden::folder("tables") / "several_files.expected", text);
}

}  // namespace lvm::runtime
