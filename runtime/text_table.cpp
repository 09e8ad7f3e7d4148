#include "runtime/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <limits>
#include <set>
#include <unordered_map>

#include "frontend/diagnostics/utf8.h"
#include "runtime/cells.h"
#include "runtime/plain_rows.h"

namespace lvm::runtime {
namespace {

constexpr double missing_value = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<char, 4> known_delimiters = {',', '\t', ';', '|'};

/// Reads one table. Each step returns false when it has reported an error that ends the reading.
class Reader {
 public:
  Reader(const std::string& file, std::string_view text, const TextOptions& options, Pool& pool,
         Diagnostics& diagnostics)
      : text_(text), options_(options), pool_(pool), diagnostics_(diagnostics) {
    table_.file = file;
    table_.header = true;
  }

  std::optional<Table> read() {
    if (!check_bytes() || !choose_delimiter() || !read_header() || !read_rows()) return std::nullopt;
    for (Column& column : table_.columns) column.text = column.text || options_.texts.contains(column.name);
    if (std::any_of(table_.columns.begin(), table_.columns.end(), [](const Column& c) { return c.text; }))
      read_texts();
    return std::move(table_);
  }

 private:
  bool fail(Code code, std::string message, int64_t row = 0, std::string column = {},
            std::string_view cell = {}, std::string hint = {}) {
    Diagnostic d{code, std::move(message)};
    d.hint = std::move(hint);
    d.table = {table_.file, row, std::move(column), std::string(cell.substr(0, 200))};
    diagnostics_.report(std::move(d));
    return false;
  }

  bool check_bytes();
  bool check_format();
  bool choose_delimiter();
  bool read_header();
  bool check_header(const std::vector<std::string>& names);
  bool read_rows();
  bool read_rows_with_care();
  bool read_row(CellReader& cells, int64_t row);
  void read_texts();
  bool cell_fault(const Cell& cell, int64_t row, size_t column);
  bool ragged(int64_t row, size_t cells, bool blank);
  Number number(std::string_view cell) const;
  void reserve();
  void drop_value(double na);

