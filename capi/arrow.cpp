// The Arrow C data interface (its specification, version 1): record batches whose columns are numbers,
// booleans, texts or dictionaries of texts. Buffers are read where they lie; the codes of plain texts are
// kept beside them.

#include <cmath>
#include <cstring>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "capi/tables.h"

using lvm::border::given;
using lvm::border::guard;
using lvm::border::Misuse;
using lvm::runtime::ColumnInPlace;
using lvm::runtime::HostCells;
using lvm::runtime::HostType;

namespace {

/// Both structs, moved out of the exporter's: released once, whatever happens.
struct Imported {
  ArrowSchema schema{};
  ArrowArray array{};
  Imported(ArrowSchema& from_schema, ArrowArray& from_array) : schema(from_schema), array(from_array) {
    from_schema.release = nullptr;
    from_array.release = nullptr;
  }
  ~Imported() {
    if (array.release != nullptr) array.release(&array);
    if (schema.release != nullptr) schema.release(&schema);
  }
  Imported(const Imported&) = delete;
  Imported& operator=(const Imported&) = delete;
};

std::optional<HostType> number_type(std::string_view format) {
  static const std::map<std::string_view, HostType> types = {
      {"g", HostType::f64}, {"f", HostType::f32}, {"l", HostType::i64}, {"i", HostType::i32},
      {"s", HostType::i16}, {"c", HostType::i8},  {"L", HostType::u64}, {"I", HostType::u32},
      {"S", HostType::u16}, {"C", HostType::u8},  {"b", HostType::bit}};
  const auto found = types.find(format);
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

const void* buffer(const ArrowArray& array, int64_t index, const std::string& name) {
  if (array.n_buffers <= index || array.buffers == nullptr)
    throw Misuse{fmt::format("column `{}` has too few buffers", name)};
  return array.buffers[index];
}

void set_validity(const ArrowArray& array, int64_t first, const std::string& name, HostCells& to) {
  if (array.null_count == 0) return;
  to.validity = static_cast<const unsigned char*>(buffer(array, 0, name));
  to.first_valid = first;
}

/// Of rows from `first`.
HostCells numbers(const ArrowSchema& schema, const ArrowArray& array, int64_t first,
                  const std::string& name) {
  const std::optional<HostType> type = number_type(schema.format);
  if (!type)
    throw Misuse{fmt::format(
        "column `{}` has the Arrow format `{}`: numbers, booleans, texts and dictionaries of texts are read",
        name, schema.format)};
  HostCells to;
  to.type = *type;
  to.stride = lvm::runtime::size_of(*type);
  const auto* values = static_cast<const unsigned char*>(buffer(array, 1, name));
  to.data = *type == HostType::bit ? values : values + first * to.stride;
  to.first_bit = *type == HostType::bit ? first : 0;
  set_validity(array, first, name, to);
  return to;
}

template <class Offset>
std::string_view text_at(const ArrowArray& array, int64_t index, const std::string& name) {
  const auto* offsets = static_cast<const Offset*>(buffer(array, 1, name));
  const auto* bytes = static_cast<const char*>(buffer(array, 2, name));
  const Offset begin = offsets[index], end = offsets[index + 1];
  if (begin < 0 || end < begin) throw Misuse{fmt::format("column `{}` has offsets that do not ascend", name)};
  return end == begin ? std::string_view()
                      : std::string_view(bytes + begin, static_cast<size_t>(end - begin));
}

bool is_text(const ArrowSchema& schema) {
  return std::strcmp(schema.format, "u") == 0 || std::strcmp(schema.format, "U") == 0;
}

std::string_view text(const ArrowSchema& schema, const ArrowArray& array, int64_t index,
                      const std::string& name) {
  return schema.format[0] == 'u' ? text_at<int32_t>(array, index, name)
                                 : text_at<int64_t>(array, index, name);
}

ColumnInPlace dictionary(const ArrowSchema& schema, const ArrowArray& array, int64_t first,
                         const std::string& name) {
  const ArrowArray& texts = given(array.dictionary, "the dictionary of a column");
  if (!is_text(*schema.dictionary))
    throw Misuse{fmt::format("the dictionary of column `{}` holds no texts", name)};
  ColumnInPlace to{name, numbers(schema, array, first, name), {}};
  for (int64_t i = 0; i < texts.length; ++i)
    to.levels.emplace_back(text(*schema.dictionary, texts, texts.offset + i, name));
  return to;
}

/// Texts in order of appearance, and a code a row.
ColumnInPlace coded(const ArrowSchema& schema, const ArrowArray& array, int64_t first, int64_t rows,
                    const std::string& name, std::vector<int32_t>& codes) {
  HostCells validity;
  set_validity(array, first, name, validity);
  ColumnInPlace to{name, {}, {}};
  std::map<std::string_view, int32_t> known;
  codes.assign(static_cast<size_t>(rows), 0);
  for (int64_t row = 0; row < rows; ++row) {
    if (validity.is_missing(row)) continue;
    const std::string_view cell = text(schema, array, first + row, name);
    const auto [at, added] = known.try_emplace(cell, static_cast<int32_t>(to.levels.size()));
    if (added) to.levels.emplace_back(cell);
    codes[static_cast<size_t>(row)] = at->second;
  }
  to.cells.type = HostType::i32;
  to.cells.stride = sizeof(int32_t);
  to.cells.data = reinterpret_cast<const unsigned char*>(codes.data());
  to.cells.validity = validity.validity;
  to.cells.first_valid = validity.first_valid;
  if (to.levels.empty()) to.levels.emplace_back();
  return to;
}

lvm_table* table_of(std::unique_ptr<Imported> imported) {
  const ArrowSchema& schema = imported->schema;
  const ArrowArray& array = imported->array;
  if (schema.format == nullptr || std::strcmp(schema.format, "+s") != 0 ||
      schema.n_children != array.n_children)
    throw Misuse{"the Arrow array is no record batch: a struct with a child a column"};
  std::vector<ColumnInPlace> columns;
  std::vector<std::vector<int32_t>> codes(static_cast<size_t>(array.n_children));
  for (int64_t c = 0; c < array.n_children; ++c) {
    const ArrowSchema& type = given(schema.children[c], "a child of the schema");
    const ArrowArray& child = given(array.children[c], "a child of the array");
    const std::string name = type.name != nullptr ? type.name : "";
    const int64_t first = child.offset + array.offset;
    if (child.length < array.offset + array.length)
      throw Misuse{fmt::format("column `{}` is shorter than the batch", name)};
    if (type.dictionary != nullptr)
      columns.push_back(dictionary(type, child, first, name));
    else if (is_text(type))
      columns.push_back(coded(type, child, first, array.length, name, codes[static_cast<size_t>(c)]));
    else
      columns.push_back({name, numbers(type, child, first, name), {}});
  }
  lvm_table* table = lvm::border::make_table(std::move(columns), array.length);
  table->codes = std::move(codes);  // whose numbers stay where they are
  table->release = [keep = std::shared_ptr<Imported>(std::move(imported))]() mutable { keep.reset(); };
  return table;
}

}  // namespace

int lvm_table_from_arrow(ArrowSchema* schema, ArrowArray* array, lvm_table** table, lvm_report** report) {
  return guard(report, [&] {
    auto imported = std::make_unique<Imported>(given(schema, "schema"), given(array, "array"));
    given(table, "table") = nullptr;
    if (imported->array.release == nullptr || imported->schema.release == nullptr)
      throw Misuse{"the Arrow structs were released before"};
    *table = table_of(std::move(imported));
    return LVM_OK;
  });
}
