// Sizes that would hurt: refused above the limit, accepted at it.
#include <catch2/catch.hpp>

#include "frontend/parse/parse.h"

using namespace lvm;

namespace {

std::string repeated(std::string_view text, size_t n) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += text;
  return out;
}

/// The codes that a model with this one `let` gives.
std::vector<std::string> codes(const std::string& text) {
  const SourceFile source("m.lvm", text);
  Diagnostics diagnostics;
  const bool parses = parse(source, diagnostics).has_value();
  CHECK(parses == !diagnostics.has_errors());
  std::vector<std::string> out;
  for (const Diagnostic& d : diagnostics.sorted()) out.emplace_back(row(d.code).code);
  return out;
}

std::string let(const std::string& expression) {
  return "model m {\n  let a = " + expression + "\n}\n";
}

using Codes = std::vector<std::string>;

}  // namespace

TEST_CASE("nesting stops at 256, whatever nests") {
  CHECK(codes(let(repeated("(", 256) + "1" + repeated(")", 256))).empty());
  CHECK(codes(let(repeated("(", 257) + "1" + repeated(")", 257))) == Codes{"E0105"});
  CHECK(codes(let(repeated("[", 257) + "1" + repeated("]", 257))) == Codes{"E0105"});
  CHECK(codes(let(repeated("f(", 257) + "1" + repeated(")", 257))) == Codes{"E0105"});
  CHECK(codes(let(repeated("-", 256) + "1")).empty());
  CHECK(codes(let(repeated("-", 257) + "1")) == Codes{"E0105"});
  CHECK(codes(let(repeated("2^", 257) + "1")) == Codes{"E0105"});
  CHECK(codes(let(repeated("2^-", 129) + "1")) == Codes{"E0105"});
  CHECK(codes(let(repeated("(-2^", 100) + "1" + repeated(")", 100))) == Codes{"E0105"});
  CHECK(codes(let(repeated("(", 100000))) == Codes{"E0105"});
  CHECK(codes(let(repeated("(]", 100000))) == Codes{"E0105"});
}

TEST_CASE("operators side by side are no nesting") {
  CHECK(codes(let(repeated("-1 + (2^3) - ", 150) + "-x^2")).empty());
  std::string many = "model m {\n";
  for (int i = 0; i < 2000; ++i) many += "  let a = -b^2\n  P(y | z) = Normal(-2^2, sd: x')\n";
  CHECK(codes(many + "}\n").empty());
}

TEST_CASE("long chains stop at 1000 operators a declaration") {
  CHECK(codes(let(repeated("1 + ", 1000) + "1")).empty());
  CHECK(codes(let(repeated("1 + ", 1001) + "1")) == Codes{"E0106"});
  CHECK(codes(let(repeated("1 * ", 100000) + "1")) == Codes{"E0106"});
  CHECK(codes(let("a" + repeated("'", 100000))) == Codes{"E0106"});
  CHECK(codes(let("a" + repeated(".b", 1001))) == Codes{"E0106"});
  CHECK(codes(let("a" + repeated("[1]", 1001))) == Codes{"E0106"});
  CHECK(codes(let(repeated("(1 + 1) * ", 600) + "1")) == Codes{"E0106"});
}

TEST_CASE("4 MB of text are the most") {
  const std::string model = let("1");
  const size_t limit = size_t{4} << 20;
  CHECK(codes(model + repeated("#", limit - model.size())).empty());
  CHECK(codes(model + repeated("#", limit - model.size() + 1)) == Codes{"E0102"});
}

TEST_CASE("text that is no model at all ends in a diagnostic") {
  for (const char* text : {"", "}", "model", "model m", "model m {", "model m {}}", "{", "\"", "#",
                           "model m { P", "model m { q(", "model m { fit { a", "model m { net f(",
                           "model model { model }", "model m { } }", "P(", "=", "\xEF\xBB\xBF"}) {
    INFO(text);
    CHECK_FALSE(codes(text).empty());
  }
  CHECK(codes("model m {}").empty());
  CHECK(codes("model model {}").empty());
}

TEST_CASE("errors stop at 50, and that is said") {
  const auto many = codes("model m {\n" + repeated("let a = 1e999 let b = $ c\n", 20000) + "}\n");
  CHECK(many.size() == 51);
  CHECK(many.back() == "E0120");
  CHECK(codes("model m { fit {" + repeated("a = 1e999 ", 20000) + "} }").size() == 51);
  CHECK(codes("model m {\n" + repeated("$ ", 200000) + "}").size() == 51);
}
