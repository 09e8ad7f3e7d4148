// Arrays and compressed files: what is read, and what is refused.

#include "runtime/array_file.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "runtime/read_table.h"
#include "tests/support/golden.h"
#include "tests/unit/runtime/array_bytes.h"

namespace lvm::runtime {
namespace {

using test::cells;
using test::gzip;
using test::idx;
using test::npy;
using Values = std::vector<double>;
using Names = std::vector<std::string>;

Table read(const std::string& name, const std::string& bytes, int threads = 1) {
  Diagnostics diagnostics;
  const auto table =
      read_table_bytes({{name, bytes}}, {.delimiter = '\0', .na = {}, .threads = threads}, diagnostics);
  INFO(render_all(diagnostics, nullptr));
  REQUIRE(table.has_value());
  return *table;
}

Names names(const Table& table) {
  Names out;
  for (const Column& c : table.columns) out.push_back(c.name);
  return out;
}

struct Malformed {
  std::string name, bytes;
};

std::vector<Malformed> malformed_arrays() {
  const std::string good = npy("<f8", false, "(2, 2)", std::string(32, '\0'));
  const std::string dictionary = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }";
  const auto header = [](const std::string& text) { return npy(text, std::string(32, '\0')); };
  return {
      {"magic_alone.npy", good.substr(0, 6)},
      {"no_magic.npy", "x1,x2\n1,2\n"},
      {"empty.npy", ""},
      {"ends_in_length.npy", good.substr(0, 9)},
      {"ends_in_header.npy", good.substr(0, 30)},
      {"header_too_long.npy", std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff{}", 14)},
      {"version_9.npy", npy(dictionary, std::string(32, '\0'), 9)},
      {"ends_in_cells.npy", good.substr(0, good.size() - 1)},
      {"bytes_behind.npy", good + "x"},
      {"no_shape.npy", header("{'descr': '<f8', 'fortran_order': False, }")},
      {"twice.npy", header("{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }")},
      {"other_key.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), 'x': 1}")},
      {"not_closed.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), ")},
      {"string_not_closed.npy", header("{'descr: <f8, ")},
      {"negative.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (-2, 2), }")},
      {"shape_of_words.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (a, b), }")},
      {"not_a_tuple.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (4), }")},
      {"order_of_words.npy", header("{'descr': '<f8', 'fortran_order': Maybe, 'shape': (2, 2), }")},
      {"code.npy", header("__import__('os').system('true')")},
      {"text_behind.npy", header(dictionary + " + 1")},
      {"huge.npy", npy("<f8", false, "(4611686018427387904, 4)", "")},
      {"more_than_64_bits.npy", npy("<f8", false, "(99999999999999999999, 1)", "")},
      {"promises_much.npy", npy("<f8", false, "(1000000000, 1000)", std::string(64, '\0'))},
      {"no_rows.npy", npy("<f8", false, "(0, 5)", "")},
      {"no_columns.npy", npy("<f8", false, "(5, 0)", "")},
      {"scalar.npy", npy("<f8", false, "()", std::string(8, '\0'))},
      {"three.npy", npy("<f8", true, "(1, 2, 2)", std::string(32, '\0'))},
      {"objects.npy", npy("|O", false, "(2, 2)", std::string(32, '\0'))},
      {"text.npy", npy("<U8", false, "(1,)", std::string(32, '\0'))},
      {"complex.npy", npy("<c8", false, "(4,)", std::string(32, '\0'))},
      {"half.npy", npy("<f2", false, "(16,)", std::string(32, '\0'))},
      {"records.npy",
       header("{'descr': [('a', '<f8'), ('b', '<f8')], 'fortran_order': False, 'shape': (2,), }")},
      {"wide_integer.npy", npy("<i3", false, "(1,)", std::string(3, '\0'))},
      {"no_order.npy", npy("|f8", false, "(4,)", std::string(32, '\0'))},
      {"many_columns.npy", npy("|u1", false, "(1, 1000001)", std::string(1000001, '\0'))},
      {"inexact.npy", npy("<i8", false, "(1,)", cells<int64_t>({(int64_t{1} << 53) + 1}))},
      {"not_bool.npy", npy("|b1", false, "(2,)", "\x01\x02")},
      {"magic-idx1-ubyte", std::string("\x01\x00\x08\x01\x00\x00\x00\x01x", 9)},
      {"short-idx1-ubyte", std::string("\x00\x00\x08", 3)},
      {"type-idx1-ubyte", idx(0x0A, {2}, "ab")},
      {"scalar-idx0-ubyte", std::string("\x00\x00\x08\x00", 4)},
      {"ends_in_dims-idx3-ubyte", idx(0x08, {1, 1, 1}, "").substr(0, 11)},
      {"ends_in_cells-idx3-ubyte", idx(0x08, {2, 3, 3}, std::string(17, 'x'))},
      {"bytes_behind-idx1-ubyte", idx(0x08, {2}, "abc")},
      {"huge-idx3-ubyte", idx(0x0E, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, "")},
      {"many_dims.idx", idx(0x08, std::vector<uint32_t>(255, 0xFFFFFFFF), "")},
      {"no_rows-idx1-ubyte", idx(0x08, {0}, "")},
      {"no_name", idx(0x0D, {3}, "abcd")},
  };
}

