#include <catch2/catch.hpp>

#include "frontend/diagnostics/source.h"
#include "frontend/diagnostics/utf8.h"

using namespace lvm;

TEST_CASE("positions count lines from 1 and code points from 1") {
  const SourceFile source("m", "ab\n\xCE\xB8\xF0\x9F\x98\x80z\r\n\nlast");
  CHECK(source.line_count() == 4);
  CHECK(source.position(0).line == 1);
  CHECK(source.position(0).column == 1);
  CHECK(source.position(2).column == 3);  // at the line break
  CHECK(source.position(3).line == 2);
  CHECK(source.position(5).column == 2);  // after θ, two bytes
  CHECK(source.position(9).column == 3);  // after an emoji, four bytes
  CHECK(source.position(12).line == 3);
  CHECK(source.position(17).line == 4);
  CHECK(source.position(17).column == 5);
  CHECK(source.line(1) == "ab");
  CHECK(source.line(2) == "\xCE\xB8\xF0\x9F\x98\x80z");
  CHECK(source.line(3).empty());
  CHECK(source.line(4) == "last");
  CHECK(source.line(0).empty());
  CHECK(source.line(5).empty());
}

TEST_CASE("a byte order mark is outside the first line") {
  const SourceFile source("m", "\xEF\xBB\xBFmodel");
  CHECK(source.line(1) == "model");
  CHECK(source.position(3).column == 1);
  CHECK(source.position(0).line == 1);
}

TEST_CASE("slices stay inside the text") {
  const SourceFile source("m", "abc");
  CHECK(source.slice({1, 2}) == "b");
  CHECK(source.slice({1, 99}) == "bc");
  CHECK(source.slice({50, 99}).empty());
}

TEST_CASE("join covers both ranges and ignores an empty one") {
  CHECK(join({3, 5}, {1, 2}) == SourceRange{1, 5});
  CHECK(join({0, 0}, {1, 2}) == SourceRange{1, 2});
  CHECK(join({1, 2}, {7, 7}) == SourceRange{1, 2});
}

TEST_CASE("UTF-8 is decoded strictly") {
  CHECK(utf8::decode("\xCE\xB8", 0).code_point == 0x3B8);
  CHECK(utf8::decode("\xF0\x9F\x98\x80", 0).code_point == 0x1F600);
  CHECK(utf8::decode("\xF4\x8F\xBF\xBF", 0).code_point == 0x10FFFF);
  for (const char* bad : {"\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                          "\xFF", "\x80", "\xCE", "\xE2\x82"}) {
    CHECK_FALSE(utf8::decode(bad, 0).valid);
    CHECK(utf8::decode(bad, 0).length == 1);
  }
  CHECK(utf8::count("a\xCE\xB8\xFF") == 3);
}

TEST_CASE("what must not reach a terminal is replaced") {
  CHECK(utf8::printable("a\x1B[31m\tb\xE2\x80\xAE\xFF\xCE\xB8") ==
        "a\xEF\xBF\xBD[31m\xEF\xBF\xBD"
        "b\xEF\xBF\xBD\xEF\xBF\xBD\xCE\xB8");
  CHECK(utf8::is_invisible(0x200B));
  CHECK(utf8::is_invisible(0xFEFF));
  CHECK_FALSE(utf8::is_invisible(0x2014));
  CHECK(utf8::is_unprintable(0));
  CHECK_FALSE(utf8::is_unprintable(' '));
}
