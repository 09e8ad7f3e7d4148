#pragma once
// Cells of delimited text, one after the other, and the numbers in them.

#include <cstdint>
#include <string>
#include <string_view>

namespace lvm::runtime {

/// What a cell says when it is read as a number.
struct Number {
  enum class Kind : uint8_t { number, missing, not_finite, text };
  Kind kind = Kind::text;
  double value = 0;
};

/// `cell` without surrounding blanks. Missing: empty, NA, or NaN in any case. 1e999 and inf are not finite;
/// 1e-999 is 0.
Number read_number(std::string_view cell);

constexpr size_t longest_cell = 1 << 16;

struct Cell {
  enum class Stop : uint8_t { delimiter, line, end };
  enum class Fault : uint8_t { none, unclosed_quote, text_after_quote, too_long };
  std::string_view text;  // without quotes and surrounding blanks; valid until the next cell is read
  Stop stop = Stop::end;
  Fault fault = Fault::none;
};

/// Walks over the cells of a text.
class CellReader {
 public:
  CellReader(std::string_view text, char delimiter)
      : at_(text.data()), end_(text.data() + text.size()), delimiter_(delimiter) {}

  bool at_end() const { return at_ == end_; }
  const char* position() const { return at_; }
  /// The cell at the position; moves behind its delimiter or line break.
  Cell next();
  /// The fast way for most cells: a finite number without blanks or quotes. Leaves the position where it is
  /// and returns false for all others.
  bool next_decimal(double& value, Cell::Stop& stop);

 private:
  Cell quoted();
  Cell::Stop step_over_stop();
  bool at_stop() const { return at_ == end_ || *at_ == delimiter_ || *at_ == '\n' || *at_ == '\r'; }
  void skip_blanks();

  const char* at_;
  const char* end_;
  char delimiter_;
  std::string unquoted_;  // of a quoted cell with doubled quotes
};

}  // namespace lvm::runtime
