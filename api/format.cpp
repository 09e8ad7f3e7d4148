// The canonical layout with the user's comments. The grammar skips comments; they are put back beside the
// declaration that they stood at: a comment behind a declaration stays behind it, one on its own line stays
// above what follows.

#include <algorithm>

#include "api/state.h"
#include "frontend/parse/parse.h"

namespace lvm {
namespace {

struct Comment {
  uint32_t begin = 0;
  std::string text;
  bool alone = false;  // nothing but blanks before it on its line
};

std::vector<Comment> find_comments(std::string_view text) {
  std::vector<Comment> comments;
  bool quoted = false, alone = true;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#' && !quoted) {
      const size_t end = std::min(text.find_first_of("\r\n", i), text.size());
      std::string comment(text.substr(i, end - i));
      comment.erase(comment.find_last_not_of(" \t") + 1);
      comments.push_back({static_cast<uint32_t>(i), std::move(comment), alone});
      i = end - 1;
      continue;
    }
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\n') quoted = false, alone = true;
    if (text[i] != ' ' && text[i] != '\t' && text[i] != '\n' && text[i] != '\r') alone = false;
  }
  return comments;
}

/// Where the declarations of a text begin and end, in order; they are the same of the user's text and of its
/// canonical layout.
std::vector<SourceRange> declaration_ranges(const ast::ModelFile& file) {
  std::vector<SourceRange> ranges;
  for (const ast::Declaration& declaration : file.declarations) ranges.push_back(declaration.range);
  return ranges;
}

/// The lines of a layout and the comments that join them, by line from 0.
struct Layout {
  std::vector<std::string> lines;
  std::vector<std::vector<std::string>> above;
  std::vector<std::string> behind;

  explicit Layout(const SourceFile& source) {
    for (uint32_t line = 1; line <= source.line_count(); ++line) lines.emplace_back(source.line(line));
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    above.resize(lines.size() + 1);
    behind.resize(lines.size());
  }

  std::string text() const {
    std::string to;
    for (size_t line = 0; line <= lines.size(); ++line) {
      const std::string indent = line < lines.size() ? indent_of(line) : "";
      for (const std::string& comment : above[line]) to += indent + comment + "\n";
      if (line < lines.size()) to += lines[line] + (behind[line].empty() ? "" : "  " + behind[line]) + "\n";
    }
    return to;
  }

 private:
  /// A comment above the closing brace belongs to the declarations.
  std::string indent_of(size_t line) const {
    if (lines[line] == "}") return "  ";
    return lines[line].substr(0, std::min(lines[line].find_first_not_of(' '), lines[line].size()));
  }
};

/// The last brace that is not part of a comment.
uint32_t closing_brace(std::string_view text, const std::vector<Comment>& comments) {
  size_t brace = text.find_last_of('}');
  for (size_t i = comments.size(); i-- > 0;) {
    const Comment& comment = comments[i];
    const bool inside = brace > comment.begin && brace < comment.begin + comment.text.size();
    if (inside) brace = text.find_last_of('}', comment.begin);
  }
  return static_cast<uint32_t>(brace);
}

std::string with_comments(const SourceFile& given, const ast::ModelFile& syntax,
                          const std::vector<Comment>& comments, const SourceFile& printed,
                          const ast::ModelFile& printed_syntax) {
  const std::vector<SourceRange> from = declaration_ranges(syntax), to = declaration_ranges(printed_syntax);
  if (from.size() != to.size())
    throw ir::InternalError("the canonical layout has other declarations than its model");
  const uint32_t model_begin = syntax.name.range.begin;
  const uint32_t model_end = closing_brace(given.text(), comments);
  Layout layout(printed);
  const auto line_of = [&](uint32_t offset) {
    return static_cast<size_t>(printed.position(offset).line - 1);
  };

  for (const Comment& comment : comments) {
    // The last declaration that begins before the comment, and the first that begins behind it.
    const auto next = static_cast<size_t>(
        std::ranges::count_if(from, [&](SourceRange r) { return r.begin < comment.begin; }));
    const bool inside = next > 0 && comment.begin < from[next - 1].end;
    const uint32_t anchor = next > 0 ? from[next - 1].end : model_begin;
    const bool same_line = !comment.alone && anchor < comment.begin &&
                           given.position(anchor - 1).line == given.position(comment.begin).line;
    if (comment.begin > model_end) {
      layout.above[layout.lines.size()].push_back(comment.text);
    } else if (inside) {
      layout.above[line_of(to[next - 1].begin)].push_back(comment.text);
    } else if (same_line) {
      const size_t line = line_of(next > 0 ? to[next - 1].end - 1 : printed_syntax.name.range.begin);
      layout.behind[line] += (layout.behind[line].empty() ? "" : " ") + comment.text;
    } else if (comment.begin < model_begin) {
      layout.above[line_of(printed_syntax.name.range.begin)].push_back(comment.text);
    } else {
      layout.above[next < to.size() ? line_of(to[next].begin) : layout.lines.size() - 1].push_back(
          comment.text);
    }
  }
  return layout.text();
}

std::string canonical(const SourceFile& given, const ast::ModelFile& syntax) {
  const std::vector<Comment> comments = find_comments(given.text());
  std::string text = ast::print(syntax);
  if (comments.empty()) return text;
  const SourceFile printed(given.name(), text);
  Diagnostics diagnostics;
  const std::optional<ast::ModelFile> printed_syntax = parse(printed, diagnostics);
  if (!printed_syntax) throw ir::InternalError("the canonical layout does not parse:\n" + text);
  return with_comments(given, syntax, comments, printed, *printed_syntax);
}

}  // namespace

Formatted format(std::string_view text, const std::string& file_name) {
  return guarded([&] {
    const auto source = std::make_shared<const SourceFile>(file_name, std::string(text));
    Diagnostics diagnostics;
    const std::optional<ast::ModelFile> syntax = parse(*source, diagnostics);
    Formatted to{Report({diagnostics, source}), syntax ? canonical(*source, *syntax) : "", false};
    to.changed = syntax && to.text != text;
    return to;
  });
}

}  // namespace lvm
