// libFuzzer: any bytes parse or give diagnostics; what parses prints to a fixed point. Built with
// -DLVM_FUZZ=ON under clang.
#include <cstdlib>

#include "frontend/parse/parse.h"

namespace {

void require(bool held, const std::string& what) {
  if (held) return;
  fputs(what.c_str(), stderr);
  abort();
}

std::optional<std::string> reprinted(const std::string& text) {
  const lvm::SourceFile source("fuzz.lvm", text);
  lvm::Diagnostics diagnostics;
  const auto model = lvm::parse(source, diagnostics);
  require(model.has_value() != diagnostics.has_errors(), "a model and errors, or neither\n");
  require(diagnostics.has_errors() == !lvm::render_all(diagnostics, &source).empty(),
          "an error that renders to nothing\n");
  return model ? std::optional(print(*model)) : std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto once = reprinted(std::string(reinterpret_cast<const char*>(data), size));
  if (!once) return 0;
  const auto twice = reprinted(*once);
  require(twice == once,
          "printing is no fixed point:\n" + *once + "\n---\n" + twice.value_or("(does not parse)") + "\n");
  return 0;
}
