#pragma once
// read_table: a CSV or TSV file -> Table.  Header, quotes (doubled quotes, delimiters and newlines inside), CRLF, byte order mark.
// A column is numeric when all of its cells are numbers or missing (empty, NA, NaN and `na`); else it is text.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/diagnostics/diagnostic.h"
#include "runtime/table.h"

namespace lvm::runtime {

struct ReadOptions {
  char delimiter = '\0';        // none: found in the first rows among , tab ; |
  std::vector<std::string> na = {};  // further spellings of a missing cell
};

/// `path` "-" is the standard input. None where `diagnostics` got an error.
std::optional<Table> read_table(const std::string& path, const ReadOptions& options, Diagnostics& diagnostics);

/// The same on text that is in memory; `file` is the name for messages.
std::optional<Table> read_table_text(const std::string& file, std::string_view text, const ReadOptions& options,
                                     Diagnostics& diagnostics);

}  // namespace lvm::runtime
