// The explanation is the one place that knows the equations; here its notation is read sign by sign and set
// as LaTeX. What is no sign, number or name is prose.

#include "api/latex.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace lvm {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr auto signs = std::to_array<Pair>({
    {"Σ", "\\sum"},   {"Π", "\\prod"},  {"←", "\\leftarrow"}, {"∝", "\\propto"}, {"·", "\\cdot"},
    {"²", "^2"},      {"⁻¹", "^{-1}"},  {"ᵀ", "^{\\top}"},    {"…", "\\ldots"},  {"≤", "\\le"},
    {"≥", "\\ge"},    {"×", "\\times"}, {"½", "\\tfrac12"},   {"∞", "\\infty"},  {"√", "\\surd"},
    {"δ", "\\delta"}, {"α", "\\alpha"}, {"β", "\\beta"},      {"γ", "\\gamma"},  {"λ", "\\lambda"},
    {"μ", "\\mu"},    {"σ", "\\sigma"}, {"τ", "\\tau"},       {"θ", "\\theta"},  {"π", "\\pi"},
    {"ν", "\\nu"},    {"κ", "\\kappa"}, {"η", "\\eta"},       {"ρ", "\\rho"},    {"φ", "\\phi"},
    {"χ", "\\chi"},   {"ψ", "\\psi"},   {"ω", "\\omega"},     {"ξ", "\\xi"},     {"ε", "\\epsilon"},
    {"Γ", "\\Gamma"}, {"Δ", "\\Delta"}, {"Λ", "\\Lambda"},    {"Ψ", "\\Psi"},    {"∂", "\\partial"},
    {"∇", "\\nabla"}, {"∈", "\\in"},    {"→", "\\to"},        {"≈", "\\approx"}, {"±", "\\pm"},
    {"^", "^"},       {"−", "-"},       {"′", "'"},           {"³", "^3"},       {"₀", "_0"},
    {"₁", "_1"},      {"₂", "_2"},      {"∫", "\\int"},       {"≠", "\\ne"},     {"∑", "\\sum"},
    {"ℓ", "\\ell"},   {"∥", "\\Vert"},  {"‖", "\\Vert"},
});
constexpr auto greek = std::to_array<std::string_view>(
    {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu",    "nu",
     "xi",    "pi",   "rho",   "sigma", "tau",     "phi",  "chi", "psi",   "omega", "Sigma",  "Lambda"});
/// Words that stand for numbers.
constexpr std::array<std::string_view, 4> quantities = {"row", "rows", "spread", "weight"};
constexpr std::array<std::string_view, 5> functions = {"ln", "exp", "max", "min", "log"};

bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string escaped(std::string_view text) {
  std::string to;
  for (const char c : text) {
    if (c == '\\') {
      to += "\\textbackslash{}";
    } else if (c == '^' || c == '~') {
      to += std::string("\\") + c + "{}";
    } else {
      if (std::string_view("#$%&_{}").find(c) != std::string_view::npos) to += '\\';
      to += c;
    }
  }
  return to;
}

class Typesetter {
 public:
  Typesetter(std::string_view text, const std::vector<std::string>& names) : text_(text), names_(names) {}

  /// One equation; its first relation gets the alignment mark.
  std::string line() {
    bool aligned = false;
    std::string to;
    while (at_ < text_.size()) {
      const bool relation = starts("←") || starts("= ");
      if (relation && !aligned) to += "&";
      aligned = aligned || relation;
      to += step();
    }
    return aligned ? to : "&" + to;
  }

 private:
  bool starts(std::string_view with) const { return text_.substr(at_).starts_with(with); }
  static bool is_quantity(std::string_view word) {
    return std::ranges::find(quantities, word) != quantities.end();
  }
  bool is_name(std::string_view word) const { return std::ranges::find(names_, word) != names_.end(); }

  std::string step() {
    if (starts("  ")) {
      while (at_ < text_.size() && text_[at_] == ' ') ++at_;
      return " \\quad ";
    }
    for (const auto& [sign, latex] : signs) {
      if (starts(sign)) {
        at_ += sign.size();
        return with_index(std::string(latex));
      }
    }
    const char c = text_[at_];
    if (is_letter(c)) return word();
    if (c == '`') return quotation();
    if (static_cast<unsigned char>(c) >= 0x80) return other_letter();
    ++at_;
    if (c == '|') return "\\mid ";
    if (c == '{' || c == '}') return std::string("\\") + c;
    if (c == '1' && at_ < text_.size() && text_[at_] == '[') return "\\mathbf{1}";
    if (std::string_view("#$%&_^~\\").find(c) != std::string_view::npos)
      return "\\text{" + escaped({&c, 1}) + "}";
    return {c};
  }

  /// A letter beyond ASCII that is no sign of ours, as text.
  std::string other_letter() {
    const size_t begin = at_++;
    while (at_ < text_.size() && (static_cast<unsigned char>(text_[at_]) & 0xC0) == 0x80) ++at_;
    return "\\text{" + std::string(text_.substr(begin, at_ - begin)) + "}";
  }

