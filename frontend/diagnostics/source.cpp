#include "frontend/diagnostics/source.h"

#include <algorithm>

#include "frontend/diagnostics/utf8.h"

namespace lvm {

SourceRange join(SourceRange a, SourceRange b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

SourceFile::SourceFile(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {
  starts_.push_back(
      text_.starts_with("\xEF\xBB\xBF") ? 3 : 0);  // a byte order mark is not part of the first line
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') starts_.push_back(static_cast<uint32_t>(i + 1));
  }
}

std::string_view SourceFile::slice(SourceRange range) const {
  const size_t begin = std::min<size_t>(range.begin, text_.size());
  const size_t end = std::clamp<size_t>(range.end, begin, text_.size());
  return std::string_view(text_).substr(begin, end - begin);
}

LineColumn SourceFile::position(uint32_t offset) const {
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
  const auto line = std::max<uint32_t>(static_cast<uint32_t>(next - starts_.begin()), 1);
  const std::string_view before = slice({starts_[line - 1], offset});
  return {line, static_cast<uint32_t>(utf8::count(before)) + 1};
}

std::string_view SourceFile::line(uint32_t line) const {
  if (line == 0 || line > line_count()) return {};
  const auto end = line < line_count() ? starts_[line] : static_cast<uint32_t>(text_.size());
  std::string_view text = slice({starts_[line - 1], end});
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

uint32_t SourceFile::line_begin(uint32_t line) const {
  return line == 0 || line > line_count() ? static_cast<uint32_t>(text_.size()) : starts_[line - 1];
}

}  // namespace lvm
