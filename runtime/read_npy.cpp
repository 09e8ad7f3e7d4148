#include <fmt/format.h>

#include <charconv>

#include "runtime/array_file.h"

namespace lvm::runtime {
namespace {

/// What the header says: a Python dictionary with exactly these keys.
struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<int64_t>> shape;
};

/// Reads the header's literal and nothing more of Python. A step is false where the text is something else.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  bool read(Header& to) {
    if (!take('{')) return false;
    while (!take('}')) {
      std::string key;
      if (!string(key) || !take(':') || !value(key, to)) return false;
      if (take(',')) continue;
      if (!take('}')) return false;
      break;
    }
    blanks();
    return text_.empty() && to.descr && to.fortran_order && to.shape;
  }

 private:
  void blanks() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n')) text_.remove_prefix(1);
  }
  bool take(char c) {
    blanks();
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool word(std::string_view expected) {
    blanks();
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  bool string(std::string& to) {
    blanks();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"')) return false;
    const size_t end = text_.find(text_[0], 1);
    if (end == std::string_view::npos) return false;
    to = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return to.find('\\') == std::string::npos;
  }
  bool number(int64_t& to) {
    blanks();
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), to);
    if (error != std::errc() || to < 0) return false;
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    return true;
  }
  /// `()`, `(3,)`, `(3, 4)`.
  bool tuple(std::vector<int64_t>& to) {
    if (!take('(')) return false;
    while (!take(')')) {
      int64_t n = 0;
      if (!number(n)) return false;
      to.push_back(n);
      if (take(',')) continue;
      return to.size() > 1 && take(')');
    }
    return true;
  }
  /// Of a list of fields only that it is one is told: brackets up to the one that closes it.
  bool fields(std::string& to) {
    int depth = 0;
    size_t i = 0;
    do {
      if (i == text_.size()) return false;
      depth += text_[i] == '[' ? 1 : text_[i] == ']' ? -1 : 0;
      ++i;
    } while (depth > 0);
    to = text_.substr(0, i);
    text_.remove_prefix(i);
    return true;
  }
  bool value(const std::string& key, Header& to) {
    blanks();
    if (key == "descr" && !to.descr) {
      to.descr.emplace();
      return !text_.empty() && text_[0] == '[' ? fields(*to.descr) : string(*to.descr);
    }
    if (key == "fortran_order" && !to.fortran_order) {
      to.fortran_order = word("True");
      return *to.fortran_order || word("False");
    }
    if (key == "shape" && !to.shape) return tuple(to.shape.emplace());
    return false;
  }

  std::string_view text_;
};

std::optional<Array> element_of(std::string_view descr) {
  using Kind = Array::Kind;
  if (descr.size() != 3) return std::nullopt;
  Array array;
  array.bytes = descr[2] - '0';
  const bool power = array.bytes == 1 || array.bytes == 2 || array.bytes == 4 || array.bytes == 8;
  switch (descr[0]) {
    case '<': break;
    case '>': array.big_endian = true; break;
    case '=': break;  // the machine's own order, which is little-endian
    case '|':
      if (array.bytes != 1) return std::nullopt;
      break;
    default: return std::nullopt;
  }
  switch (descr[1]) {
    case 'b': array.kind = Kind::boolean; return array.bytes == 1 ? std::optional(array) : std::nullopt;
    case 'i': array.kind = Kind::signed_integer; return power ? std::optional(array) : std::nullopt;
    case 'u': array.kind = Kind::unsigned_integer; return power ? std::optional(array) : std::nullopt;
    case 'f':
      array.kind = Kind::real;
      return array.bytes == 4 || array.bytes == 8 ? std::optional(array) : std::nullopt;
    default: return std::nullopt;
  }
}

ArrayFault damaged(std::string message) {
  return {Code::array_damaged, std::move(message)};
}

}  // namespace

std::variant<Array, ArrayFault> read_npy(std::string_view bytes) {
  constexpr std::string_view magic = "\x93NUMPY";
  if (!bytes.starts_with(magic)) return damaged("the name says .npy, and the file does not begin as one");
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  if (bytes.size() < 10) return damaged("the file ends inside its header");
  const int version = byte(6);
  if (version < 1 || version > 3 || byte(7) != 0) {
    return damaged(fmt::format("version {}.{} of the format is not known", version, byte(7)));
  }
  const size_t begin = version == 1 ? 10 : 12;
  if (bytes.size() < begin) return damaged("the file ends inside its header");
  size_t length = byte(8) | size_t{byte(9)} << 8;
  if (version > 1) length |= size_t{byte(10)} << 16 | size_t{byte(11)} << 24;
  if (length > bytes.size() - begin) {
    return damaged(
        fmt::format("the header promises {} bytes of itself, and {} follow", length, bytes.size() - begin));
  }
  Header header;
  if (!HeaderReader(bytes.substr(begin, length)).read(header)) {
    return damaged("the header is not a dictionary of `descr`, `fortran_order` and `shape`");
  }
  std::optional<Array> array = element_of(*header.descr);
  if (!array) {
    return ArrayFault{Code::array_unsupported,
                      fmt::format("cells of type `{}` are not read", header.descr->substr(0, 80)),
                      "save it as numbers: `numpy.save(path, a.astype('f8'))`"};
  }
  // Dimensions behind the rows are columns, row-major: a matrix or an image in each row.
  if (header.shape->empty() || (header.shape->size() > 2 && *header.fortran_order)) {
    return ArrayFault{Code::array_unsupported,
                      fmt::format("the array has {} dimensions{}", header.shape->size(),
                                  header.shape->empty() ? "" : " in Fortran's order"),
                      "save it as a matrix: `numpy.save(path, a.reshape(len(a), -1))`"};
  }
  array->by_columns = *header.fortran_order;
  if (auto fault = set_shape(*array, *header.shape, bytes.substr(begin + length))) return *fault;
  return *array;
}

}  // namespace lvm::runtime
