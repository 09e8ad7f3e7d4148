// lvm-opt: Tensor text in, passes in the order of the options, Tensor text out.

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "ir/passes/pipeline.h"

namespace {

struct Arguments {
  std::vector<lvm::ir::PassRequest> passes;
  std::string file;
  bool print_after_all = false, help = false;
};

Arguments read_arguments(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string word = values[i];
    if (word == "--help") {
      arguments.help = true;
    } else if (word == "--print-after-all") {
      arguments.print_after_all = true;
    } else if (word != "-" && word.starts_with('-')) {
      arguments.passes.push_back(lvm::ir::parse_pass(word));
    } else if (arguments.file.empty()) {
      arguments.file = word;
    } else {
      throw std::invalid_argument("more than one file");
    }
  }
  if (arguments.file.empty() && !arguments.help)
    throw std::invalid_argument("no file; `-` reads the standard input");
  return arguments;
}

std::string read(const std::string& file) {
  if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::invalid_argument("cannot be read");
  return {std::istreambuf_iterator<char>(stream), {}};
}

void print_help() {
  fmt::print(
      "usage: lvm-opt [passes] [--print-after-all] FILE\nReads Tensor text (`-`: the standard input), runs "
      "the passes in order, prints the result.\n");
  for (const auto& pass : lvm::ir::passes()) {
    const std::string option =
        fmt::format("--{}{}{}", pass.name, pass.argument.empty() ? "" : "=", pass.argument);
    fmt::print("  {:<22} {}\n", option, pass.purpose);
  }
}

void run(const Arguments& arguments) {
  const auto show = [&](const lvm::ir::Pass& pass, const lvm::ir::Module& module) {
    if (arguments.print_after_all) fmt::print("; after {}\n{}\n", pass.name, print(module));
  };
  const auto module =
      lvm::ir::run_passes(lvm::ir::parse_module(read(arguments.file)), arguments.passes, show);
  if (!arguments.print_after_all) fmt::print("{}", print(module));
}

}  // namespace

int main(int count, char** values) {
  std::string where = "lvm-opt";
  try {
    const Arguments arguments = read_arguments(count, values);
    if (arguments.help) {
      print_help();
      return 0;
    }
    where = arguments.file;
    run(arguments);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", where, error.what());
    return 1;
  }
}
