#include <fmt/format.h>

#include <algorithm>

#include "frontend/diagnostics/diagnostic.h"
#include "frontend/diagnostics/utf8.h"

namespace lvm {
namespace {

constexpr size_t tab_width = 4;
constexpr size_t widest_line = 200;    // a longer line is shown in part
constexpr size_t context_before = 60;  // of such a line, before the carets

enum class Ink { error, warning, gutter, help };

class Pen {
 public:
  explicit Pen(bool color) : color_(color) {}
  std::string operator()(Ink ink, std::string_view text) const {
    return color_ ? fmt::format("\x1b[{}m{}\x1b[0m", escape(ink), text) : std::string(text);
  }

 private:
  static std::string_view escape(Ink ink) {
    switch (ink) {
      case Ink::error: return "1;31";
      case Ink::warning: return "1;33";
      case Ink::gutter: return "1;34";
      case Ink::help: return "1;36";
    }
    return "0";
  }
  bool color_;
};

/// One run of carets (primary) or dashes (label) under a line; columns count code points from 0, tabs
/// expanded.
struct Mark {
  size_t column;
  size_t width;
  bool primary;
  std::string text;
};

struct Line {
  std::string number;
  std::string text;
  std::vector<Mark> marks;
};

/// A line as it is shown, and where each of its bytes went.
struct Shown {
  std::string text;
  std::vector<size_t> column;  // of each byte; one more entry for the end
};

Shown show(std::string_view line) {
  Shown out;
  size_t column = 0;
  for (size_t i = 0; i < line.size();) {
    const uint32_t length = utf8::decode(line, i).length;
    const bool tab = line[i] == '\t';
    out.column.insert(out.column.end(), length, column);
    out.text += tab ? std::string(tab_width, ' ') : utf8::printable(line.substr(i, length));
    column += tab ? tab_width : 1;
    i += length;
  }
  out.column.push_back(column);
  return out;
}

/// The carets of a range within one line; a range over several lines ends with its first line.
Mark mark(const SourceFile& source, const Shown& shown, uint32_t line, SourceRange range, bool primary,
          std::string text) {
  const size_t last = shown.column.size() - 1;
  const size_t begin = std::min<size_t>(range.begin - source.line_begin(line), last);
  const size_t end = std::min<size_t>(std::max(range.end, range.begin) - source.line_begin(line), last);
  const size_t column = shown.column[begin];
  return {column, std::max<size_t>(shown.column[end] - column, 1), primary, std::move(text)};
}

/// Code points [begin, begin + length) of `text`.
std::string part(std::string_view text, size_t begin, size_t length) {
  size_t at = 0;
  size_t first = 0;
  size_t n = 0;
  for (; at < text.size() && n < begin + length; ++n) {
    if (n == begin) first = at;
    at += utf8::decode(text, at).length;
  }
  return n <= begin ? std::string() : std::string(text.substr(first, at - first));
}

/// Cuts a very long line to a window around its first mark.
void shorten(Line& line) {
  if (utf8::count(line.text) <= widest_line) return;
  const size_t focus = line.marks.front().column;
  const size_t begin = focus > context_before ? focus - context_before : 0;
  const bool more = utf8::count(line.text) > begin + widest_line;
  line.text = (begin > 0 ? "…" : "") + part(line.text, begin, widest_line) + (more ? "…" : "");
  const size_t lead = begin > 0 ? 1 : 0;
  for (Mark& m : line.marks) {
    m.column = std::min(m.column > begin ? m.column - begin : 0, widest_line) + lead;
    m.width = std::clamp<size_t>(m.width, 1, widest_line + 1 - std::min(m.column, widest_line));
  }
}

struct Place {
  SourceRange range;
  bool primary;
  std::string text;
};

bool nowhere(SourceRange range) {
  return range.begin == 0 && range.end == 0;
}

std::vector<Line> snippet(const Diagnostic& d, const SourceFile& source) {
  const auto line_of = [&](const Place& p) { return source.position(p.range.begin).line; };
  const auto above = [&](const Place& a, const Place& b) { return line_of(a) < line_of(b); };
  std::vector<Place> places;
  const auto add = [&](Place place) {
    if (nowhere(place.range)) return;
    places.insert(std::upper_bound(places.begin(), places.end(), place, above), place);
  };
  add({d.range, true, d.label});
  for (const Label& label : d.labels) add({label.range, false, label.text});
  std::vector<Line> lines;
  uint32_t last = 0;
  for (Place& place : places) {
    const uint32_t number = line_of(place);
    const Shown shown = show(source.line(number));
    if (number != last) {
      if (last != 0 && number != last + 1) lines.push_back({"…", "", {}});
      lines.push_back({std::to_string(number), shown.text, {}});
    }
    lines.back().marks.push_back(
        mark(source, shown, number, place.range, place.primary, utf8::printable(place.text)));
    last = number;
  }
  return lines;
}

Line cell_snippet(const Diagnostic& d, bool with_label) {
  const std::string cell = show(d.table.cell).text;
  Line line{d.table.row > 0 ? std::to_string(d.table.row) : "", cell, {}};
  line.marks.push_back(
      {0, std::max<size_t>(utf8::count(cell), 1), true, with_label ? utf8::printable(d.label) : ""});
  return line;
}

std::string table_place(const TablePlace& table) {
  std::string out = utf8::printable(table.file);
  if (table.row > 0) out += fmt::format("{}{}", out.empty() ? "row " : ":", table.row);
  if (!table.column.empty())
    out += fmt::format("{}column \"{}\"", out.empty() ? "" : ", ", utf8::printable(table.column));
  return out;
}

/// Text under the snippet: `= words`, further lines of the words indented to match.
void note(std::string& out, const std::string& gutter, std::string_view head, std::string_view words) {
  const std::string indent(utf8::count(gutter) + 2 + utf8::count(head), ' ');
  for (bool first = true; !words.empty() || first; first = false) {
    const size_t end = std::min(words.find('\n'), words.size());
    out += first ? fmt::format("{}= {}", gutter, head) : indent;
    out += utf8::printable(words.substr(0, end)) + '\n';
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

class Writer {
 public:
  Writer(const Diagnostic& d, Pen pen, size_t number_width) : d_(d), pen_(pen), width_(number_width) {}

  void header() {
    const CodeRow& r = row(d_.code);
    const bool error = r.severity == Severity::error;
    out_ += pen_(ink(), fmt::format("{}[{}]", error ? "error" : "warning", r.code));
    out_ += fmt::format(": {}\n", utf8::printable(d_.message));
  }
  void place(const std::string& where) {
    if (!where.empty()) out_ += fmt::format("  {} {}\n", pen_(Ink::gutter, "-->"), where);
  }
  void lines(const std::vector<Line>& all) {
    for (Line line : all) {
      if (line.marks.empty()) {
        out_ += pen_(Ink::gutter, fmt::format("  {}", line.number)) + '\n';
        continue;
      }
      shorten(line);
      out_ += pen_(Ink::gutter, fmt::format("  {:>{}} |", line.number, width_));
      out_ += line.text.empty() ? "\n" : ' ' + line.text + '\n';
      for (const Mark& m : line.marks) under(m);
    }
  }
  void notes() {
    const std::string gutter(width_ + 3, ' ');
    const std::string_view rule = row(d_.code).rule;
    if (!rule.empty()) note(out_, gutter, "", rule);
    if (!d_.hint.empty()) note(out_, gutter, "help: ", d_.hint);
  }
  std::string take() { return std::move(out_); }

 private:
  Ink ink() const { return row(d_.code).severity == Severity::error ? Ink::error : Ink::warning; }
  void under(const Mark& m) {
    const std::string carets(m.width, m.primary ? '^' : '-');
    out_ += pen_(Ink::gutter, fmt::format("  {:>{}} |", "", width_)) + ' ' + std::string(m.column, ' ');
    out_ +=
        pen_(m.primary ? ink() : Ink::help, m.text.empty() ? carets : fmt::format("{} {}", carets, m.text));
    out_ += '\n';
  }

  const Diagnostic& d_;
  Pen pen_;
  size_t width_;
  std::string out_;
};

size_t number_width(const std::vector<Line>& lines) {
  size_t width = 1;
  for (const Line& line : lines) width = std::max(width, utf8::count(line.number));
  return width;
}

}  // namespace

std::string render(const Diagnostic& d, const SourceFile* source, const RenderOptions& options) {
  const std::string where = table_place(d.table);
  const bool in_source = source && !nowhere(d.range);
  std::vector<Line> cell;
  if (!d.table.cell.empty()) cell.push_back(cell_snippet(d, !in_source));
  const std::vector<Line> text = source ? snippet(d, *source) : std::vector<Line>{};

  Writer out(d, Pen(options.color), std::max(number_width(cell), number_width(text)));
  out.header();
  out.place(where);
  out.lines(cell);
  if (in_source) {
    const LineColumn at = source->position(d.range.begin);
    out.place(fmt::format("{}:{}:{}", utf8::printable(source->name()), at.line, at.column));
  }
  out.lines(text);
  out.notes();
  return out.take();
}

std::string render_all(const Diagnostics& diagnostics, const SourceFile* source,
                       const RenderOptions& options) {
  std::string out;
  for (const Diagnostic& d : diagnostics.sorted()) {
    if (!out.empty()) out += '\n';
    out += render(d, source, options);
  }
  return out;
}

}  // namespace lvm
