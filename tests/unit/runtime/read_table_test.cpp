#include "runtime/read_table.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/support/golden.h"

namespace lvm::runtime {
namespace {

Table read(std::string_view text, const ReadOptions& options = {}) {
  Diagnostics diagnostics;
  const auto table = read_table_text("t.csv", text, options, diagnostics);
  INFO(render_all(diagnostics, nullptr));
  REQUIRE(table.has_value());
  return *table;
}

std::vector<std::string> names(const Table& table) {
  std::vector<std::string> out;
  for (const Column& c : table.columns) out.push_back(c.name);
  return out;
}

using Names = std::vector<std::string>;
using Values = std::vector<double>;

}  // namespace

TEST_CASE("a plain table") {
  const Table table = read("a,b\n1,2.5\n-3,4e2\n");
  CHECK(names(table) == Names{"a", "b"});
  CHECK(table.rows == 2);
  CHECK(table.columns[0].values == Values{1, -3});
  CHECK(table.columns[1].values == Values{2.5, 400});
  CHECK_FALSE(table.columns[0].text);
  CHECK(table.shown_row(0) == 2);
}

TEST_CASE("line ends, byte order mark, blanks and a missing last line break do not matter") {
  for (const char* text : {"a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4\r",
                           "\xef\xbb\xbf"
                           "a,b\n1,2\n3,4\n\n\n",
                           " a , b\n 1, 2 \n3 ,\t4\n", "\"a\",\"b\"\n\"1\",\"2\"\n\"3\" , \"4\"\n"}) {
    INFO(text);
    const Table table = read(text);
    CHECK(names(table) == Names{"a", "b"});
    REQUIRE(table.rows == 2);
    CHECK(table.columns[0].values == Values{1, 3});
    CHECK(table.columns[1].values == Values{2, 4});
  }
}

TEST_CASE("quotes hold delimiters, line breaks and doubled quotes") {
  const Table table = read("name,\"x, y\"\n\"a \"\"quoted\"\" one\",1\n\"two\nlines\",2\n  plain ,3\n");
  CHECK(names(table) == Names{"name", "x, y"});
  CHECK(table.columns[0].text);
  CHECK(table.columns[0].levels == Names{"a \"quoted\" one", "two\nlines", "plain"});
  CHECK(table.columns[0].values == Values{0, 1, 2});
  CHECK(table.columns[1].values == Values{1, 2, 3});
}

TEST_CASE("delimiters are found") {
  CHECK(read("a\tb\n1\t2\n").columns.size() == 2);
  CHECK(read("a;b;c\n1;2;3\n").columns.size() == 3);
  CHECK(read("a|b\n1|2\n").columns.size() == 2);
  CHECK(read("x, y;b\n1;2\n3;4\n").columns.size() == 2);  // the comma does not cut the rows alike
  CHECK(read("\"a,b\";c\n1;2\n").columns.size() == 2);
  CHECK(read("a b\n1\n").columns.size() == 1);
  CHECK(read("a b\n1 2\n", {.delimiter = ' ', .na = {}}).columns.size() == 2);
}

TEST_CASE("missing cells") {
  const Table table =
      read("a,b,c\n1,,x\nNA,2,\nNaN,-999,NA\n4,?,z\n", {.delimiter = ',', .na = {"?", "-999"}});
  CHECK(table.columns[0].missing == 2);
  CHECK(table.columns[0].numbers == 2);
  CHECK(std::isnan(table.columns[0].values[1]));
  CHECK_FALSE(table.columns[1].text);
  CHECK(table.columns[1].missing == 3);
  CHECK(table.columns[1].numbers == 1);
  CHECK(table.columns[2].text);
  CHECK(table.columns[2].levels == Names{"x", "z"});
  CHECK(std::isnan(table.columns[2].values[1]));
  CHECK(table.columns[2].values[3] == 1);
}

TEST_CASE("in a table of one column a blank line is a missing cell, but not at the end") {
  const Table table = read("y\n1\n\n3\n\n");
  CHECK(table.rows == 3);
  CHECK(table.columns[0].missing == 1);
}

TEST_CASE("a column with one other cell is text, and says where") {
  const Table table = read("a\n1\n2\noops\n4\n");
  const Column& c = table.columns[0];
  CHECK(c.text);
  CHECK(c.numbers == 3);
  CHECK(c.first_odd.kind == OddCell::Kind::text);
  CHECK(c.first_odd.row == 2);
  CHECK(c.first_odd.text == "oops");
  CHECK(c.levels == Names{"1", "2", "oops", "4"});
  CHECK(read("a\n1\n1e999\n").columns[0].first_odd.kind == OddCell::Kind::not_finite);
}

TEST_CASE("names that are numbers are accepted where they count up") {
  CHECK(names(read("0,1,2\n5,6,7\n")) == Names{"0", "1", "2"});
  CHECK(names(read("1,2\n5,6\n")) == Names{"1", "2"});
}

TEST_CASE("a column without a name is kept out with a warning") {
  Diagnostics diagnostics;
  const auto table = read_table_text("t.csv", "\"\",a\n1,2\n", {}, diagnostics);
  REQUIRE(table.has_value());
  CHECK_FALSE(diagnostics.has_errors());
  REQUIRE(diagnostics.sorted().size() == 1);
  CHECK(diagnostics.sorted()[0].code == Code::column_without_name);
  CHECK(table->find("") == nullptr);
}

TEST_CASE("a file is read as its text is") {
  const auto path = std::filesystem::temp_directory_path() / "lvm_read_table_test.csv";
  const std::string text = "a,b\n1,2\n3,x\n";
  std::ofstream(path, std::ios::binary) << text;
  Diagnostics diagnostics;
  const auto table = read_table(path.string(), {}, diagnostics);
  REQUIRE(table.has_value());
  CHECK(table->file == path.string());
  CHECK(table->columns[0].values == Values{1, 3});
  CHECK(table->columns[1].levels == Names{"2", "x"});
  std::filesystem::remove(path);
  CHECK_FALSE(read_table(path.string(), {}, diagnostics).has_value());
  CHECK_FALSE(read_table("/", {}, diagnostics).has_value());
  CHECK(diagnostics.error_count() == 2);
  for (const Diagnostic& d : diagnostics.sorted()) CHECK(d.code == Code::file_unreadable);
}

TEST_CASE("blocks of rows: the same cells on any number of threads, and with and without quotes") {
  // More than two blocks of 4 MiB, with a missing cell, text, and long decimals here and there.
  std::string plain = "a,b,c\n", quoted = plain;
  std::vector<double> a, b;
  for (int i = 0; plain.size() < (size_t{9} << 20); ++i) {
    a.push_back(std::ldexp(i * 0.7310585786300049, i % 60 - 30) * (i % 2 == 0 ? 1 : -1));
    b.push_back(i % 1000 == 7 ? std::nan("") : i);
    const std::string row = fmt::format("{},{},", a.back(), i % 1000 == 7 ? " NA " : std::to_string(i));
    const std::string word = i % 3 == 0 ? "one" : i % 3 == 1 ? "two" : "3";
    plain += row + word + (i % 5 == 0 ? "\r\n" : "\n");
    quoted += row + "\"" + word + "\"\n";
  }
  const auto same = [](const Values& x, const Values& y) {
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(double)) == 0;
  };
  for (const std::string* text : {&plain, &quoted}) {
    for (const int threads : {1, 4}) {
      const Table table = read(*text, {.delimiter = '\0', .na = {}, .threads = threads});
      REQUIRE(table.rows == static_cast<int64_t>(a.size()));
      CHECK(same(table.columns[0].values, a));
      CHECK(same(table.columns[1].values, b));
      CHECK(table.columns[1].missing + table.columns[1].numbers == table.rows);
      CHECK(table.columns[2].levels == Names{"one", "two", "3"});
      CHECK(table.columns[2].first_odd.row == 0);
      CHECK(table.columns[2].values[5] == 2);
    }
  }
}

