// What a host pays: a first and a second model in one process, single rows, and whole tables beside the
// E-step of the fit.
//   embedding [ROWS]

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "lvm/lvm.hpp"

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string read(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

template <class T>
T must(lvm::Result<T> result) {
  if (!result) {
    std::fputs(result.error().text().c_str(), stderr);
    std::exit(1);
  }
  return std::move(*result);
}

/// Compile, fit, score: seconds.
double once(const std::string& text, const lvm::Table& table) {
  const double begin = now();
  const lvm::Model model = must(lvm::Model::compile(text, {{"K", "2"}}));
  const lvm::Fit fit = must(model.fit(table));
  const double total = must(fit.score(table)).total;
  return std::isfinite(total) ? now() - begin : NAN;
}

}  // namespace

int main(int count, char** arguments) {
  const lvm::Table faithful = must(lvm::Table::read("examples/data/faithful.csv"));
  const double first = once(read("examples/gmm.lvm"), faithful);
  const double second = once(read("examples/gmm_diagonal.lvm"), faithful),
               third = once(read("examples/gmm.lvm"), faithful);
  std::printf("first model %.1f ms, second %.1f ms, the first again %.1f ms\n", 1e3 * first, 1e3 * second,
              1e3 * third);

  const int64_t rows = count > 1 ? std::atoll(arguments[1]) : 200'000, width = 8;
  std::vector<double> cells(static_cast<size_t>(rows * width));
  uint64_t word = 1;
  for (size_t i = 0; i < cells.size(); ++i) {
    word = word * 6364136223846793005 + 1442695040888963407;
    cells[i] = static_cast<double>(word >> 11) * 0x1p-53 + static_cast<double>((word >> 7) % 16) +
               static_cast<double>(i / 8 % 16) * 3;
  }
  std::vector<lvm::Column> columns;
  for (int64_t c = 0; c < width; ++c)
    columns.emplace_back("y" + std::to_string(c), cells.data() + c, rows, width);
  const lvm::Table table = must(lvm::Table::over(columns));
  const lvm::Model model = must(lvm::Model::compile(read("examples/gmm.lvm"), {{"K", "16"}}));
  std::vector<double> times;
  const int iterations = 10;
  const lvm::Fit fit = must(model.fit(
      table, {.iterations = iterations, .tolerance = 0, .threads = 1, .progress = [&](const lvm_progress& p) {
                times.push_back(p.seconds);
                return true;
              }}));
  const double iteration = (times.back() - times.front()) / static_cast<double>(times.size() - 1);
  double best = INFINITY;
  (void)must(fit.score(table, 1));  // translates
  for (int i = 0; i < 5; ++i) {
    const double begin = now();
    (void)must(fit.score(table, 1));
    best = std::min(best, now() - begin);
  }
  std::printf("%lld x 8, K 16, one thread: %.1f ns a row of an iteration, %.1f ns a row of a score (%.2f)\n",
              static_cast<long long>(rows), 1e9 * iteration / static_cast<double>(rows),
              1e9 * best / static_cast<double>(rows), best / iteration);

  const lvm::Scorer scorer = must(fit.scorer());
  double sum = 0;
  const int64_t some = std::min<int64_t>(rows, 200'000);
  for (int64_t row = 0; row < 1000; ++row)
    sum += *scorer({cells.data() + row * width, static_cast<size_t>(width)});
  const double begin = now();
  for (int64_t row = 0; row < some; ++row)
    sum += *scorer({cells.data() + row * width, static_cast<size_t>(width)});
  std::printf("row by row: %.3f us (sum %.6g)\n", 1e6 * (now() - begin) / static_cast<double>(some), sum);
}
