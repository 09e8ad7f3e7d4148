#pragma once
// Text -> what a user sees: the diagnostics, then the Model when there are no errors.

#include <sstream>
#include <string>

#include "frontend/analysis/analyse.h"
#include "frontend/parse/parse.h"

namespace lvm::test {

/// Comments `# --set name=value` at the top of a file stand for the command line.
inline Settings settings_of(const std::string& text) {
  Settings settings;
  std::istringstream lines(text);
  const std::string mark = "# --set ";
  for (std::string line; std::getline(lines, line) && line.starts_with(mark);) {
    const size_t equals = line.find('=');
    settings[line.substr(mark.size(), equals - mark.size())] = line.substr(equals + 1);
  }
  return settings;
}

struct Analysed {
  Diagnostics diagnostics;
  ir::Model model;
};

inline Analysed analyse_text(const SourceFile& source) {
  Analysed result;
  const auto file = parse(source, result.diagnostics);
  if (file) result.model = analyse(*file, settings_of(std::string(source.text())), result.diagnostics);
  return result;
}

inline std::string show(const std::string& name, const std::string& text) {
  const SourceFile source(name, text);
  const Analysed result = analyse_text(source);
  std::string shown = render_all(result.diagnostics, &source);
  if (result.diagnostics.has_errors()) return shown;
  return shown + (shown.empty() ? "" : "\n") + ir::print(result.model);
}

}  // namespace lvm::test
