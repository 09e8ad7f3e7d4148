#include <fmt/format.h>

#include "api/state.h"

namespace lvm {
namespace {

bool is_file_error(Code code) {
  return code == Code::file_unreadable || code == Code::fit_file_unwritable;
}

Message to_message(const Diagnostic& diagnostic, const SourceFile* source) {
  const CodeRow& code = row(diagnostic.code);
  Message message;
  message.code = code.code;
  message.error = code.severity == Severity::error;
  message.text = diagnostic.message;
  message.rule = code.rule;
  message.label = diagnostic.label;
  message.hint = diagnostic.hint;
  message.table = diagnostic.table.file;
  message.row = diagnostic.table.row;
  message.column_name = diagnostic.table.column;
  message.cell = diagnostic.table.cell;
  if (source == nullptr) return message;
  if (diagnostic.range != SourceRange{}) {  // of something that is missing the range has no length
    const LineColumn begin = source->position(diagnostic.range.begin),
                     end = source->position(diagnostic.range.end);
    message.file = source->name();
    message.line = begin.line;
    message.column = begin.column;
    message.end_line = end.line;
    message.end_column = end.column;
  }
  for (const Label& label : diagnostic.labels) {
    const LineColumn place = source->position(label.range.begin);
    message.notes.push_back({place.line, place.column, label.text});
  }
  return message;
}

}  // namespace

Report::Report(State state) {
  const std::vector<Diagnostic> sorted = state.diagnostics.sorted();
  for (const Diagnostic& diagnostic : sorted) {
    messages_.push_back(to_message(diagnostic, state.source.get()));
    file_error_ = file_error_ || is_file_error(diagnostic.code);
  }
  state_ = std::make_shared<const State>(std::move(state));
}

bool Report::has_errors() const {
  return state_ && state_->diagnostics.has_errors();
}

std::string Report::render(bool color) const {
  if (!state_) return "";
  return render_all(state_->diagnostics, state_->source.get(), {.color = color});
}

std::optional<std::string> explain_code(std::string_view code) {
  const std::optional<Code> known = find_code(code);
  if (!known) return std::nullopt;
  const CodeRow& found = row(*known);
  std::string text =
      fmt::format("{} {} ({})\n\n{}\n", found.code, found.severity == Severity::error ? "error" : "warning",
                  found.name, found.text);
  if (!found.rule.empty()) text += fmt::format("\nThe rule: {}\n", found.rule);
  return text;
}

std::string version() {
  return LVM_VERSION;
}

}  // namespace lvm
