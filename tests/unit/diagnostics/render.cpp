#include <catch2/catch.hpp>

#include "frontend/diagnostics/diagnostic.h"

using namespace lvm;

namespace {

SourceRange find(const SourceFile& source, std::string_view text) {
  const size_t at = source.text().find(text);
  REQUIRE(at != std::string_view::npos);
  return {static_cast<uint32_t>(at), static_cast<uint32_t>(at + text.size())};
}

/// What stands under the header; the code has no rule, so that there are no notes.
std::string snippet(const Diagnostic& d, const SourceFile& source) {
  const std::string all = render(d, &source);
  return all.substr(all.find('\n') + 1);
}

Diagnostic at(SourceRange range, std::string label = {}) {
  return {.code = Code::unexpected_token, .message = "m", .range = range, .label = std::move(label)};
}

const CodeRow& first_warning() {
  for (const CodeRow& r : all_codes()) {
    if (r.severity == Severity::warning) return r;
  }
  FAIL("no warning in the table");
  return all_codes().front();
}

}  // namespace

TEST_CASE("an error looks as the language page shows it") {
  const SourceFile source("model.lvm", "\n\n\n\n\n\n\n\n  P(y | z) = Normal(tanh(W * z), sd: s)\n");
  const Diagnostic d{
      .code = Code::posterior_not_exact,
      .message = "`q(z | y)` cannot be exact",
      .range = find(source, "tanh(W * z)"),
      .label = "`z` reaches the mean through `tanh`, which is not affine in `z`",
      .hint =
          "write `q(z | y) = Normal(...)` for an amortised posterior, or drop `tanh` for factor analysis"};
  const std::string rule = std::string(row(Code::posterior_not_exact).rule);
  CHECK(render(d, &source) ==
        "error[E0412]: `q(z | y)` cannot be exact\n"
        "  --> model.lvm:9:21\n"
        "  9 |   P(y | z) = Normal(tanh(W * z), sd: s)\n"
        "    |                     ^^^^^^^^^^^ `z` reaches the mean through `tanh`, which is not affine in "
        "`z`\n"
        "    = " +
            rule +
            "\n"
            "    = help: write `q(z | y) = Normal(...)` for an amortised posterior, or drop `tanh` for "
            "factor analysis\n");
}

TEST_CASE("carets count code points and expanded tabs; a range over lines shows its first line") {
  const SourceFile source("m", "\t\xCE\xB8\t= \xE4\xB8\xAD(a,\n  b)\n");
  CHECK(snippet(at(find(source, "= ")), source) ==
        "  --> m:1:4\n"
        "  1 |     \xCE\xB8    = \xE4\xB8\xAD(a,\n"
        "    |          ^^\n");
  CHECK(snippet(at(find(source, "(a,\n  b)")), source) ==
        "  --> m:1:7\n"
        "  1 |     \xCE\xB8    = \xE4\xB8\xAD(a,\n"
        "    |             ^^^\n");
}

TEST_CASE("an empty range is one caret, at the end of a line too") {
  const SourceFile source("m", "ab\ncd\n");
  CHECK(snippet(at({2, 2}), source) == "  --> m:1:3\n  1 | ab\n    |   ^\n");
  CHECK(snippet(at({6, 6}), source) == "  --> m:3:1\n  3 |\n    | ^\n");
}

TEST_CASE(
    "labels stand under their lines, in the order of the file, with a wider gutter where numbers need it") {
  std::string text;
  for (int i = 1; i <= 12; ++i) text += "line" + std::to_string(i) + "\n";
  const SourceFile source("m", text);
  Diagnostic d = at(find(source, "line11"), "here");
  d.labels = {{find(source, "line9"), "first"},
              {find(source, "line10"), "then"},
              {find(source, "ne11"), "again"},
              {find(source, "line2"), ""}};
  CHECK(snippet(d, source) ==
        "  --> m:11:1\n"
        "   2 | line2\n"
        "     | -----\n"
        "  \xE2\x80\xA6\n"
        "   9 | line9\n"
        "     | ----- first\n"
        "  10 | line10\n"
        "     | ------ then\n"
        "  11 | line11\n"
        "     | ^^^^^^ here\n"
        "     |   ---- again\n");
}

TEST_CASE("a very long line is shown around the carets") {
  const SourceFile source("m", std::string(300, 'a') + "XYZ" + std::string(300, 'b'));
  CHECK(snippet(at(find(source, "XYZ"), "here"), source) ==
        "  --> m:1:301\n"
        "  1 | \xE2\x80\xA6" +
            std::string(60, 'a') + "XYZ" + std::string(137, 'b') +
            "\xE2\x80\xA6\n"
            "    | " +
            std::string(61, ' ') + "^^^ here\n");
}

