#include <fmt/format.h>

#include "frontend/analysis/context.h"

namespace lvm::analysis {

void report(Context& context, Code code, SourceRange range, std::string message, std::string label,
            std::string hint, std::vector<Label> labels) {
  Diagnostic diagnostic{.code = code, .message = std::move(message), .range = range};
  diagnostic.label = std::move(label);
  diagnostic.hint = std::move(hint);
  diagnostic.labels = std::move(labels);
  context.diagnostics.report(std::move(diagnostic));
}

void unsupported(Context& context, std::string what, std::string way_out, SourceRange range) {
  context.model.unsupported.push_back({std::move(what), std::move(way_out), range});
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates,
                       std::string otherwise) {
  if (const auto near = did_you_mean(name, candidates)) return fmt::format("did you mean `{}`?", *near);
  return otherwise;
}

std::string listed(const std::vector<std::string>& names, std::string_view last) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? fmt::format(" {} ", last) : ", ";
    text += fmt::format("`{}`", names[i]);
  }
  return text;
}

}  // namespace lvm::analysis
