#pragma once
// UTF-8 as the front end needs it: decode with errors, count code points, and make any text fit for a
// terminal.

#include <cstdint>
#include <string>
#include <string_view>

namespace lvm::utf8 {

/// One step of decoding. An invalid byte gives `valid = false` and length 1.
struct Decoded {
  uint32_t code_point = 0;
  uint32_t length = 1;
  bool valid = true;
};

/// The code point at `offset`, which must be inside `text`. Overlong forms, surrogates and values above
/// 10FFFF are invalid.
Decoded decode(std::string_view text, size_t offset);

/// The number of code points; an invalid byte counts as one.
size_t count(std::string_view text);

/// True for characters that change how text looks without being seen: direction controls, zero-width
/// characters, other format characters.
bool is_invisible(uint32_t code_point);

/// True for characters that must not reach a terminal: controls (tab and line feed too) and the invisible
/// ones.
bool is_unprintable(uint32_t code_point);

/// `text` with every invalid byte and unprintable character replaced by U+FFFD.
std::string printable(std::string_view text);

}  // namespace lvm::utf8
