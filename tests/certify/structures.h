#pragma once
// Random models of every structure that closed forms exist for, as texts. Data come from
// certificate::random_rows.

#include <random>
#include <span>
#include <string>

namespace lvm::certified {

class Draw {
 public:
  explicit Draw(uint64_t seed) : engine_(seed * 0x9E3779B97F4A7C15u + 5) {}
  size_t below(size_t n) { return engine_() % n; }
  /// One in `n`.
  bool one_in(size_t n) { return below(n) == 0; }
  std::string of(std::initializer_list<const char*> all) { return all.begin()[below(all.size())]; }

 private:
  std::mt19937_64 engine_;
};

struct Structure {
  const char* name;
  std::string (*text)(Draw&);
  bool compiles;  // whatever is drawn: nothing is refused
};
std::span<const Structure> structures();

}  // namespace lvm::certified
