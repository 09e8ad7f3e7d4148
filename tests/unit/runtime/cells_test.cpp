#include "runtime/cells.h"

#include <catch2/catch.hpp>
#include <charconv>
#include <cmath>

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
  for (const char* missing : {"", "NA", "NaN", "nan", "-nan"})
    CHECK(read_number(missing).kind == Kind::missing);
  for (const char* huge : {"1e999", "-1e999", "inf", "-Infinity", "1e99999999999999999999"}) {
    CHECK(read_number(huge).kind == Kind::not_finite);
  }
  for (const char* text : {"abc", "1,5", "1.5x", "0x1F", "++1", "+", "-", ".", "e5", "1e", "nan(7)", "N/A",
                           "1 2", "--1", "+-1"}) {
    INFO(text);
    CHECK(read_number(text).kind == Kind::text);
  }
}

}  // namespace lvm::runtime
