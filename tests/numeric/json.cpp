#include "tests/numeric/json.h"

#include <charconv>

namespace lvm::numeric {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Json document() {
    Json result = value();
    if (peek() != '\0') fail("text after the end");
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error("JSON: " + what + " at byte " + std::to_string(at_));
  }

  /// The next character that is not white space, not consumed; 0 at the end.
  char peek() {
    while (at_ < text_.size() && std::string_view(" \n\r\t").find(text_[at_]) != std::string_view::npos)
      ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  void expect(char wanted) {
    if (!take(wanted)) fail(std::string("no `") + wanted + "`");
  }

  Json value() {
    switch (peek()) {
      case '{': return {object()};
      case '[': return {array()};
      case '"': return {string()};
      case 'n': return word("null", nullptr);
      case 't': return word("true", true);
      case 'f': return word("false", false);
      default: return {number()};
    }
  }

  template <class T>
  Json word(std::string_view spelling, T meaning) {
    if (text_.substr(at_, spelling.size()) != spelling) fail("an unknown word");
    at_ += spelling.size();
    return {meaning};
  }

  Json::Object object() {
    Json::Object members;
    expect('{');
    if (take('}')) return members;
    do {
      peek();
      std::string key = string();
      expect(':');
      members.emplace(std::move(key), value());
    } while (take(','));
    expect('}');
    return members;
  }

  Json::Array array() {
    Json::Array items;
    expect('[');
    if (take(']')) return items;
    do {
      items.push_back(value());
    } while (take(','));
    expect(']');
    return items;
  }

  /// Names, and texts of models: of the escapes those of a quote, a backslash and the end of a line.
  std::string string() {
    expect('"');
    std::string result;
    while (at_ < text_.size() && text_[at_] != '"') {
      char c = text_[at_++];
      if (c == '\\') {
        c = at_ < text_.size() ? text_[at_++] : '\0';
        if (c == 'n') {
          c = '\n';
        } else if (c != '"' && c != '\\') {
          fail("an escape that is not read here");
        }
      }
      result += c;
    }
    expect('"');
    return result;
  }

  double number() {
    double result = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), result);
    if (error != std::errc()) fail("no value");
    at_ += static_cast<size_t>(end - begin);
    return result;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Json parse_json(std::string_view text) {
  return Reader(text).document();
}

}  // namespace lvm::numeric
