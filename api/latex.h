#pragma once
// to_latex: the bound and the updates of an explanation -> LaTeX.

#include <string>
#include <string_view>
#include <vector>

namespace lvm {

/// `names` are the model's own: they are set upright and escaped, Greek ones as Greek letters. The text
/// compiles inside `article` with `amsmath`.
std::string to_latex(std::string_view explanation, const std::vector<std::string>& names);

}  // namespace lvm
