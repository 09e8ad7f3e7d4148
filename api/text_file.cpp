#include "api/text_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace lvm {
namespace {

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin) (void)std::fclose(file);
  }
};

}  // namespace

std::optional<std::string> read_text_file(const std::string& path, size_t most_bytes,
                                          Diagnostics& diagnostics) {
  errno = 0;
  const std::unique_ptr<std::FILE, Close> file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  std::string text;
  constexpr size_t step = size_t{1} << 16;
  for (bool more = file != nullptr; more && text.size() < most_bytes;) {
    const size_t size = text.size();
    text.resize(size + step);
    text.resize(size + std::fread(text.data() + size, 1, step, file.get()));
    more = std::feof(file.get()) == 0 && std::ferror(file.get()) == 0;
  }
  if (file && std::ferror(file.get()) == 0) return text;
  const std::string why = errno != 0 ? std::strerror(errno) : "the read failed";
  diagnostics.report(
      {.code = Code::file_unreadable, .message = fmt::format("cannot read `{}`: {}", path, why)});
  return std::nullopt;
}

}  // namespace lvm
