#include "runtime/plain_rows.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "runtime/decimal.h"
#include "runtime/mapped_file.h"

namespace lvm::runtime {
namespace {

constexpr size_t block_bytes = size_t{1} << 22;

/// Whole rows of the body, and what was found in them.
struct Block {
  std::string_view text;
  int64_t first_row = 0;
  int64_t rows = 0;
  std::vector<Column> notes;  // counts and the first odd cell of each column; no values
};

std::vector<Block> cut(std::string_view body) {
  std::vector<Block> blocks;
  while (!body.empty()) {
    size_t size = body.size() <= block_bytes ? std::string_view::npos : body.find('\n', block_bytes);
    size = size == std::string_view::npos ? body.size() : size + 1;
    blocks.push_back({body.substr(0, size), 0, 0, {}});
    body.remove_prefix(size);
  }
  return blocks;
}

/// Counts line breaks; false where the text has a quote.
bool count_rows(Block& block) {
  const std::string_view text = block.text;
  bool quote = false;
  // Short inner loops over bytes vectorise; a byte counts to 255.
  for (size_t at = 0; at < text.size(); at += 255) {
    const size_t count = std::min<size_t>(255, text.size() - at);
    uint8_t breaks = 0, quotes = 0;
    for (size_t i = 0; i < count; ++i) {
      breaks = static_cast<uint8_t>(breaks + (text[at + i] == '\n' ? 1 : 0));
      quotes = static_cast<uint8_t>(quotes | (text[at + i] == '"' ? 1 : 0));
    }
    block.rows += breaks;
    quote = quote || quotes != 0;
  }
  if (text.back() != '\n') ++block.rows;
  return !quote;
}

class BlockReader {
 public:
  BlockReader(const PlainText& text, Block& block, const std::vector<double*>& columns)
      : text_(text), block_(block), columns_(columns), at_(block.text.data()), end_(at_ + block.text.size()) {
    block.notes.resize(columns.size());
  }

  bool read() {
    for (Column& notes : block_.notes) notes.numbers = block_.rows;
    const size_t last = columns_.size() - 1;
    for (int64_t row = block_.first_row; row < block_.first_row + block_.rows; ++row) {
      if (last > 0 && at_line_end()) return false;
      for (size_t i = 0; i < last; ++i) {
        if (!read_cell(i, row) || at_ == end_ || *at_++ != text_.delimiter) return false;
      }
      if (!read_cell(last, row) || !step_over_line_end()) return false;
    }
    return at_ == end_;
  }

 private:
  bool at_line_end() const { return at_ == end_ || *at_ == '\n' || *at_ == '\r'; }
  bool is_stop(const char* at) const {
    return at == end_ || *at == text_.delimiter || *at == '\n' || *at == '\r';
  }

  bool step_over_line_end() {
    if (at_ == end_) return true;
    if (*at_ == '\r' && at_ + 1 != end_) ++at_;
    return *at_++ == '\n';
  }

  bool read_cell(size_t i, int64_t row) {
    const char* after = read_fast_decimal(at_, end_, columns_[i][row]);
    if (after == nullptr || !is_stop(after)) return read_other_cell(i, row);
    at_ = after;
    return true;
  }

  bool read_other_cell(size_t i, int64_t row) {
    const char* begin = at_;
    while (!is_stop(at_)) ++at_;
    std::string_view cell(begin, static_cast<size_t>(at_ - begin));
    if (cell.size() > longest_cell) return false;
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!cell.empty() && blank(cell.front())) cell.remove_prefix(1);
    while (!cell.empty() && blank(cell.back())) cell.remove_suffix(1);
    Column& notes = block_.notes[i];
    --notes.numbers;  // which `add_cell` counts where it is one
    columns_[i][row] = add_cell(notes, text_.number(cell), cell, row);
    return true;
  }

  const PlainText& text_;
  Block& block_;
  const std::vector<double*>& columns_;
  const char* at_;
  const char* end_;
};

void merge(Column& column, const Column& notes) {
  column.numbers += notes.numbers;
  column.missing += notes.missing;
  column.text = column.text || notes.text;
  if (column.first_odd.kind == OddCell::Kind::none) column.first_odd = notes.first_odd;
}

}  // namespace

double add_cell(Column& column, const Number& number, std::string_view cell, int64_t row) {
  switch (number.kind) {
    case Number::Kind::number: ++column.numbers; return number.value;
    case Number::Kind::missing: ++column.missing; break;
    case Number::Kind::not_finite:
    case Number::Kind::text:
      if (!column.text) {
        const auto kind = number.kind == Number::Kind::text ? OddCell::Kind::text : OddCell::Kind::not_finite;
        column.first_odd = {kind, row, std::string(cell)};
      }
      column.text = true;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

bool read_plain_rows(const PlainText& text, Table& table, Pool& pool) {
  std::vector<Block> blocks = cut(text.body);
  const auto count = static_cast<int64_t>(blocks.size());
  std::atomic<bool> plain = true;
  pool.run(count, [&](int64_t i, int) {
    if (!count_rows(blocks[static_cast<size_t>(i)])) plain = false;
    if (text.mapped) let_go(blocks[static_cast<size_t>(i)].text);
  });
  if (!plain) return false;
  int64_t rows = 0;
  for (Block& block : blocks) {
    block.first_row = rows;
    rows += block.rows;
  }
  // A cell takes a byte at least, its stop: more cells than bytes are cells that are not there.
  if (rows > static_cast<int64_t>((text.body.size() + 1) / table.columns.size())) return false;
  pool.run(static_cast<int64_t>(table.columns.size()), [&](int64_t i, int) {
    table.columns[static_cast<size_t>(i)].values.resize(static_cast<size_t>(rows));
  });
  std::vector<double*> columns;
  for (Column& column : table.columns) columns.push_back(column.values.data());
  pool.run(count, [&](int64_t i, int) {
    if (plain && !BlockReader(text, blocks[static_cast<size_t>(i)], columns).read()) plain = false;
    if (text.mapped) let_go(blocks[static_cast<size_t>(i)].text);
  });
  if (!plain) {
    for (Column& column : table.columns) column.values.clear();
    return false;
  }
  for (const Block& block : blocks) {
    for (size_t i = 0; i < table.columns.size(); ++i) merge(table.columns[i], block.notes[i]);
  }
  table.rows = rows;
  return true;
}

}  // namespace lvm::runtime
