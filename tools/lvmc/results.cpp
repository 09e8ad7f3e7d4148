#include "results.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "console.h"
#include "exit_codes.h"

namespace lvmc {

void show(const lvm::Report& report, const Arguments& arguments) {
  if (arguments.quiet && !report.has_errors()) return;
  write_error(report.render(use_color(arguments.color)));
}

int failure(const lvm::Report& report, const Arguments& arguments) {
  show(report, arguments);
  return report.file_error() ? files : wrong_input;
}

int print(std::string_view text) {
  if (write_out(text)) return success;
  write_error(fmt::format("lvmc: cannot write the output: {}\n", std::strerror(errno)));
  return files;
}

bool write_file(const std::string& path, std::string_view text) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  bool good = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (file != nullptr) good = (std::fclose(file) == 0) && good;
  if (!good) write_error(fmt::format("lvmc: cannot write `{}`: {}\n", path, std::strerror(errno)));
  return good;
}

lvm::Data table(const Arguments& arguments) {
  lvm::ReadOptions options = arguments.read;
  options.threads = arguments.fit.threads;
  return lvm::read_data(arguments.data, options);
}

}  // namespace lvmc