std::vector<Malformed> malformed_gzip() {
  const std::string text = "x1,x2\n1,2\n3,4\n5,6\n";
  const std::string good = gzip(text);
  std::string wrong_sum = good, wrong_size = good, wrong_block = good, method = good;
  wrong_sum[wrong_sum.size() - 8] ^= 1;
  wrong_size[wrong_size.size() - 1] ^= 1;
  wrong_block[10] = '\x07';
  method[2] = 9;
  return {
      {"two_bytes.csv.gz", good.substr(0, 2)},
      {"header_alone.csv.gz", good.substr(0, 10)},
      {"half.csv.gz", good.substr(0, good.size() / 2)},
      {"no_sum.csv.gz", good.substr(0, good.size() - 8)},
      {"wrong_sum.csv.gz", wrong_sum},
      {"wrong_size.csv.gz", wrong_size},
      {"wrong_block.csv.gz", wrong_block},
      {"wrong_method.csv.gz", method},
      {"text_behind.csv.gz", good + text},
      {"second_member_cut.csv.gz", good + good.substr(0, 15)},
      {"empty.csv.gz", gzip("")},
      {"twice.csv.gz", gzip(good)},
      {"ragged.csv.gz", gzip("a,b\n1,2\n3\n")},
      {"truncated.npy.gz", gzip(npy("<f8", false, "(2, 2)", std::string(31, '\0')))},
      {"zeros.csv.gz", gzip(std::string(1000000, '\0'))},
  };
}

std::string messages_of(const std::vector<Malformed>& files) {
  std::string text;
  for (const Malformed& file : files) {
    Diagnostics diagnostics;
    INFO(file.name);
    CHECK_FALSE(read_table_bytes({{file.name, file.bytes}}, {}, diagnostics).has_value());
    CHECK(diagnostics.error_count() == 1);
    text += render_all(diagnostics, nullptr) + "\n";
  }
  return text;
}

/// Rows by columns 3 x 2 of 1 … 6 as T, in each order of bytes and cells.
template <typename T>
void check_type(const std::string& code) {
  const std::vector<T> by_rows = {1, 2, 3, 4, 5, 6}, by_columns = {1, 3, 5, 2, 4, 6};
  for (const bool big : {false, true}) {
    for (const bool fortran : {false, true}) {
      const std::string descr = (sizeof(T) == 1 ? "|" : big ? ">" : "<") + code + std::to_string(sizeof(T));
      INFO(descr << (fortran ? " by columns" : " by rows"));
      const Table table =
          read("a.npy", npy(descr, fortran, "(3, 2)", cells(fortran ? by_columns : by_rows, big)));
      REQUIRE(table.rows == 3);
      CHECK(names(table) == Names{"a1", "a2"});
      CHECK(table.columns[0].values == Values{1, 3, 5});
      CHECK(table.columns[1].values == Values{2, 4, 6});
      CHECK(table.columns[1].numbers == 3);
    }
  }
}

}  // namespace

TEST_CASE("malformed arrays") {
  golden::check(golden::folder("tables") / "arrays.expected", messages_of(malformed_arrays()));
}

TEST_CASE("malformed compressed files") {
  golden::check(golden::folder("tables") / "compressed.expected", messages_of(malformed_gzip()));
}

TEST_CASE("every prefix of an array file is refused") {
  for (const std::string& whole :
       {npy("<f4", false, "(3, 2)", std::string(24, 'x')), idx(0x0C, {2, 3}, std::string(24, 'x'))}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      Diagnostics diagnostics;
      INFO(size);
      CHECK_FALSE(read_table_bytes({{"a.npy", std::string_view(whole).substr(0, size)}}, {}, diagnostics)
                      .has_value());
    }
  }
}

TEST_CASE("numpy arrays of every type") {
  check_type<double>("f");
  check_type<float>("f");
  check_type<int8_t>("i");
  check_type<int16_t>("i");
  check_type<int32_t>("i");
  check_type<int64_t>("i");
  check_type<uint8_t>("u");
  check_type<uint16_t>("u");
  check_type<uint32_t>("u");
  check_type<uint64_t>("u");
  const Table signs = read("a.npy", npy("<i8", false, "(2,)", cells<int64_t>({-(int64_t{1} << 53), -1})));
  CHECK(signs.columns[0].values == Values{-9007199254740992.0, -1});
  const Table bools = read("b.npy", npy("|b1", false, "(2,)", std::string("\x01\x00", 2)));
  CHECK(bools.columns[0].values == Values{1, 0});
}