  std::string_view text_;
  const TextOptions& options_;
  Pool& pool_;
  Diagnostics& diagnostics_;
  Table table_;
  char delimiter_ = ',';
  std::string_view body_;  // behind the header
};

bool starts_with(std::string_view text, std::string_view head) {
  return text.substr(0, head.size()) == head;
}

bool Reader::check_format() {
  struct Magic {
    std::string_view bytes;
    std::string_view what;
    std::string_view hint;
  };
  using namespace std::string_view_literals;
  static constexpr std::array<Magic, 8> formats = {{
      {"PK\x03\x04"sv, "a zip archive (.npz, .zip) or a spreadsheet (.xlsx)",
       "unpack it, or save the sheet as CSV"},
      {"PAR1"sv, "Parquet", "convert it to CSV"},
      {"\x89HDF"sv, "HDF5", "convert it to CSV"},
      {"%PDF"sv, "PDF", ""},
      {"BZh"sv, "bzip2", "decompress it: `bunzip2 -k`"},
      {"\xfd"
       "7zXZ"sv,
       "xz", "decompress it: `unxz -k`"},
      {"\x28\xb5\x2f\xfd"sv, "zstd", "decompress it: `unzstd`"},
      {"\x1f\x8b"sv, "gzip inside gzip", "decompress it: `gunzip`"},
  }};
  for (const Magic& format : formats) {
    if (starts_with(text_, format.bytes)) {
      return fail(Code::table_not_text, fmt::format("this file is {}, not a text table", format.what), 0, {},
                  {}, std::string(format.hint));
    }
  }
  return true;
}

/// The first place from `at` on that is not plain: neither zero nor above 127.
size_t plain_until(std::string_view text, size_t at) {
  constexpr size_t step = 64;
  for (; at + step <= text.size(); at += step) {
    uint8_t odd = 0;
    for (size_t i = 0; i < step; ++i) {
      const auto byte = static_cast<uint8_t>(text[at + i]);
      odd = static_cast<uint8_t>(odd | byte | (byte == 0 ? 0x80 : 0));
    }
    if ((odd & 0x80) != 0) break;
  }
  while (at < text.size() && static_cast<int8_t>(text[at]) > 0) ++at;
  return at;
}

/// Byte order marks, NUL bytes and UTF-8, and the line breaks at the end, which are no rows.
bool Reader::check_bytes() {
  using namespace std::string_view_literals;
  if (!check_format()) return false;
  if (starts_with(text_, "\xff\xfe"sv) || starts_with(text_, "\xfe\xff"sv) ||
      starts_with(text_, "\0\0\xfe\xff"sv)) {
    return fail(Code::table_utf16, "the file is in UTF-16 or UTF-32", 0, {}, {}, "save it as \"CSV UTF-8\"");
  }
  if (starts_with(text_, "\xef\xbb\xbf"sv)) text_.remove_prefix(3);
  const auto row_of = [&](size_t at) {
    return 1 + std::count(text_.begin(), text_.begin() + static_cast<int64_t>(at), '\n');
  };
  for (size_t i = plain_until(text_, 0); i < text_.size(); i = plain_until(text_, i)) {
    if (text_[i] == '\0')
      return fail(Code::table_nul_byte, "the file has a NUL byte, so it is not text", row_of(i));
    const utf8::Decoded step = utf8::decode(text_, i);
    if (!step.valid) {
      return fail(Code::table_not_utf8,
                  fmt::format("byte 0x{:02X} is not valid UTF-8", static_cast<uint8_t>(text_[i])), row_of(i),
                  {}, {}, "convert it, from Latin-1 say: `iconv -f latin1 -t utf8`");
    }
    i += step.length;
  }
  while (!text_.empty() && (text_.back() == '\n' || text_.back() == '\r')) text_.remove_suffix(1);
  if (text_.find_first_not_of(" \t\r\n") != std::string_view::npos) return true;
  return fail(Code::table_empty, "the file is empty");
}

/// The number of delimiters in each of the first rows, quotes respected.
std::vector<size_t> delimiters_per_row(std::string_view text, char delimiter) {
  constexpr size_t sample_rows = 20;
  std::vector<size_t> counts;
  CellReader cells(text, delimiter);
  for (size_t count = 0; counts.size() < sample_rows;) {
    const Cell cell = cells.next();
    if (cell.fault != Cell::Fault::none) break;
    if (cell.stop == Cell::Stop::delimiter) {
      ++count;
      continue;
    }
    counts.push_back(count);
    count = 0;
    if (cell.stop == Cell::Stop::end) break;
  }
  return counts;
}

/// `.tsv` or `.tab`, also below `.gz`.
bool names_tab_separated(std::string_view file) {
  if (file.ends_with(".gz")) file.remove_suffix(3);
  return file.ends_with(".tsv") || file.ends_with(".tab") || file.ends_with(".TSV") || file.ends_with(".TAB");
}

/// Of the delimiters that the header has, the one that cuts all first rows alike into the most cells; else
/// the most frequent one.
bool Reader::choose_delimiter() {
  if (options_.delimiter != '\0') {
    delimiter_ = options_.delimiter;
    const bool usable = std::strchr("\"\n\r+-.", delimiter_) == nullptr && (delimiter_ & 0x80) == 0 &&
                        !std::isalnum(static_cast<unsigned char>(delimiter_));
    return usable || fail(Code::delimiter_invalid, fmt::format("`{}` cannot be a delimiter",
                                                               utf8::printable(std::string(1, delimiter_))));
  }
  if (names_tab_separated(table_.file)) {
    delimiter_ = '\t';
    return true;
  }
  size_t best = 0;
  for (const char delimiter : known_delimiters) {
    const std::vector<size_t> counts = delimiters_per_row(text_, delimiter);
    if (counts.empty() || counts[0] == 0) continue;
    const bool alike = std::all_of(counts.begin(), counts.end(), [&](size_t n) { return n == counts[0]; });
    const size_t score = counts[0] + (alike ? text_.size() : 0);
    if (score > best) {
      best = score;
      delimiter_ = delimiter;
    }
  }
  return true;
}

bool Reader::cell_fault(const Cell& cell, int64_t row, size_t column) {
  const std::string name = column < table_.columns.size() ? table_.columns[column].name : std::string();
  switch (cell.fault) {
    case Cell::Fault::none: return true;
    case Cell::Fault::unclosed_quote:
      return fail(Code::unclosed_quote,
                  fmt::format("the quote that opens cell {} of row {} is not closed", column + 1, row), row,
                  name);
    case Cell::Fault::text_after_quote:
      return fail(Code::text_after_quote, "text follows the closing quote of a cell", row, name, cell.text);
    case Cell::Fault::too_long:
      return fail(Code::cell_too_long, fmt::format("a cell of row {} is longer than 64 KiB", row), row, name);
  }
  return false;
}

bool Reader::read_header() {
  CellReader cells(text_, delimiter_);
  std::vector<std::string> names;
  Cell::Stop stop = Cell::Stop::delimiter;
  while (stop == Cell::Stop::delimiter) {
    const Cell cell = cells.next();
    if (!cell_fault(cell, 1, names.size())) return false;
    names.emplace_back(cell.text);
    stop = cell.stop;
  }
  if (!check_header(names)) return false;
  body_ = text_.substr(static_cast<size_t>(cells.position() - text_.data()));
  if (stop == Cell::Stop::line) return true;
  return fail(Code::table_without_rows,
              fmt::format("the table has a header ({}) and no rows",
                          names.size() == 1 ? "1 column" : fmt::format("{} columns", names.size())));
}

/// Whole numbers that count up from 0 or 1 are names, as some programs write them; other numbers are an
/// observation.
bool counts_up(const std::vector<double>& numbers) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] != numbers[0] + static_cast<double>(i)) return false;
  }
  return numbers[0] == 0 || numbers[0] == 1;
}

