#include "runtime/decimal.h"

#include <fmt/format.h>

#include <bit>
#include <catch2/catch.hpp>
#include <charconv>
#include <cmath>
#include <string>

#include "runtime/random.h"

namespace lvm::runtime {
namespace {

struct Count {
  int64_t taken = 0, all = 0;
};

/// Where the fast way takes a text, it gives the end and the bits of from_chars.
void compare(const std::string& text, Count& count) {
  for (const char* behind : {"", ",9", "\n12345678", "e", "x2345678"}) {
    const std::string whole = text + behind;
    const char* end = whole.data() + whole.size();
    double expected = 0, value = 0;
    const auto [after, error] = std::from_chars(whole.data(), end, expected);
    const char* fast = read_fast_decimal(whole.data(), end, value);
    ++count.all;
    if (fast == nullptr) continue;
    ++count.taken;
    const bool same = error == std::errc() && fast == after &&
                      std::bit_cast<uint64_t>(value) == std::bit_cast<uint64_t>(expected);
    if (same) continue;
    CAPTURE(whole, value, expected);
    REQUIRE(same);
  }
}

double random_double(const Random& random, int64_t i) {
  const auto bits = static_cast<uint64_t>(random.index(int64_t{1} << 62, i, 0)) << 2 |
                    static_cast<uint64_t>(random.index(4, i, 1));
  return std::bit_cast<double>(bits);
}

}  // namespace

TEST_CASE("decimals are read as from_chars reads them: doubles of every size in every format") {
  const Random random(11, Site::user, 0);
  Count count;
  for (int64_t i = 0; i < 100000; ++i) {
    const double x = random_double(random, i);
    const double y = std::ldexp(random.uniform(i, 2) - 0.5, static_cast<int>(random.index(80, i, 3)) - 40);
    if (std::isfinite(x)) compare(fmt::format("{:.17g}", x), count);
    if (std::isfinite(x)) compare(fmt::format("{}", x), count);
    compare(fmt::format("{:.17g}", y), count);
    compare(fmt::format("{:.6g}", y), count);
    compare(fmt::format("{:.{}f}", y, random.index(20, i, 4)), count);
    compare(fmt::format("{:.{}e}", y, random.index(20, i, 5)), count);
  }
  CHECK(count.taken > count.all * 8 / 10);
}

TEST_CASE("decimals beside the middle of two doubles") {
  const Random random(12, Site::user, 0);
  Count count;
  for (int64_t i = 0; i < 20000; ++i) {
    // m · 2^e + half a step, to more and fewer digits than it has.
    const auto m = static_cast<double>((int64_t{1} << 52) + random.index(int64_t{1} << 52, i, 0));
    const auto e = static_cast<int>(random.index(60, i, 1)) - 50;
    const long double middle = std::ldexp(static_cast<long double>(m) + 0.5L, e);
    for (const int digits : {16, 17, 18, 19}) compare(fmt::format("{:.{}g}", middle, digits), count);
    // Of few digits, exactly between two.
    compare(fmt::format("{}.5", (int64_t{1} << 53) / 2 + random.index(int64_t{1} << 52, i, 2)), count);
    compare(fmt::format("{}", (int64_t{1} << 53) + 1 + 2 * random.index(int64_t{1} << 50, i, 3)), count);
  }
  CHECK(count.taken > 0);
}

TEST_CASE("decimals: powers of ten, runs of zeros and nines, every length") {
  Count count;
  for (int e = -330; e <= 310; ++e) {
    for (const char* digits : {"1", "9", "1.7976931348623157", "2.2250738585072014", "4.9",
                               "9007199254740993", "0.1", "0", "-0", "-5"}) {
      compare(fmt::format("{}e{}", digits, e), count);
      compare(fmt::format("{}E{:+03}", digits, e), count);
    }
  }
  for (int length = 1; length <= 25; ++length) {
    for (int point = 0; point <= length; ++point) {
      for (const char digit : {'0', '1', '5', '9'}) {
        std::string text(static_cast<size_t>(length), digit);
        compare(text, count);
        text.insert(static_cast<size_t>(point), ".");
        compare(text, count);
        compare("-" + text, count);
        compare("000" + text, count);
        compare("0.0000000000000000000000" + text, count);
      }
    }
  }
  CHECK(count.taken > count.all / 2);
}

TEST_CASE("what is no decimal is left to others") {
  Count count;
  for (const char* text : {"",
                           "-",
                           ".",
                           "-.",
                           "+1",
                           " 1",
                           "x",
                           "e5",
                           "\"1\"",
                           "1e",
                           "1e+",
                           "1e-",
                           "1.e5",
                           "1.2.3",
                           "inf",
                           "nan",
                           "--1",
                           "1e99999",
                           "123456789012345678901",
                           "/",
                           ":",
                           "1/",
                           "1:",
                           "12345/78",
                           "1234567:",
                           "\xff"
                           "234567",
                           "1\xfa"
                           "34567"}) {
    compare(text, count);
  }
  CHECK(count.taken < count.all / 2);
}

}  // namespace lvm::runtime
