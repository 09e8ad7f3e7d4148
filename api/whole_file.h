#pragma once
// Files that are there whole or not at all, and a number that says whether bytes are what they were.

#include <cstdint>
#include <string>
#include <string_view>

namespace lvm {

/// Multiplies and folds, a word at a time (the constants of splitmix64; Steele, Lea & Flood 2014).
struct Digest {
  uint64_t value = 0x9E3779B97F4A7C15;
  void add(uint64_t word) {
    value = (value ^ word) * 0xBF58476D1CE4E5B9;
    value ^= value >> 31;
  }
  void add(std::string_view text) {
    add(text.size());
    for (const char c : text) add(static_cast<uint64_t>(static_cast<unsigned char>(c)));
  }
};

/// A temporary file beside it takes the place of the one before. Returns what went wrong, or nothing.
std::string write_whole_file(const std::string& path, std::string_view bytes);

}  // namespace lvm
