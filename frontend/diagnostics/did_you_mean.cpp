#include <algorithm>
#include <array>

#include "frontend/diagnostics/diagnostic.h"

namespace lvm {
namespace {

constexpr size_t longest = 64;  // longer names are not worth quadratic time

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_but_for_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

/// Insertions, deletions, substitutions and swaps of neighbours (Damerau 1964, "optimal string alignment").
size_t distance(std::string_view a, std::string_view b) {
  using Row = std::array<size_t, longest + 1>;
  Row before{}, last{}, now{};
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, substituted});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before = last;
    last = now;
  }
  return last[b.size()];
}

}  // namespace

std::optional<std::string> did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.empty() || name.size() > longest) return std::nullopt;
  const std::string* best = nullptr;
  size_t least = longest;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > longest || candidate == name) continue;
    const size_t allowed = std::max(name.size(), candidate.size()) / 3;
    const size_t d = equal_but_for_case(name, candidate) ? 0 : distance(name, candidate);
    if (d <= allowed && d < least) {
      least = d;
      best = &candidate;
    }
  }
  if (!best) return std::nullopt;
  return *best;
}

}  // namespace lvm
