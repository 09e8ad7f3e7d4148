#pragma once
// Source files and ranges in them. Everything that a user wrote is pointed at by a `SourceRange`.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lvm {

/// Half-open byte range [begin, end) of a `SourceFile`. The empty range {0, 0} means "nowhere".
struct SourceRange {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool empty() const { return begin == end; }
  bool operator==(const SourceRange&) const = default;
};

/// The smallest range that covers both; an empty one is ignored.
SourceRange join(SourceRange a, SourceRange b);

/// A position as people count: line and column from 1, the column in code points.
struct LineColumn {
  uint32_t line = 1;
  uint32_t column = 1;
};

/// The text of one `.lvm` file with an index of its lines.
class SourceFile {
 public:
  SourceFile(std::string name, std::string text);
  const std::string& name() const { return name_; }
  std::string_view text() const { return text_; }
  std::string_view slice(SourceRange range) const;
  LineColumn position(uint32_t offset) const;
  /// The text of line `line` (from 1) without its line break.
  std::string_view line(uint32_t line) const;
  uint32_t line_begin(uint32_t line) const;
  uint32_t line_count() const { return static_cast<uint32_t>(starts_.size()); }

 private:
  std::string name_;
  std::string text_;
  std::vector<uint32_t> starts_;
};

}  // namespace lvm
