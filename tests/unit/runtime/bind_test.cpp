#include "runtime/bind.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "ir/program/frame.h"
#include "runtime/match_columns.h"
#include "tests/unit/runtime/bind_script.h"

namespace lvm::runtime {
namespace {

struct Outcome {
  BoundData data;
  Diagnostics diagnostics;
  ir::Model model;
};

Outcome bind_text(const std::string& script_text, std::string_view csv) {
  test::BindScript script = test::parse_script(script_text);
  Outcome out;
  const auto table = read_table_text("t.csv", csv, script.read, out.diagnostics);
  if (table) out.data = bind(script.model, *table, script.bind, out.diagnostics);
  out.model = std::move(script.model);
  return out;
}

Outcome bound(const std::string& script, std::string_view csv) {
  Outcome out = bind_text(script, csv);
  INFO(render_all(out.diagnostics, nullptr));
  REQUIRE_FALSE(out.diagnostics.has_errors());
  return out;
}

using Names = std::vector<std::string>;
using Values = std::vector<double>;

Values cells(const BoundData& data, int64_t column) {
  return {data.packed.column(column).packed(), data.packed.column(column).packed() + data.rows};
}

Names columns_of(const Outcome& out, const std::string& name) {
  const BoundVariable* v = out.data.find(name);
  REQUIRE(v);
  return v->columns;
}

}  // namespace

TEST_CASE("by name before all else") {
  CHECK(columns_of(bound("data y real\n", "x,y\n1,2\n3,4\n"), "y") == Names{"y"});
  const std::string script = test::plain_script;
  CHECK(columns_of(bound(script, "y2,y1,z\n1,2,3\n4,5,6\n"), "y") == Names{"y1", "y2"});
  CHECK(columns_of(bound(script, "y.1,y.2,z\n1,2,3\n4,5,6\n"), "y") == Names{"y.1", "y.2"});
  CHECK(columns_of(bound(script, "y[1],z\n1,2\n4,5\n"), "y") == Names{"y[1]"});
  CHECK(columns_of(bound(script, "y0,y1,z\n1,2,3\n4,5,6\n"), "y") == Names{"y0", "y1"});
  CHECK(columns_of(bound(script, "y,z\n1,2\n4,5\n"), "y") == Names{"y"});
}

TEST_CASE("the only data variable takes all columns that fit and that nobody else uses") {
  const std::string script = "axis D columns\ndata y real D\n";
  const Outcome iris = bound(script, "a,b,species\n1.5,2.5,setosa\n3.5,4.5,virginica\n");
  CHECK(columns_of(iris, "y") == Names{"a", "b"});
  CHECK(describe(iris.data) == Names{"y ← a, b"});
  CHECK(columns_of(bound(script + "given x real\n", "a,x,b\n1,2,3\n4,5,6\n"), "y") == Names{"a", "b"});
  CHECK(columns_of(bound("axis D columns\ndata y positive D\n", "a,b\n1,2\n0,6\n"), "y") == Names{"b"});
  CHECK(columns_of(bound("axis D columns\ndata y bool D\n", "a,b,c\n1,true,7\n0,False,6\n"), "y") ==
        Names{"a", "b"});
  CHECK(columns_of(bound("axis K 3\ndata c category(K)\n", "a,b\n1.5,u\n2.5,v\n"), "c") == Names{"b"});
}

TEST_CASE("a matrix takes its columns row by row, under names of pairs, numbers, or all there are") {
  const std::string script = "axis D columns\ndata S covariance D\n";
  const Names names = {"S1_1", "S1_2", "S2_1", "S2_2"};
  const Outcome pairs = bound(script, "S2_2,S1_2,x,S2_1,S1_1\n3,0.5,9,0.5,1\n4,1,9,1.0000000001,2\n");
  CHECK(columns_of(pairs, "S") == names);
  CHECK(cells(pairs.data, 0) == Values{1, 2});
  CHECK(cells(pairs.data, 1) == cells(pairs.data, 2));  // mirror images become equal
  CHECK(cells(pairs.data, 3) == Values{3, 4});
  for (const auto& [axis, size] : pairs.data.sizes) CHECK(size == 2);
  CHECK(pairs.data.sizes.size() == 2);
  CHECK(columns_of(bound(script, "\"S[0,0]\",\"S[0,1]\",\"S[1,0]\",\"S[1,1]\"\n1,0,0,1\n"), "S").front() ==
        "S[0,0]");
  CHECK(columns_of(bound(script, "S1,S2,S3,S4\n1,0,0,1\n2,0,0,1\n"), "S") == Names{"S1", "S2", "S3", "S4"});
  CHECK(columns_of(bound(script, "a,b,c,d\n1,0,0,1\n2,0,0,1\n"), "S") == Names{"a", "b", "c", "d"});
}

TEST_CASE("a column without a name is never swept") {
  CHECK(columns_of(bound(test::plain_script, "\"\",a\n1,2.5\n2,3.5\n"), "y") == Names{"a"});
}

TEST_CASE("patterns and --bind") {
  const std::string script = test::plain_script;
  const char* csv = "x1,x3,b7,b8,x2,w\n1,2,3,4,5,6.5\n7,8,9,10,11,12.5\n";
  CHECK(columns_of(bound(script + "columns y w\n", csv), "y") == Names{"w"});
  CHECK(columns_of(bound(script + "columns y x1..x3 b* !b7\n", csv), "y") == Names{"x1", "x2", "x3", "b8"});
  CHECK(columns_of(bound(script + "columns y x1..b8\n", csv), "y") == Names{"x1", "x3", "b7", "b8"});
  CHECK(columns_of(bound(script + "columns y !x?\n", csv), "y") == Names{"b7", "b8", "w"});
  CHECK(columns_of(bound(script + "columns y w\nbind y b8 x1\n", csv), "y") == Names{"b8", "x1"});
}

TEST_CASE("globs") {
  CHECK(glob_matches("*", ""));
  CHECK(glob_matches("a*c*e", "abcde"));
  CHECK(glob_matches("a?c", "abc"));
  CHECK(glob_matches("*a", "banana"));
  CHECK_FALSE(glob_matches("*ab", "banana"));
  CHECK_FALSE(glob_matches("a?", "a"));
  CHECK_FALSE(glob_matches("", "a"));
}

TEST_CASE("sizes follow from the columns, twins too") {
  Outcome out = bound(test::plain_script, "a,b,c\n1.5,2.5,3.5\n4.5,5.5,6.5\n");
  const ir::AxisId d = *out.model.module.find_axis("D");
  CHECK(out.data.sizes.at(d) == 3);
  const ir::AxisId twin = out.model.module.add_axis({"D'", ir::AxisKind::fixed, ir::unknown_size, -1});
  Diagnostics diagnostics;
  const auto table = read_table_text("t.csv", "a,b\n1.5,2.5\n4.5,5.5\n", {}, diagnostics);
  const BoundData data = bind(out.model, *table, {}, diagnostics);
  set_sizes(out.model, data);
  CHECK(out.model.module.axis(d).size == 2);
  CHECK(out.model.module.axis(twin).size == 2);
}

TEST_CASE("levels: numbers by value, else by bytes") {
  const Outcome numbers = bound("axis V levels\ndata c category(V)\n", "c\n10\n2\n-1\n10\n");
  CHECK(numbers.data.variables[0].levels == Names{"-1", "2", "10"});
  CHECK(cells(numbers.data, 0) == Values{2, 1, 0, 2});
  CHECK(numbers.data.sizes.at(*numbers.model.module.find_axis("V")) == 3);
  const Outcome texts = bound("axis V levels\ndata c category(V)\n", "c\nb\nZ\n10\na\n2\n");
  CHECK(texts.data.variables[0].levels == Names{"10", "2", "Z", "a", "b"});
  CHECK(cells(texts.data, 0) == Values{4, 2, 0, 3, 1});
  const Outcome several =
      bound("axis D columns\naxis V levels\ndata c category(V) D\n", "p,q\nno,yes\nmaybe,no\n");
  CHECK(several.data.variables[0].levels == Names{"maybe", "no", "yes"});
  CHECK(cells(several.data, 0) == Values{1, 0});
  CHECK(cells(several.data, 1) == Values{2, 1});
  CHECK(describe(several.data) == Names{"c ← p, q, with the values maybe, no, yes"});
}

TEST_CASE("preprocessing") {
  const Outcome binary = bound("axis D columns\ndata y bool D\nbinarise y 7\n", "a,b\n7,8\n15.5,0\n");
  CHECK(cells(binary.data, 0) == Values{0, 1});
  CHECK(cells(binary.data, 1) == Values{1, 0});
  const Outcome scaled = bound("axis D columns\ndata y unit D\nscale y 0 255\n", "a\n0\n255\n51\n");
  CHECK(cells(scaled.data, 0) == Values{0, 1, 0.2});
}

TEST_CASE("columns of a matrix variable lie in layout order") {
  // B is declared before A here, so that the layout [A, B] is the transpose of the declared order.
  const Outcome out =
      bound("axis A 2\naxis B 3\ndata y real B A\nbind y p q r s t u\n", "p,q,r,s,t,u\n1,2,3,4,5,6\n");
  Values first;
  for (int64_t i = 0; i < 6; ++i) first.push_back(cells(out.data, i)[0]);
  CHECK(first == Values{1, 3, 5, 2, 4, 6});
  CHECK(out.data.variables[0].columns == Names{"p", "q", "r", "s", "t", "u"});
}

TEST_CASE("columns are aligned, padded with their last row, and apart in the cache") {
  for (const int64_t rows : {1, 7, 8, 9, 272, 512, 1000, 4096}) {
    PackedColumns packed(rows, 3);
    for (int64_t c = 0; c < 3; ++c) {
      for (int64_t i = 0; i < rows; ++i) packed.column(c)[i] = static_cast<double>(c * rows + i);
      packed.pad(c);
    }
    for (int64_t c = 0; c < 3; ++c) {
      CHECK(reinterpret_cast<uintptr_t>(packed.column(c)) % 64 == 0);
      for (int64_t i = 0; i < (rows + 7) / 8 * 8; ++i) {
        REQUIRE(packed.column(c)[i] == static_cast<double>(c * rows + std::min(i, rows - 1)));
      }
    }
    const auto apart =
        reinterpret_cast<uintptr_t>(packed.column(1)) - reinterpret_cast<uintptr_t>(packed.column(0));
    if (rows >= 512) CHECK(apart / 64 % 2 == 1);
  }
}

TEST_CASE("variances are exact far from zero, and zero for a constant") {
  const Outcome far = bound("axis D columns\ndata y real D\n",
                            "a,b\n10000000001.5,5.5\n10000000002.5,5.5\n10000000003.5,5.5\n");
  CHECK(far.data.variables[0].variance[0] == Approx(2.0 / 3).epsilon(1e-15));
  CHECK(far.data.variables[0].variance[1] == 0);
  REQUIRE(far.diagnostics.sorted().size() == 1);
  CHECK(far.diagnostics.sorted()[0].code == Code::column_constant);
}

TEST_CASE("what may be a label is warned of") {
  const Outcome out = bound(test::plain_script, "a,b,label\n1.5,2.5,0\n3.5,4.5,1\n5.5,6.5,2\n");
  CHECK(columns_of(out, "y").size() == 3);
  REQUIRE(out.diagnostics.sorted().size() == 1);
  CHECK(out.diagnostics.sorted()[0].code == Code::column_may_be_label);
  CHECK(
      bound(test::plain_script, "a,b\n1,2\n3,4\n").diagnostics.sorted().empty());  // all whole: as counts are
}

TEST_CASE("absent cells of a missing variable are NaN, and its variance is that of the others") {
  const std::string script = "axis D columns\ndata y real D\nmissing y\n";
  const Outcome out = bound(script, "a,b\n1,2\n,4\n3,9\n5,NA\n");
  const Values a = cells(out.data, 0), b = cells(out.data, 1);
  CHECK(std::isnan(a[1]));
  CHECK(std::isnan(b[3]));
  CHECK(out.data.find("y")->absent == 2);
  CHECK(out.data.find("y")->variance[0] == Approx(8.0 / 3).epsilon(1e-15));
  CHECK(out.data.find("y")->variance[1] == Approx(26.0 / 3).epsilon(1e-15));
  ir::Model model = out.model;
  model.variables[0].missing = true;
  set_sizes(model, out.data);
  CHECK(model.variables[0].missing);
  set_sizes(model, bound(script, "a,b\n1,2\n3,4\n").data);
  CHECK_FALSE(model.variables[0].missing);
}

TEST_CASE("absent codes, flags and preprocessed cells stay absent") {
  const Outcome out = bound(
      "axis V levels\ndata c category(V)\nmissing c\ndata f bool\nmissing f\ndata g bool\nmissing "
      "g\nbinarise g 0.5\n",
      "c,f,g\nx,true,0.1\n,,\ny,false,0.9\n");
  for (const char* name : {"c", "f", "g"}) {
    const Values v = cells(out.data, out.data.find(name)->first);
    INFO(name);
    CHECK(std::isnan(v[1]));
    CHECK(v[0] + v[2] == 1);
  }
}

}  // namespace lvm::runtime