TEST_CASE("a warning says so") {
  Diagnostic d{.code = *find_code(first_warning().code), .message = "odd"};
  CHECK(render(d, nullptr).starts_with("warning[" + std::string(first_warning().code) + "]: odd\n"));
}

TEST_CASE("a table error shows file, row, column and cell") {
  Diagnostic d{.code = Code::unexpected_token, .message = "`abc` is not a number"};
  d.label = "expected a real number";
  d.table = {.file = "data/faithful.csv", .row = 17, .column = "waiting", .cell = "abc"};
  CHECK(render(d, nullptr) ==
        "error[E0101]: `abc` is not a number\n"
        "  --> data/faithful.csv:17, column \"waiting\"\n"
        "  17 | abc\n"
        "     | ^^^ expected a real number\n");
  d.table = {.file = "a.csv", .row = 0, .column = "w", .cell = ""};
  CHECK(render(d, nullptr) == "error[E0101]: `abc` is not a number\n  --> a.csv, column \"w\"\n");
  d.table = {.file = "a.csv", .row = 3, .column = "", .cell = ""};
  CHECK(render(d, nullptr) == "error[E0101]: `abc` is not a number\n  --> a.csv:3\n");
}

TEST_CASE("a table error that has a place in the model shows both") {
  const SourceFile source("m.lvm", "data y: bool\n");
  Diagnostic d = at(find(source, "bool"), "declared here");
  d.table = {.file = "a.csv", .row = 3, .column = "y", .cell = "2"};
  CHECK(render(d, &source) ==
        "error[E0101]: m\n"
        "  --> a.csv:3, column \"y\"\n"
        "  3 | 2\n"
        "    | ^\n"
        "  --> m.lvm:1:9\n"
        "  1 | data y: bool\n"
        "    |         ^^^^ declared here\n");
}

TEST_CASE("hostile text cannot reach the terminal") {
  const SourceFile source("m\x1B[2J", "a \x1B[31m b\n");
  Diagnostic d = at({0, 1}, "\x1B[31m");
  d.message = "\x1B]0;title\x07";
  d.hint = "one\ntwo\x1B";
  d.labels = {{{2, 3}, "\xE2\x80\xAE"}};
  const std::string text = render(d, &source);
  CHECK(text.find('\x1B') == std::string::npos);
  CHECK(text.find('\x07') == std::string::npos);
  CHECK(text.find("\xE2\x80\xAE") == std::string::npos);
  CHECK(text.find("    = help: one\n            two") != std::string::npos);
}

TEST_CASE("colour only if asked, and the same text underneath") {
  const SourceFile source("m", "let a = b\n");
  Diagnostic d = at(find(source, "b"), "here");
  d.hint = "h";
  const std::string plain = render(d, &source);
  std::string colored = render(d, &source, {.color = true});
  CHECK(plain.find('\x1B') == std::string::npos);
  CHECK(colored.find("\x1B[1;31merror[E0101]\x1B[0m") != std::string::npos);
  for (size_t at = colored.find('\x1B'); at != std::string::npos; at = colored.find('\x1B')) {
    colored.erase(at, colored.find('m', at) + 1 - at);
  }
  CHECK(colored == plain);
}

TEST_CASE("diagnostics come sorted by place, tables last, equal ones once") {
  Diagnostics all;
  Diagnostic table{.code = Code::unexpected_token, .message = "table"};
  table.table = {.file = "a.csv", .row = 1, .column = "", .cell = ""};
  all.report(table);
  all.report(at({8, 9}));
  all.report(at({2, 3}));
  all.report(at({8, 9}));
  all.report(Diagnostic{.code = *find_code(first_warning().code), .message = "w", .range = {5, 6}});
  const auto sorted = all.sorted();
  REQUIRE(sorted.size() == 4);
  CHECK(sorted[0].range.begin == 2);
  CHECK(sorted[1].message == "w");
  CHECK(sorted[2].range.begin == 8);
  CHECK(sorted[3].message == "table");
  CHECK(all.error_count() == 3);
  CHECK(all.has_errors());
  const SourceFile source("m", "0123456789");
  CHECK(render_all(all, &source).find("\n\nerror[E0101]: table\n") != std::string::npos);
}

TEST_CASE("warnings alone are no errors") {
  Diagnostics all;
  all.report({.code = *find_code(first_warning().code), .message = "w"});
  CHECK_FALSE(all.has_errors());
  CHECK(all.sorted().size() == 1);
}