  std::string quotation() {
    const size_t end = text_.find('`', at_ + 1);
    const std::string_view inside =
        text_.substr(at_ + 1, end == std::string_view::npos ? end : end - at_ - 1);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
    return "\\texttt{" + escaped(inside) + "}";
  }

  std::string_view read_word() {
    const size_t begin = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '_')) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  std::string symbol(std::string_view word) const {
    if (std::ranges::find(greek, word) != greek.end()) return "\\" + std::string(word);
    return word.size() == 1 ? std::string(word) : "\\mathrm{" + escaped(word) + "}";
  }

  std::string word() {
    // E_q(z): the expectation under q(z).
    if (starts("E_q(")) {
      const size_t end = std::min(text_.find(')', at_), text_.size() - 1);
      const std::string inside(text_.substr(at_ + 4, end - at_ - 4));
      at_ = end + 1;
      return "\\mathrm{E}_{q(" + Typesetter(inside, names_).inner() + ")}";
    }
    if (starts("H[q(")) {
      ++at_;
      return "\\mathrm{H}";
    }
    const std::string_view word = read_word();
    if (word == "sqrt" && at_ < text_.size() && text_[at_] == '(') return "\\sqrt{" + group() + "}";
    if (std::ranges::find(functions, word) != functions.end()) return "\\" + std::string(word);
    if (is_quantity(word)) return with_index(symbol(word));
    const bool indexed = at_ < text_.size() && (text_[at_] == '[' || text_[at_] == '(');
    if (word.size() == 1 || is_name(word) || indexed || starts("²") || starts("⁻"))
      return with_index(symbol(word));
    // Words in a row are one text.
    std::string prose(word);
    while (at_ + 1 < text_.size() && text_[at_] == ' ' && is_letter(text_[at_ + 1])) {
      const size_t before = at_++;
      const std::string_view next = read_word();
      if (next.size() == 1 || is_name(next) || is_quantity(next) ||
          (at_ < text_.size() && text_[at_] == '[')) {
        at_ = before;
        break;
      }
      prose += " " + std::string(next);
    }
    return "\\text{ " + escaped(prose) + " }";
  }

  /// All of the text, without alignment.
  std::string inner() {
    std::string to;
    while (at_ < text_.size()) to += step();
    return to;
  }

  /// What stands in the parentheses or brackets at the position, set.
  std::string group() {
    const size_t begin = at_ + 1;
    int depth = 0;
    do {
      const char c = text_[at_];
      depth += c == '(' || c == '[' ? 1 : c == ')' || c == ']' ? -1 : 0;
      ++at_;
    } while (depth > 0 && at_ < text_.size());
    return Typesetter(text_.substr(begin, at_ - begin - 1), names_).inner();
  }

  /// `mean[k, d]` and `Σ_row`.
  std::string with_index(std::string base) {
    if (at_ < text_.size() && text_[at_] == '[') return base + "_{" + group() + "}";
    if (at_ + 1 < text_.size() && text_[at_] == '_' && is_letter(text_[at_ + 1])) {
      ++at_;
      return base + "_{" + symbol(read_word()) + "}";
    }
    if (base.size() > 1 && base[0] == '\\' && is_letter(base.back()))
      base += ' ';  // else it runs into a letter
    return base;
  }

  std::string_view text_;
  const std::vector<std::string>& names_;
  size_t at_ = 0;
};

/// The lines of a section, which ends at a blank line.
std::vector<std::string_view> section(std::string_view explanation, std::string_view title) {
  std::vector<std::string_view> lines;
  size_t at = explanation.starts_with(title) ? 0 : explanation.find("\n" + std::string(title));
  if (at == std::string_view::npos) return lines;
  at = explanation.find('\n', at + 1) + 1;
  while (at < explanation.size() && explanation[at] != '\n') {
    const size_t end = std::min(explanation.find('\n', at), explanation.size());
    std::string_view line = explanation.substr(at, end - at);
    while (line.starts_with(' ')) line.remove_prefix(1);
    lines.push_back(line);
    at = end + 1;
  }
  return lines;
}

std::string align(const std::vector<std::string_view>& lines, const std::vector<std::string>& names) {
  std::string text = "\\begin{align*}\n";
  for (size_t i = 0; i < lines.size(); ++i) {
    text += "  " + Typesetter(lines[i], names).line() + (i + 1 < lines.size() ? " \\\\\n" : "\n");
  }
  return text + "\\end{align*}\n";
}

}  // namespace

std::string to_latex(std::string_view explanation, const std::vector<std::string>& names) {
  return "% \\usepackage{amsmath}\nThe bound:\n" + align(section(explanation, "bound\n"), names) +
         "One iteration:\n" + align(section(explanation, "updates\n"), names);
}

}  // namespace lvm
