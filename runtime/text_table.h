#pragma once
// text_table: the text of a CSV or TSV file -> Table.  Header, quotes (doubled quotes, delimiters and
// newlines inside), CRLF, byte order mark.  A column is numeric when all of its cells are numbers or missing
// (empty, NA, NaN and `na`); else it is text.

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/diagnostics/diagnostic.h"
#include "runtime/pool.h"
#include "runtime/table.h"

namespace lvm::runtime {

struct TextOptions {
  char delimiter = '\0';  // none: by the name of the file (.tsv), or found in the first rows among , tab ; |
  std::vector<std::string> na = {};  // further spellings of a missing cell
  std::set<std::string> texts =
      {};               // columns that are text whatever they hold: another file of the same table says so
  bool mapped = false;  // the text is that of a mapped file, whose pages are let go as they have been read
};

/// None where `diagnostics` got an error.
std::optional<Table> read_text_table(const std::string& file, std::string_view text,
                                     const TextOptions& options, Pool& pool, Diagnostics& diagnostics);

}  // namespace lvm::runtime
