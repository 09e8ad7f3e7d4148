#pragma once
// Diagnostics are data: a row of `diagnostics.def` gives the code, the severity and the rule; a `Diagnostic`
// adds what was seen.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/diagnostics/source.h"

namespace lvm {

enum class Severity : uint8_t { error, warning };

/// One enumerator a row of `diagnostics.def`, by its short name: `Code::posterior_not_exact`.
enum class Code : uint16_t {
#define LVM_DIAGNOSTIC(code, severity, name, rule, text) name,
#include "frontend/diagnostics/diagnostics.def"
#undef LVM_DIAGNOSTIC
};

struct CodeRow {
  std::string_view code;  // "E0412"
  Severity severity;
  std::string_view name;
  std::string_view rule;  // one line, shown under every use; may be empty
  std::string_view text;  // the long text of `lvmc explain E0412`
};

const CodeRow& row(Code code);
/// All rows in the order of the table; `find_code("E0412")` is none for an unknown code.
const std::vector<CodeRow>& all_codes();
std::optional<Code> find_code(std::string_view code);

/// A second place that helps to understand the first.
struct Label {
  SourceRange range;
  std::string text;
};

/// A place in a table: counted from 1; 0 means "none".
struct TablePlace {
  std::string file;
  int64_t row = 0;
  std::string column;
  std::string cell;
};

struct Diagnostic {
  Code code;
  std::string message;     // what was seen, lower case, code in backticks
  SourceRange range = {};  // where in the model
  std::string label = {};  // the words beside the carets
  std::vector<Label> labels = {};
  std::string hint = {};  // a way out: shown as `= help: …`
  TablePlace table = {};  // where in the data, for data errors
};

/// Collects the diagnostics of one compilation. Stages add to it and go on as far as they can.
class Diagnostics {
 public:
  void report(Diagnostic diagnostic);
  bool has_errors() const { return errors_ > 0; }
  size_t error_count() const { return errors_; }
  /// Sorted by place, errors of tables last; equal entries are kept once.
  std::vector<Diagnostic> sorted() const;

 private:
  std::vector<Diagnostic> list_;
  size_t errors_ = 0;
};

/// The nearest of `candidates` when it is near enough to be meant (Damerau–Levenshtein distance at most a
/// third of the length).
std::optional<std::string> did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

struct RenderOptions {
  bool color = false;
};

/// The text that a user sees: header, place, snippet with carets, rule and hint. `source` may be null for
/// data errors.
std::string render(const Diagnostic& diagnostic, const SourceFile* source, const RenderOptions& options = {});
std::string render_all(const Diagnostics& diagnostics, const SourceFile* source,
                       const RenderOptions& options = {});

}  // namespace lvm