TEST_CASE("a fault far down is told by its row, and the header is not believed about sizes") {
  std::string text = "a,b\n";
  for (int i = 0; i < 1500000; ++i) text += "1,2\n";
  Diagnostics diagnostics;
  CHECK_FALSE(read_table_text("t.csv", text + "1\n1,2\n", {}, diagnostics).has_value());
  REQUIRE(diagnostics.error_count() == 1);
  CHECK(diagnostics.sorted()[0].code == Code::ragged_row);
  CHECK(diagnostics.sorted()[0].table.row == 1500002);
  // A hundred thousand columns and as many rows would be 80 GB.
  std::string wide = "c0";
  for (int i = 1; i < 100000; ++i) wide += fmt::format(",c{}", i);
  wide += "\n";
  for (int i = 0; i < 100000; ++i) wide += "1\n";
  Diagnostics again;
  CHECK_FALSE(read_table_text("t.csv", wide, {}, again).has_value());
  CHECK(again.sorted()[0].code == Code::ragged_row);
}

TEST_CASE("the examples' tables") {
  const std::filesystem::path data = std::filesystem::path(LVM_SOURCE_DIR) / "examples" / "data";
  Diagnostics diagnostics;
  const auto faithful = read_table((data / "faithful.csv").string(), {}, diagnostics);
  const auto iris = read_table((data / "iris.csv").string(), {}, diagnostics);
  REQUIRE((faithful && iris));
  CHECK(faithful->rows == 272);
  CHECK(iris->rows == 150);
  CHECK(iris->columns[4].levels == Names{"setosa", "versicolor", "virginica"});
}

TEST_CASE("host arrays with strides") {
  const double cells[] = {1, 10, 2, 20, std::nan(""), 30};
  const Table table = make_table({{"a", cells, 2}, {"b", cells + 1, 2}}, 3);
  CHECK(table.rows == 3);
  CHECK(table.columns[0].missing == 1);
  CHECK(table.columns[1].values == Values{10, 20, 30});
  CHECK(table.shown_row(0) == 1);
}

}  // namespace lvm::runtime