bool Reader::check_header(const std::vector<std::string>& names) {
  std::set<std::string_view> seen;
  std::vector<double> numbers;
  bool good = true;
  for (size_t i = 0; i < names.size(); ++i) {
    const Number n = read_number(names[i]);
    if (n.kind == Number::Kind::number) numbers.push_back(n.value);
    if (names[i].empty()) {
      Diagnostic d{Code::column_without_name, fmt::format("column {} has no name and is left out", i + 1)};
      d.table = {table_.file, 1, {}, {}};
      diagnostics_.report(std::move(d));
    } else if (!seen.insert(names[i]).second) {
      good =
          fail(Code::column_declared_twice, fmt::format("two columns are named `{}`", names[i]), 1, names[i]);
    }
    Column column;
    column.name = names[i];
    table_.columns.push_back(std::move(column));
  }
  if (numbers.size() == names.size() && !counts_up(numbers)) {
    return fail(Code::header_missing, "the first row holds numbers only, so the header seems to be missing",
                1, {}, names[0], "write a first row with the names of the columns");
  }
  return good;
}

Number Reader::number(std::string_view cell) const {
  if (std::find(options_.na.begin(), options_.na.end(), cell) != options_.na.end()) {
    return {Number::Kind::missing, missing_value};
  }
  return read_number(cell);
}

bool Reader::ragged(int64_t row, size_t cells, bool blank) {
  const size_t expected = table_.columns.size();
  std::string hint;
  if (cells == 1 && expected > 1 && !blank) hint = "another delimiter is set by `--delimiter`";
  if (cells > expected)
    hint = "a cell that contains the delimiter is quoted; a column of row names has a name in the header";
  return fail(Code::ragged_row,
              blank
                  ? fmt::format("row {} is blank", row)
                  : fmt::format("row {} has {}{} cell{}, the header has {}", row,
                                cells > expected ? "at least " : "", cells, cells == 1 ? "" : "s", expected),
              row, {}, {}, std::move(hint));
}

