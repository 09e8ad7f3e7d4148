#include "frontend/diagnostics/utf8.h"

namespace lvm::utf8 {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

struct Lead {
  uint32_t length;
  uint32_t bits;
  uint32_t least;  // the least code point of that length: anything below is an overlong form
};

Lead lead(uint8_t byte) {
  if (byte < 0x80) return {1, byte, 0};
  if (byte >= 0xC2 && byte < 0xE0) return {2, byte & 0x1Fu, 0x80};
  if (byte >= 0xE0 && byte < 0xF0) return {3, byte & 0x0Fu, 0x800};
  if (byte >= 0xF0 && byte < 0xF5) return {4, byte & 0x07u, 0x10000};
  return {0, 0, 0};
}

}  // namespace

Decoded decode(std::string_view text, size_t offset) {
  const auto byte = static_cast<uint8_t>(text[offset]);
  const Lead first = lead(byte);
  if (first.length == 0 || offset + first.length > text.size()) return {byte, 1, false};
  uint32_t code_point = first.bits;
  for (size_t i = 1; i < first.length; ++i) {
    const auto next = static_cast<uint8_t>(text[offset + i]);
    if ((next & 0xC0) != 0x80) return {byte, 1, false};
    code_point = code_point << 6 | (next & 0x3Fu);
  }
  const bool surrogate = code_point >= 0xD800 && code_point < 0xE000;
  if (code_point < first.least || code_point > 0x10FFFF || surrogate) return {byte, 1, false};
  return {code_point, first.length, true};
}

size_t count(std::string_view text) {
  size_t n = 0;
  for (size_t i = 0; i < text.size(); i += decode(text, i).length) ++n;
  return n;
}

bool is_invisible(uint32_t c) {
  return c == 0x00AD || c == 0x034F || c == 0x061C ||
         c == 0x180E ||                   // soft hyphen, joiner, Arabic mark, vowel separator
         (c >= 0x200B && c <= 0x200F) ||  // zero width, direction marks
         (c >= 0x2028 && c <= 0x202E) ||  // line and paragraph separators, embeddings, overrides
         (c >= 0x2060 && c <= 0x206F) ||  // word joiner, invisible operators, isolates
         c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

bool is_unprintable(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || is_invisible(c);
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const Decoded d = decode(text, i);
    if (!d.valid || is_unprintable(d.code_point)) {
      out += replacement;
    } else {
      out += text.substr(i, d.length);
    }
    i += d.length;
  }
  return out;
}

}  // namespace lvm::utf8
