#pragma once
// read_table: files -> Table.  CSV and TSV, NumPy's .npy and IDX (the format of MNIST), each also as gzip;
// what a file is, its first bytes say. Several files are one table, their rows one behind the other.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/diagnostics/diagnostic.h"
#include "runtime/table.h"

namespace lvm::runtime {

struct ReadOptions {
  char delimiter = '\0';  // none: by the name of the file (.tsv), or found in the first rows among , tab ; |
  std::vector<std::string> na = {};  // further spellings of a missing cell
  int threads = 0;                   // 0: as many as the machine has
};

/// `path` "-" is the standard input. None where `diagnostics` got an error.
std::optional<Table> read_table(const std::string& path, const ReadOptions& options,
                                Diagnostics& diagnostics);

/// Files with the same columns, in any order; those of array files, which have no names, by their places.
std::optional<Table> read_tables(const std::vector<std::string>& paths, const ReadOptions& options,
                                 Diagnostics& diagnostics);

/// The bytes of files that are in memory; `name` is for messages, and for the columns of arrays.
struct NamedBytes {
  std::string name;
  std::string_view bytes;
  bool mapped = false;  // they are pages of a file (MappedFile)
};
std::optional<Table> read_table_bytes(const std::vector<NamedBytes>& files, const ReadOptions& options,
                                      Diagnostics& diagnostics);
std::optional<Table> read_table_text(const std::string& file, std::string_view text,
                                     const ReadOptions& options, Diagnostics& diagnostics);

}  // namespace lvm::runtime