TEST_CASE("a NaN in an array is a missing cell, an infinity no number") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Table table = read("a.npy", npy("<f8", false, "(3,)", cells<double>({1, std::nan(""), -infinity})));
  const Column& c = table.columns[0];
  CHECK(c.missing == 1);
  CHECK(c.numbers == 1);
  CHECK(c.first_odd.kind == OddCell::Kind::not_finite);
  CHECK(c.first_odd.row == 2);
  CHECK(table.shown_row(2) == 3);
}

TEST_CASE("numpy's headers: versions, orders of keys, one dimension") {
  for (const char version : {'\1', '\2', '\3'}) {
    const std::string header = "{\"shape\": (2,), \"fortran_order\":False,'descr':'<f8'}";
    const Table table = read("dir/y.npy", npy(header, cells<double>({1.5, -2}), version));
    CHECK(names(table) == Names{"y"});
    CHECK(table.columns[0].values == Values{1.5, -2});
  }
}

TEST_CASE("dimensions behind the rows of a numpy array are columns, row by row") {
  const Table table = read("S.npy", npy("<f8", false, "(2, 2, 2)", cells<double>({1, 2, 3, 4, 5, 6, 7, 8})));
  CHECK(names(table) == Names{"S1", "S2", "S3", "S4"});
  CHECK(table.columns[1].values == Values{2, 6});
  CHECK(table.columns[2].values == Values{3, 7});
}

TEST_CASE("columns of arrays are named after the file") {
  const std::string matrix = npy("|u1", false, "(1, 2)", "ab");
  CHECK(names(read("-", matrix)) == Names{"x1", "x2"});
  CHECK(names(read("x2.npy", matrix)) == Names{"x2.1", "x2.2"});
  CHECK(names(read("data/digits.npy.gz", gzip(matrix))) == Names{"digits1", "digits2"});
  CHECK(names(read("train-images-idx3-ubyte", idx(0x08, {1, 1, 2}, "ab"))) ==
        Names{"train-images1", "train-images2"});
  CHECK(names(read("train-labels-idx1-ubyte.gz", gzip(idx(0x08, {2}, "ab")))) == Names{"train-labels"});
}

TEST_CASE("idx arrays of every type are big-endian, and images become rows") {
  const auto check = [](char type, const std::string& bytes) {
    const Table table = read("t", idx(type, {2, 1, 2}, bytes));
    REQUIRE(table.columns.size() == 2);
    CHECK(table.columns[0].values == Values{1, 3});
    CHECK(table.columns[1].values == Values{2, 4});
  };
  check(0x08, "\x01\x02\x03\x04");
  check(0x09, "\x01\x02\x03\x04");
  check(0x0B, cells<int16_t>({1, 2, 3, 4}, true));
  check(0x0C, cells<int32_t>({1, 2, 3, 4}, true));
  check(0x0D, cells<float>({1, 2, 3, 4}, true));
  check(0x0E, cells<double>({1, 2, 3, 4}, true));
  CHECK(read("t", idx(0x08, {1}, "\xff")).columns[0].values == Values{255});
  CHECK(read("t", idx(0x09, {1}, "\xff")).columns[0].values == Values{-1});
}

TEST_CASE("many rows and columns, on any number of threads") {
  std::vector<int16_t> values(1000 * 37);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int16_t>(i % 20011);
  const std::string bytes = npy("<i2", false, "(1000, 37)", cells(values));
  for (const int threads : {1, 3}) {
    const Table table = read("a.npy", bytes, threads);
    int64_t wrong = 0;
    for (size_t r = 0; r < 1000; ++r) {
      for (size_t c = 0; c < 37; ++c) wrong += table.columns[c].values[r] != values[r * 37 + c] ? 1 : 0;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("compressed text is read as text; members follow one another, and zeros are padding") {
  const std::string text = "x1,x2\n1,2\n3,4\n";
  for (const std::string& bytes :
       {gzip(text), gzip("x1,x2\n1,") + gzip("2\n3,4\n"), gzip(text) + std::string(512, '\0')}) {
    const Table table = read("a.csv.gz", bytes);
    CHECK(names(table) == Names{"x1", "x2"});
    CHECK(table.columns[1].values == Values{2, 4});
  }
  std::string large = "x\n";
  for (int i = 0; i < 300000; ++i) large += std::to_string(i) + "\n";
  const Table table = read("a.gz", gzip(large));
  REQUIRE(table.rows == 300000);
  CHECK(table.columns[0].values[299999] == 299999);
}

}  // namespace lvm::runtime
