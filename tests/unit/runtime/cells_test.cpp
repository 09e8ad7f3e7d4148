#include "runtime/cells.h"

#include <fmt/format.h>

#include <bit>
#include <catch2/catch.hpp>
#include <charconv>
#include <cmath>

#include "runtime/random.h"

namespace lvm::runtime {
namespace {

using Kind = Number::Kind;

double exact(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

TEST_CASE("numbers, and what is none") {
  CHECK(read_number("1.5").value == 1.5);
  CHECK(read_number("+2e3").value == 2000);
  CHECK(read_number("-.5").value == -0.5);
  CHECK(read_number("1e-400").kind == Kind::number);
  CHECK(read_number("-1e-400").value == 0);
  CHECK(std::signbit(read_number("-1e-400").value));
  CHECK(read_number("0." + std::string(400, '0') + "1").value == 0);
  CHECK(read_number("0." + std::string(400, '0') + "1e405").value == exact("1e4"));
  for (const char* missing : {"", "NA", "NaN", "nan", "-nan"}) CHECK(read_number(missing).kind == Kind::missing);
  for (const char* huge : {"1e999", "-1e999", "inf", "-Infinity", "1e99999999999999999999"}) {
    CHECK(read_number(huge).kind == Kind::not_finite);
  }
  for (const char* text : {"abc", "1,5", "1.5x", "0x1F", "++1", "+", "-", ".", "e5", "1e", "nan(7)", "N/A", "1 2", "--1", "+-1"}) {
    INFO(text);
    CHECK(read_number(text).kind == Kind::text);
  }
}

TEST_CASE("the fast path reads decimals as from_chars does, bit for bit") {
  const Random random(11, Site::user, 0);
  int64_t taken = 0;
  for (int64_t i = 0; i < 100000; ++i) {
    const int64_t digits = random.index(int64_t{1} << random.index(62, i, 0), i, 1);
    std::string text = fmt::format("{}{}", random.uniform(i, 2) < 0.5 ? "-" : "", digits);
    if (random.uniform(i, 3) < 0.8) text.insert(text.size() - static_cast<size_t>(random.index(3, i, 4)) % text.size(), ".");
    if (text.find('-', 1) != std::string::npos || text.find(".-") != std::string::npos) continue;
    const std::string cell = text + ",9";
    double value = 0;
    const char* end = read_simple_decimal(cell.data(), cell.data() + cell.size(), ',', value);
    if (!end) continue;
    ++taken;
    INFO(text);
    REQUIRE(end == cell.data() + text.size());
    REQUIRE(std::bit_cast<uint64_t>(value) == std::bit_cast<uint64_t>(exact(text)));
  }
  CHECK(taken > 50000);
}

TEST_CASE("the fast path leaves everything else alone") {
  for (const char* cell : {"", "-", ".", "-.", "1e5", " 1", "1 ", "12345678901234567890", "9007199254740993", "x", "1x", "\"1\"",
                           "0.00000000000000000001", "1.2.3"}) {
    const std::string text = cell;
    double value = 0;
    INFO(text);
    CHECK(read_simple_decimal(text.data(), text.data() + text.size(), ',', value) == nullptr);
  }
}

}  // namespace lvm::runtime
