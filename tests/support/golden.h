#pragma once
// Golden files: `x.lvm` beside `x.expected`. With LVM_UPDATE_GOLDEN=1 in the environment the expectations are
// written instead.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace lvm::golden {

inline std::filesystem::path folder(const std::string& name) {
  return std::filesystem::path(LVM_SOURCE_DIR) / "tests" / "golden" / name;
}

inline std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  INFO("reading " << path.string());
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The files of a folder that end with `extension`, by name. An empty folder fails: a golden test must test
/// something.
inline std::vector<std::filesystem::path> files(const std::filesystem::path& in, std::string_view extension) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(in)) {
    if (entry.path().extension() == extension) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  INFO("no *" << extension << " in " << in.string());
  REQUIRE_FALSE(found.empty());
  return found;
}

inline bool updating() {
  const char* set = std::getenv("LVM_UPDATE_GOLDEN");
  return set && std::string_view(set) == "1";
}

/// Compares `actual` with the text of `expected`, or writes it there when updating.
inline void check(const std::filesystem::path& expected, const std::string& actual) {
  if (updating()) {
    std::ofstream(expected, std::ios::binary) << actual;
    return;
  }
  INFO(expected.string());
  REQUIRE(std::filesystem::exists(expected));
  CHECK(actual == read(expected));
}

/// Runs `render` (file name, text → diagnostics as text) over every `*.lvm` of tests/golden/<name> and
/// compares with `*.expected`.
template <class Render>
void run(const std::string& name, Render&& render) {
  for (const std::filesystem::path& path : files(folder(name), ".lvm")) {
    std::filesystem::path expected = path;
    check(expected.replace_extension(".expected"), render(path.filename().string(), read(path)));
  }
}

}  // namespace lvm::golden
