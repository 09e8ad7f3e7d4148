#include "runtime/read_table.h"

#include <fmt/format.h>

#include <memory>
#include <set>
#include <stdexcept>

#include "runtime/append_tables.h"
#include "runtime/array_file.h"
#include "runtime/inflate.h"
#include "runtime/mapped_file.h"
#include "runtime/text_table.h"

namespace lvm::runtime {
namespace {

void fail(Code code, const std::string& file, std::string message, Diagnostics& diagnostics) {
  Diagnostic d{code, std::move(message)};
  d.table = {file, 0, {}, {}};
  diagnostics.report(std::move(d));
}

/// A file as it was given, and what came out of it where it is compressed.
struct Source {
  std::string name;
  std::string_view bytes;
  bool mapped = false;
  ByteBuffer inflated = {};
};

bool decompress(Source& source, Diagnostics& diagnostics) {
  if (!is_gzip(source.bytes)) return true;
  const std::string fault = inflate(source.bytes, source.inflated);
  if (!fault.empty()) {
    fail(Code::gzip_damaged, source.name, fmt::format("the compressed file cannot be read: {}", fault),
         diagnostics);
    return false;
  }
  source.bytes = source.inflated.bytes();
  source.mapped = false;
  return true;
}

class TablesReader {
 public:
  TablesReader(const ReadOptions& options, Diagnostics& diagnostics)
      : options_(options), diagnostics_(diagnostics), pool_(options.threads) {}

  std::optional<Table> read(std::vector<Source> sources) {
    std::vector<Table> tables;
    for (Source& source : sources) {
      std::optional<Table> table;
      if (decompress(source, diagnostics_)) table = read_one(source, {});
      if (!table) return std::nullopt;
      tables.push_back(std::move(*table));
    }
    if (tables.size() == 1) return std::move(tables.front());
    if (!same_columns(tables, diagnostics_)) return std::nullopt;
    // A column that is text in one file is read as text in all, so that "1.0" and "1" stay apart everywhere.
    const std::set<std::string> texts = text_columns(tables);
    for (size_t i = 0; i < tables.size(); ++i) {
      if (!has_number_column(tables[i], texts)) continue;
      if (!tables[i].header) {
        fail(Code::tables_differ, tables[i].file,
             fmt::format("`{}` holds numbers in column `{}`, which is text in another file", tables[i].file,
                         *texts.begin()),
             diagnostics_);
        return std::nullopt;
      }
      Diagnostics again;  // what it says was said
      std::optional<Table> table = read_one(sources[i], texts, again);
      if (!table) throw std::logic_error("a file that was read cannot be read again");
      tables[i] = std::move(*table);
    }
    sources.clear();
    return append_tables(std::move(tables));
  }

 private:
  std::optional<Table> read_one(const Source& source, const std::set<std::string>& texts) {
    return read_one(source, texts, diagnostics_);
  }
  std::optional<Table> read_one(const Source& source, const std::set<std::string>& texts,
                                Diagnostics& diagnostics) {
    if (is_array_file(source.name, source.bytes))
      return read_array_file(source.name, source.bytes, source.mapped, pool_, diagnostics);
    return read_text_table(source.name, source.bytes, {options_.delimiter, options_.na, texts, source.mapped},
                           pool_, diagnostics);
  }

  const ReadOptions& options_;
  Diagnostics& diagnostics_;
  Pool pool_;
};

}  // namespace

std::optional<Table> read_table_bytes(const std::vector<NamedBytes>& files, const ReadOptions& options,
                                      Diagnostics& diagnostics) {
  std::vector<Source> sources;
  for (const NamedBytes& file : files) sources.push_back({file.name, file.bytes, file.mapped});
  return TablesReader(options, diagnostics).read(std::move(sources));
}

std::optional<Table> read_table_text(const std::string& file, std::string_view text,
                                     const ReadOptions& options, Diagnostics& diagnostics) {
  return read_table_bytes({{file, text}}, options, diagnostics);
}

std::optional<Table> read_tables(const std::vector<std::string>& paths, const ReadOptions& options,
                                 Diagnostics& diagnostics) {
  std::vector<std::unique_ptr<MappedFile>> files;
  std::vector<NamedBytes> bytes;
  bool good = true;
  for (const std::string& path : paths) {
    files.push_back(std::make_unique<MappedFile>(path));
    bytes.push_back({path, files.back()->bytes(), files.back()->mapped()});
    const std::string& error = files.back()->error();
    if (!error.empty())
      fail(Code::file_unreadable, path, fmt::format("cannot read the table: {}", error), diagnostics);
    good = good && error.empty();
  }
  return good ? read_table_bytes(bytes, options, diagnostics) : std::nullopt;
}

std::optional<Table> read_table(const std::string& path, const ReadOptions& options,
                                Diagnostics& diagnostics) {
  return read_tables({path}, options, diagnostics);
}

}  // namespace lvm::runtime
