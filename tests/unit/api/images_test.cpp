// Pictures as other programs read them.

#include <zlib.h>

#include <catch2/catch.hpp>

#include "api/pictures.h"

namespace {

uint32_t word(const std::string& bytes, size_t at) {
  uint32_t to = 0;
  for (size_t i = 0; i < 4; ++i) to = to << 8 | static_cast<unsigned char>(bytes[at + i]);
  return to;
}

/// The check of PNG, bit by bit (ISO/IEC 15948, annex D).
uint32_t check_of(const std::string& bytes) {
  uint32_t to = 0xFFFFFFFF;
  for (const char c : bytes) {
    to ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) to = (to & 1) != 0 ? to >> 1 ^ 0xEDB88320 : to >> 1;
  }
  return ~to;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("a PNG has the pixels of its image") {
  lvm::Image image{3, 2, {0, 1, 2, 253, 254, 255}};
  const std::string png = lvm::to_png(image);
  REQUIRE(png.substr(0, 8) == "\x89PNG\r\n\x1A\n");
  std::string names, packed;
  for (size_t at = 8; at < png.size();) {
    const uint32_t size = word(png, at);
    names += png.substr(at + 4, 4) + " ";
    CHECK(word(png, at + 8 + size) == check_of(png.substr(at + 4, 4 + size)));
    if (png.substr(at + 4, 4) == "IDAT") packed = png.substr(at + 8, size);
    at += 12 + size;
  }
  CHECK(names == "IHDR IDAT IEND ");
  CHECK(word(png, 16) == 3);
  CHECK(word(png, 20) == 2);
  CHECK(png.substr(24, 5) == std::string("\x08\0\0\0\0", 5));
  std::string lines(8, 'x');
  uLongf size = 8;
  REQUIRE(uncompress(reinterpret_cast<Bytef*>(lines.data()), &size,
                     reinterpret_cast<const Bytef*>(packed.data()),
                     static_cast<uLong>(packed.size())) == Z_OK);
  CHECK(size == 8);
  CHECK(lines == std::string("\0\x00\x01\x02\0\xFD\xFE\xFF", 8));
}

TEST_CASE(
    "images stand in a grid, enlarged by whole factors, black at the least and white at the greatest "
    "number") {
  // Three images of 1 x 2, two beside each other; each pixel becomes 20 x 20.
  const lvm::Image grid = lvm::image_grid({0, 1, 0.5, 2, -1, 0.25}, 1, 2, 2, 0, 1);
  REQUIRE(grid.width == 2 + 2 * 42);
  REQUIRE(grid.height == 2 + 2 * 22);
  const auto at = [&](int64_t x, int64_t y) {
    return int{grid.grey[static_cast<size_t>(y * grid.width + x)]};
  };
  CHECK(at(0, 0) == 255);  // the gap
  CHECK(at(2, 2) == 0);
  CHECK(at(21, 21) == 0);
  CHECK(at(22, 2) == 255);
  CHECK(at(44, 2) == 128);
  CHECK(at(64, 2) == 255);  // above the greatest
  CHECK(at(2, 24) == 0);    // below the least
  CHECK(at(22, 24) == 64);
  CHECK(at(44, 24) == 255);  // there is no fourth
}

TEST_CASE("a scatter has a point a row, and a colour and a name for each label") {
  const std::string svg = lvm::scatter_svg({0, 1, 2, 3}, {5, 5, 6, 7}, {"10", "9", "a<b", "9"}, "z1", "z&2");
  CHECK(count(svg, "r=\"2.5\"") == 4);
  CHECK(count(svg, "r=\"5\"") == 3);
  CHECK(svg.find(">9</text>") < svg.find(">10</text>"));
  CHECK(svg.find(">10</text>") < svg.find(">a&lt;b</text>"));
  CHECK(count(svg, "z&amp;2") == 1);
  CHECK(svg.ends_with("</svg>\n"));
  const std::string same = lvm::scatter_svg({1, 1}, {2, 2}, {}, "a", "b");
  CHECK(count(same, "nan") == 0);
  CHECK(count(same, "r=\"2.5\"") == 2);
}
