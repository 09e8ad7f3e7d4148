#include "runtime/cells.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "runtime/decimal.h"

namespace lvm::runtime {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_nan_word(std::string_view s) {
  if (!s.empty() && (s[0] == '-' || s[0] == '+')) s.remove_prefix(1);
  return s.size() == 3 && lower(s[0]) == 'n' && lower(s[1]) == 'a' && lower(s[2]) == 'n';
}

/// Of a decimal that no double holds: true if it is too small rather than too large. Decides by the power of
/// ten of its first digit above zero, which is far from 0 in both cases.
bool underflows(std::string_view s) {
  int64_t magnitude = 0;
  bool point = false, significant = false;
  size_t i = 0;
  for (; i < s.size() && lower(s[i]) != 'e'; ++i) {
    if (s[i] == '.') point = true;
    if (!is_digit(s[i])) continue;
    significant = significant || s[i] != '0';
    if (significant && !point) ++magnitude;
    if (!significant && point) --magnitude;
  }
  if (i + 1 >= s.size()) return magnitude < 0;
  const bool negative = s[i + 1] == '-';
  int64_t exponent = 0;
  for (++i; i < s.size() && exponent < (int64_t{1} << 40); ++i) {
    if (is_digit(s[i])) exponent = exponent * 10 + (s[i] - '0');
  }
  return magnitude + (negative ? -exponent : exponent) < 0;
}

}  // namespace

Number read_number(std::string_view cell) {
  using Kind = Number::Kind;
  if (cell.empty() || cell == "NA" || is_nan_word(cell)) {
    return {Kind::missing, std::numeric_limits<double>::quiet_NaN()};
  }
  std::string_view s = cell;
  if (s[0] == '+') s.remove_prefix(1);
  if (s.empty() || s[0] == '+' || (s.size() < cell.size() && s[0] == '-')) return {};
  double value = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (end != s.data() + s.size() || error == std::errc::invalid_argument) return {};
  if (error == std::errc::result_out_of_range) {
    return underflows(s) ? Number{Kind::number, s[0] == '-' ? -0.0 : 0.0} : Number{Kind::not_finite, 0};
  }
  if (std::isnan(value)) return {};  // nan(…)
  return {std::isfinite(value) ? Kind::number : Kind::not_finite, value};
}

void CellReader::skip_blanks() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\t') && *at_ != delimiter_) ++at_;
}

Cell::Stop CellReader::step_over_stop() {
  if (at_ == end_) return Cell::Stop::end;
  const char c = *at_++;
  if (c == delimiter_) return Cell::Stop::delimiter;
  if (c == '\r' && at_ != end_ && *at_ == '\n') ++at_;
  return Cell::Stop::line;
}

bool CellReader::next_decimal(double& value, Cell::Stop& stop) {
  const char* begin = at_;
  const char* after = read_fast_decimal(at_, end_, value);
  if (after == nullptr) return false;
  at_ = after;
  if (!at_stop()) {
    at_ = begin;
    return false;
  }
  stop = step_over_stop();
  return true;
}

Cell CellReader::quoted() {
  Cell cell;
  const char* begin = ++at_;
  bool doubled = false;
  for (;; ++at_) {
    if (at_ == end_) {
      cell.fault = Cell::Fault::unclosed_quote;
      return cell;
    }
    if (*at_ != '"') continue;
    if (at_ + 1 == end_ || at_[1] != '"') break;
    doubled = true;
    ++at_;
  }
  cell.text = {begin, static_cast<size_t>(at_ - begin)};
  if (cell.text.size() > longest_cell) cell.fault = Cell::Fault::too_long;
  if (doubled) {
    unquoted_.clear();
    for (size_t i = 0; i < cell.text.size(); ++i) {
      unquoted_ += cell.text[i];
      if (cell.text[i] == '"') ++i;
    }
    cell.text = unquoted_;
  }
  ++at_;
  skip_blanks();
  if (!at_stop()) cell.fault = Cell::Fault::text_after_quote;
  cell.stop = step_over_stop();
  return cell;
}

Cell CellReader::next() {
  skip_blanks();
  if (at_ != end_ && *at_ == '"') return quoted();
  const char* begin = at_;
  while (!at_stop()) ++at_;
  const char* last = at_;
  while (last != begin && (last[-1] == ' ' || last[-1] == '\t')) --last;
  Cell cell;
  cell.text = {begin, static_cast<size_t>(last - begin)};
  if (cell.text.size() > longest_cell) cell.fault = Cell::Fault::too_long;
  cell.stop = step_over_stop();
  return cell;
}

}  // namespace lvm::runtime
