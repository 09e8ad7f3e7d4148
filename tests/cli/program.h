#pragma once
// Runs lvmc as a user does, and keeps what it wrote.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/support/golden.h"

namespace lvm::cli {

// What most tests run, in the project's folder.
inline const std::string faithful = "examples/data/faithful.csv";
inline const std::string gmm = "examples/gmm.lvm";

struct Outcome {
  int code = 0;  // of the exit; 128 + the signal where one ended it
  std::string out, error;
};

/// A folder of this process, removed at its end.
class Scratch {
 public:
  Scratch() : path_(std::filesystem::temp_directory_path() / ("lvm-cli-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

inline const Scratch& scratch() {
  static const Scratch folder;
  return folder;
}

inline std::string quoted(const std::string& text) {
  std::string to = "'";
  for (const char c : text) to += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return to + "'";
}

/// Runs `lvmc` with `arguments` in the project's folder, its runs kept in scratch; `shell` is added behind (a
/// redirection, a pipe).
inline Outcome lvmc(const std::vector<std::string>& arguments, const std::string& before = "",
                    const std::string& shell = "") {
  const std::string out = scratch().path("out"), error = scratch().path("error");
  std::string command = "cd " + quoted(LVM_SOURCE_DIR) +
                        " && export LVM_RUNS=" + quoted(scratch().path("runs_of_all")) + " && { " + before +
                        " " + quoted(LVMC);
  for (const std::string& argument : arguments) command += " " + quoted(argument);
  command += " " + shell + "; } >" + quoted(out) + " 2>" + quoted(error);
  const int status = std::system(command.c_str());
  Outcome to;
  to.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  to.out = golden::read(out);
  to.error = golden::read(error);
  return to;
}

}  // namespace lvm::cli
