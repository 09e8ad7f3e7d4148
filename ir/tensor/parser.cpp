// The reader of Tensor's text. Any bytes are safe: what is not a module is refused with its line and column.

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "ir/tensor/tensor.h"

namespace lvm::ir {

namespace {

constexpr int64_t greatest_size = int64_t{1} << 40;
constexpr size_t most_integers = 8;
constexpr size_t most_names = 10000;  // of axes, of functions: they are looked up one by one

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Module module() {
    Module m;
    word("module");
    m.name = string();
    word("level");
    m.level = one_of<Level>({Level::elbo, Level::canonical, Level::step}, "a level");
    while (try_word("axis")) axis(m);
    while (try_word("function")) function(m);
    skip();
    if (at_ != text_.size()) fail("expected `function` or the end");
    return m;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;

  [[noreturn]] void fail(const std::string& why) const {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at_ && i < text_.size(); ++i) text_[i] == '\n' ? (++line, column = 1) : ++column;
    throw std::invalid_argument(fmt::format("{}:{}: {}", line, column, why));
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip() {
    while (at_ < text_.size()) {
      if (text_[at_] == ';')  // a comment, to the end of the line
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      else if (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')
        ++at_;
      else
        return;
    }
  }

  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '\'';
  }

  std::string_view peek_word() {
    skip();
    size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }

  bool try_word(std::string_view word) {
    if (peek_word() != word) return false;
    at_ += word.size();
    return true;
  }
  void word(std::string_view expected) {
    if (!try_word(expected)) fail(fmt::format("expected `{}`", expected));
  }

  bool try_char(char c) {
    skip();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void character(char c) {
    if (!try_char(c)) fail(fmt::format("expected `{}`", c));
  }

  template <class E>
  E one_of(std::initializer_list<E> all, std::string_view what) {
    const auto found = peek_word();
    for (const E e : all)
      if (name(e) == found) {
        at_ += found.size();
        return e;
      }
    fail(fmt::format("expected {}", what));
  }

  std::string string() {
    character('"');
    std::string out;
    while (peek() != '"') {
      if (at_ >= text_.size() || peek() == '\n') fail("the string does not end");
      if (peek() != '\\') {
        out += text_[at_++];
        continue;
      }
      ++at_;
      if (peek() == 'x') {
        unsigned value = 0;
        const auto [end, error] = std::from_chars(text_.data() + at_ + 1,
                                                  text_.data() + std::min(at_ + 3, text_.size()), value, 16);
        if (error != std::errc() || end != text_.data() + at_ + 3) fail("expected two hexadecimal digits");
        out += static_cast<char>(value);
        at_ += 3;
      } else if (peek() == '"' || peek() == '\\') {
        out += text_[at_++];
      } else {
        fail("unknown escape");
      }
    }
    ++at_;
    return out;
  }

  std::string axis_name() {
    skip();
    if (peek() == '"') return string();
    const auto found = peek_word();
    if (found.empty()) fail("expected an axis");
    at_ += found.size();
    return std::string(found);
  }

  int64_t integer(int64_t greatest) {
    skip();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0 || value > greatest) fail("expected a whole number in range");
    at_ = static_cast<size_t>(end - text_.data());
    return value;
  }

  double number() {
    skip();
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("expected a number");
    at_ = static_cast<size_t>(end - text_.data());
    return value;
  }

  AxisId axis_of(const Module& m) {
    const size_t start = at_;
    const std::string found = axis_name();
    if (const auto id = m.find_axis(found)) return *id;
    at_ = start;
    fail(fmt::format("no axis `{}`", found));
  }

  std::vector<AxisId> axes(const Module& m) {
    std::vector<AxisId> ids;
    character('[');
    do ids.push_back(axis_of(m));
    while (try_char(','));
    character(']');
    return ids;
  }

  void axis(Module& m) {
    Axis axis;
    if (m.axes.size() == most_names) fail("there are too many axes");
    axis.name = axis_name();
    if (m.find_axis(axis.name)) fail(fmt::format("the axis `{}` stands twice", axis.name));
    if (try_word("rows")) {
      axis.kind = AxisKind::rows;
    } else {
      if (try_word("segment")) {
        axis.kind = AxisKind::segment;
        skip();
        if (peek() != '?' && !(peek() >= '0' && peek() <= '9')) axis.parent = axis_of(m);
      }
      if (!try_char('?')) axis.size = integer(greatest_size);
    }
    m.add_axis(std::move(axis));
  }

  Type type(const Module& m) {
    Type t;
    t.element = one_of<Element>({Element::real, Element::positive, Element::unit, Element::boolean,
                                 Element::count, Element::integer, Element::category},
                                "an element type");
    if (try_char('<')) {
      t.range = axis_of(m);
      character('>');
    }
    skip();
    if (peek() == '[') t.axes = axes(m);
    for (size_t i = 1; i < t.axes.size(); ++i)
      if (t.axes[i - 1] >= t.axes[i])
        fail("the axes of a type stand in the order of their declarations, once each");
    return t;
  }

  NodeId node_reference(const Function& f) {
    skip();
    const size_t start = at_;
    character('%');
    const int64_t id = integer(std::numeric_limits<NodeId>::max());
    if (id < static_cast<int64_t>(f.nodes.size())) return static_cast<NodeId>(id);
    at_ = start;
    fail(fmt::format("%{} is not defined before its use", id));
  }

  void node(const Module& m, Function& f) {
    if (integer(std::numeric_limits<NodeId>::max()) != static_cast<int64_t>(f.nodes.size()))
      fail(fmt::format("expected %{}", f.nodes.size()));
    character(':');
    Node n{};
    n.type = type(m);
    character('=');
    const auto op_name = peek_word();
    const auto op = find_op(op_name);
    if (!op) fail(fmt::format("no op `{}`", op_name));
    at_ += op_name.size();
    n.op = *op;
    if (n.op == Op::constant || n.op == Op::slice) n.attributes.number = number();
    for (skip(); peek() >= '0' && peek() <= '9'; skip()) {
      if (n.attributes.integers.size() == most_integers) fail("there are too many integers");
      n.attributes.integers.push_back(integer(greatest_size));
    }
    if (peek() == '"') n.attributes.text = string();
    if (try_char('@')) n.attributes.function = string();
    skip();
    if (peek() == '[') n.attributes.axes = axes(m);
    skip();
    if (peek() == '%' && same_line()) do
        n.inputs.push_back(node_reference(f));
      while (try_char(','));
    f.nodes.push_back(std::move(n));
  }

  /// Inputs stand on the line of their op: a `%` further down begins the next node.
  bool same_line() const {
    for (size_t i = at_; i-- > 0;) {
      if (text_[i] == '\n') return false;
      if (text_[i] != ' ' && text_[i] != '\t' && text_[i] != '\r') return true;
    }
    return false;
  }

  void function(Module& m) {
    Function f;
    if (m.functions.size() == most_names) fail("there are too many functions");
    f.name = string();
    f.time = one_of<BindingTime>(
        {BindingTime::plain, BindingTime::once, BindingTime::prepare, BindingTime::rows, BindingTime::update},
        "a binding time");
    while (try_char('%')) node(m, f);
    if (try_word("arguments")) do
        f.arguments.push_back(node_reference(f));
      while (try_char(','));
    while (!try_word("end")) {
      Output output;
      output.kind = one_of<OutputKind>(
          {OutputKind::result, OutputKind::derived, OutputKind::statistic, OutputKind::objective,
           OutputKind::row, OutputKind::parameter, OutputKind::check},
          "an output or `end`");
      output.name = string();
      output.node = node_reference(f);
      f.outputs.push_back(std::move(output));
    }
    m.functions.push_back(std::move(f));
  }
};

}  // namespace

Module parse_module(std::string_view text) {
  return Reader(text).module();
}

}  // namespace lvm::ir
