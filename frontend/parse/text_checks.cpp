#include "frontend/parse/text_checks.h"

#include <fmt/format.h>

#include "frontend/diagnostics/utf8.h"

namespace lvm::syntax {
namespace {

constexpr size_t largest_text = 4u << 20;
constexpr size_t most_characters_shown = 20;

bool is_layout(uint32_t c) {
  return c == '\t' || c == '\n' || c == '\r';
}

std::string_view kind(uint32_t c) {
  if (c == 0) return "a NUL character";
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return "a control character";
  const bool direction = (c >= 0x200E && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
                         (c >= 0x2066 && c <= 0x2069) || c == 0x061C;
  return direction ? "a character that changes the direction of text" : "an invisible character";
}

SourceRange at(size_t offset, uint32_t length) {
  return {static_cast<uint32_t>(offset), static_cast<uint32_t>(offset) + length};
}

}  // namespace

bool check_text(const SourceFile& source, Diagnostics& diagnostics) {
  const std::string_view text = source.text();
  if (text.size() > largest_text) {
    diagnostics.report(
        {.code = Code::file_too_large,
         .message = fmt::format("the file has {:.1f} MB", static_cast<double>(text.size()) / (1u << 20)),
         .hint = "is this the table? `lvmc run MODEL DATA` takes the model first"});
    return false;
  }
  size_t found = 0;
  for (size_t i = source.line_begin(1); i < text.size() && found < most_characters_shown;) {
    const utf8::Decoded d = utf8::decode(text, i);
    if (!d.valid) {
      diagnostics.report({.code = Code::invalid_utf8,
                          .message = fmt::format("byte 0x{:02X} is not UTF-8", d.code_point),
                          .range = at(i, 1),
                          .hint = "save the file as UTF-8"});
      return false;
    }
    if (utf8::is_unprintable(d.code_point) && !is_layout(d.code_point)) {
      diagnostics.report({.code = Code::invisible_character,
                          .message = fmt::format("{} (U+{:04X})", kind(d.code_point), d.code_point),
                          .range = at(i, d.length),
                          .hint = "delete it"});
      ++found;
    }
    i += d.length;
  }
  return found == 0;
}

}  // namespace lvm::syntax
