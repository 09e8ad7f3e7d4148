// A host's table is not copied, and what is freed is free. LVM_LONG in the environment: at full size.

#include <cstdlib>

#include "tests/capi/support.h"

using namespace host;

namespace {

// Sanitizers keep what is freed, and shadow what is not: they look for leaks in their own way.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LVM_SANITIZED 1
#endif
#endif
#ifdef LVM_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

bool is_long() {
  return std::getenv("LVM_LONG") != nullptr;
}

/// Of this process, in megabytes: "VmRSS:" now, "VmHWM:" at its most.
double megabytes(const std::string& what) {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(what)) return std::stod(line.substr(what.size())) / 1024;
  }
  return 0;
}

void forget_peak() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

constexpr const char* wide = R"(model wide {
  axis K = 2
  axis D = columns
  data y: real[D]
  param weight: simplex[K]
  param mean: real[K, D]
  param var: positive[K, D]
  latent z: category[K]
  P(z) = Categorical(weight)
  P(y | z) = Normal(mean[z], var: var[z])
  q(z | y) = exact
}
)";

}  // namespace

TEST_CASE("a table of a host is not copied") {
  constexpr int64_t width = 64;
  const int64_t rows = is_long() ? (int64_t{1} << 30) / (width * 8) : 160'000;  // 1 GB, or 82 MB
  std::vector<double> cells(static_cast<size_t>(rows * width));
  uint64_t word = 1;
  for (size_t i = 0; i < cells.size(); ++i) {
    word = word * 6364136223846793005 + 1442695040888963407;
    cells[i] = static_cast<double>(word >> 40) * 0x1p-24 + (static_cast<int64_t>(i) / width % 3 == 0 ? 3 : 0);
  }
  std::vector<lvm::Column> columns;
  for (int64_t c = 0; c < width; ++c)
    columns.emplace_back("y" + std::to_string(c), cells.data() + c, rows, width);
  const lvm::Model model = must(lvm::Model::compile(wide));
  (void)must(gmm(2).fit(faithful_table()));  // the compiler is loaded
  const double table_size = static_cast<double>(rows * width) * 8 / (1 << 20);
  const double before = megabytes("VmRSS:");
  forget_peak();
  const lvm::Table table = must(lvm::Table::over(columns));
  const lvm::Fit fit = must(model.fit(table, {.iterations = 3}));
  const double total = must(fit.score(table)).total;
  const double grown = megabytes("VmHWM:") - before;
  CAPTURE(table_size, grown, total);
  CHECK(std::isfinite(total));
  // Some numbers a row, such as its state at the start, and 64 cells a row that are not there twice.
  CHECK((sanitized || grown < 0.25 * table_size + 16));
}

TEST_CASE("compiling, fitting and freeing again and again keeps no memory") {
  const std::string text = read("examples/gmm.lvm");
  const lvm::Table table = faithful_table();
  const auto cycle = [&] {
    const lvm::Model model = must(lvm::Model::compile(text, {{"K", "2"}}));
    const lvm::Fit fit = must(model.fit(table, {.iterations = 2, .threads = 1}));
    CHECK(fit.parameters().size() == 3);
  };
  const int cycles = is_long() ? 10'000 : 60;
  for (int i = 0; i < 20; ++i) cycle();
  const double before = megabytes("VmRSS:");
  for (int i = 0; i < cycles; ++i) cycle();
  const double grown = megabytes("VmRSS:") - before;
  CAPTURE(cycles, grown);
  CHECK((sanitized || grown < 5));
}