bool Reader::read_row(CellReader& cells, int64_t row) {
  const size_t count = table_.columns.size();
  const char* begin = cells.position();
  for (size_t i = 0; i < count; ++i) {
    Column& column = table_.columns[i];
    double value = 0;
    Cell::Stop stop = Cell::Stop::end;
    if (cells.next_decimal(value, stop)) {
      column.values.push_back(value);
      ++column.numbers;
    } else {
      const Cell cell = cells.next();
      if (!cell_fault(cell, row + 2, i)) return false;
      stop = cell.stop;
      if (stop != Cell::Stop::delimiter && count > 1 && i == 0 && cell.text.empty()) {
        return ragged(row + 2, 1, *begin == '\n' || *begin == '\r');
      }
      column.values.push_back(add_cell(column, number(cell.text), cell.text, row));
    }
    const bool last = i + 1 == count;
    if (last != (stop != Cell::Stop::delimiter)) return ragged(row + 2, last ? count + 1 : i + 1, false);
  }
  return true;
}

/// Room for the rows that the first 64 KiB suggest.
void Reader::reserve() {
  const std::string_view head = body_.substr(0, 1 << 16);
  const auto lines = static_cast<size_t>(1 + std::count(head.begin(), head.end(), '\n'));
  const size_t rows = body_.size() / std::max<size_t>(head.size(), 1) * lines;
  // Not more than there can be: a cell takes a byte at least.
  const size_t most = body_.size() / table_.columns.size() + 1;
  for (Column& column : table_.columns) column.values.reserve(std::min(most, rows + rows / 8 + 16));
}

bool Reader::read_rows() {
  const PlainText plain{body_, delimiter_, [this](std::string_view cell) { return number(cell); },
                        options_.mapped};
  if (!read_plain_rows(plain, table_, pool_) && !read_rows_with_care()) return false;
  for (const std::string& na : options_.na) {
    const Number n = read_number(na);
    if (n.kind == Number::Kind::number) drop_value(n.value);
  }
  return true;
}

bool Reader::read_rows_with_care() {
  reserve();
  // The text does not end with a line break, so that the last row ends at the end.
  for (CellReader cells(body_, delimiter_); !cells.at_end(); ++table_.rows) {
    if (!read_row(cells, table_.rows)) return false;
  }
  return true;
}

/// `--na -999`: the fast path took the spelling of a missing cell for a number.
void Reader::drop_value(double na) {
  for (Column& column : table_.columns) {
    for (double& x : column.values) {
      if (x != na) continue;
      x = missing_value;
      --column.numbers;
      ++column.missing;
    }
  }
}

/// Looks strings up by views of them.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

/// The second pass, for the columns that hold text: their cells become indices into their levels.
void Reader::read_texts() {
  std::vector<std::unordered_map<std::string, double, TextHash, std::equal_to<>>> index(
      table_.columns.size());
  CellReader cells(body_, delimiter_);
  for (int64_t row = 0; row < table_.rows; ++row) {
    for (size_t i = 0; i < table_.columns.size(); ++i) {
      Column& column = table_.columns[i];
      double& value = column.values[static_cast<size_t>(row)];
      const Cell cell = cells.next();
      if (!column.text) continue;
      value = missing_value;
      if (number(cell.text).kind == Number::Kind::missing) continue;
      auto known = index[i].find(cell.text);
      if (known == index[i].end()) {
        known = index[i].emplace(std::string(cell.text), static_cast<double>(column.levels.size())).first;
        column.levels.emplace_back(cell.text);
      }
      value = known->second;
    }
  }
}

}  // namespace

std::optional<Table> read_text_table(const std::string& file, std::string_view text,
                                     const TextOptions& options, Pool& pool, Diagnostics& diagnostics) {
  return Reader(file, text, options, pool, diagnostics).read();
}

}  // namespace lvm::runtime
