// Random chains: one or two, of order one or two, seen in some steps or none, with gates, latents of single
// steps, absent cells, series of any length, exact or by best paths. Compiled code against the interpreter,
// the climb, the same bits on any number of threads.

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "tests/numeric/random_fit.h"

namespace lvm::numeric {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

class RandomChain {
 public:
  explicit RandomChain(uint64_t seed) : engine_(seed * 0x9E3779B97F4A7C15u + 3) {
    rows_ = whole(40, 300);
    point_ = whole(0, 4) == 0;
    add_series();
    const int64_t chains = whole(1, 2);
    for (int64_t i = 0; i < chains; ++i) add_chain(i, chains == 1 ? whole(1, 2) : 1);
    const bool local = !point_ && whole(0, 3) == 0;
    if (local) add_local();
    add_real(local);
    if (whole(0, 1) == 0) add_category();
    add_posterior();
  }

  std::string text() const { return "model m {\n" + declarations_ + factors_ + "}\n"; }
  Data table() const {
    std::vector<HostColumn> host;
    for (const auto& [name, cells] : columns_) host.push_back({name, cells.data(), 1});
    return make_data(host, rows_);
  }

 private:
  int64_t whole(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine_);
  }
  double normal() { return normal_(engine_); }

  void add_series() {
    std::vector<double> series, time;
    const int64_t count = whole(1, 12);
    for (int64_t row = 0; row < rows_; ++row) {
      series.push_back(static_cast<double>(whole(0, count - 1)));
      time.push_back(static_cast<double>(row));
    }
    declarations_ += count == 1 ? "  sequence t\n" : "  sequence t by \"s\" order \"time\"\n";
    if (count == 1) return;
    columns_.emplace_back("s", std::move(series));
    columns_.emplace_back("time", std::move(time));
  }

  void add_chain(int64_t i, int64_t order) {
    const std::string z(1, static_cast<char>('a' + i)), axis(1, static_cast<char>('A' + i));
    const int64_t size = whole(1, 4);
    sizes_.push_back(size);
    states_.push_back(z);
    declarations_ += "  axis " + axis + " = " + std::to_string(size) + "\n";
    const bool labelled = !point_ && whole(0, 4) == 0;
    if (labelled) {
      declarations_ += "  data " + z + ": category[" + axis + "] missing\n";
      std::vector<double> cells;
      for (int64_t row = 0; row < rows_; ++row)
        cells.push_back(row < size        ? static_cast<double>(row)
                        : whole(0, 3) > 0 ? none
                                          : static_cast<double>(whole(0, size - 1)));
      columns_.emplace_back(z, std::move(cells));
    } else {
      declarations_ += "  latent " + z + ": category[" + axis + "]\n";
    }
    declarations_ += "  param s" + z + ": simplex[" + axis + "]\n";
    factors_ += "  P(" + z + "[first]) = Categorical(s" + z + ")\n";
    const std::string before = z + "[t-1]";
    if (order == 2) {
      declarations_ += "  param n" + z + ": simplex[" + axis + ", " + axis + "]\n  param m" + z +
                       ": simplex[" + axis + ", " + axis + ", " + axis + "]\n";
      factors_ += "  P(" + z + "[first+1] | " + z + "[first]) = Categorical(n" + z + "[" + z +
                  "[first]])\n  P(" + z + "[t] | " + before + ", " + z + "[t-2]) = Categorical(m" + z + "[" +
                  before + ", " + z + "[t-2]])\n";
    } else if (whole(0, 3) == 0) {
      declarations_ += "  given x" + z + ": real\n  param m" + z + ": real[" + axis + ", " + axis +
                       "] ~ Normal(0, sd: 2)\n  param g" + z + ": real[" + axis + ", " + axis +
                       "] ~ Normal(0, sd: 2)\n";
      factors_ += "  P(" + z + "[t] | " + before + ", x" + z + "[t]) = Categorical(logits: m" + z + "[" +
                  before + "] + g" + z + "[" + before + "] * x" + z + ")\n";
      std::vector<double> cells;
      for (int64_t row = 0; row < rows_; ++row) cells.push_back(normal());
      columns_.emplace_back("x" + z, std::move(cells));
    } else {
      const bool prior = whole(0, 1) == 0;
      declarations_ += "  param m" + z + ": simplex[" + axis + ", " + axis + "]" +
                       (prior ? " ~ Dirichlet(1.3)" : "") + "\n";
      factors_ += "  P(" + z + "[t] | " + before + ") = Categorical(m" + z + "[" + before + "])\n";
    }
  }

  void add_local() {
    declarations_ += "  axis M = 2\n  latent c: category[M]\n  param share: simplex[A, M]\n";
    factors_ += "  P(c[t] | a[t]) = Categorical(share[a[t]])\n";
  }

  /// Values that wander between the states, so that a start finds some.
  void add_real(bool local) {
    std::string axes, indices, names;
    for (size_t i = 0; i < states_.size(); ++i) {
      axes += (i > 0 ? ", " : "") + std::string(1, static_cast<char>('A' + i));
      indices += "[" + states_[i] + "[t]]";
      names += (i > 0 ? ", " : "") + states_[i] + "[t]";
    }
    if (local) axes += ", M", indices += "[c[t]]", names += ", c[t]";
    const bool missing = whole(0, 1) == 0, back = !missing && whole(0, 2) == 0;
    declarations_ += std::string("  data y: real") + (missing ? " missing" : "") + "\n  param mean: real[" +
                     axes + "]\n  param v: positive\n";
    if (back) {
      declarations_ += "  param slope: real\n";
      factors_ += "  P(y[first]) = Normal(0, sd: 10)\n  P(y[t] | " + names + ", y[t-1]) = Normal(mean" +
                  indices + " + slope * y[t-1], var: v)\n";
    } else {
      factors_ += "  P(y[t] | " + names + ") = Normal(mean" + indices + ", var: v)\n";
    }
    std::vector<double> cells;
    double level = 0;
    for (int64_t row = 0; row < rows_; ++row) {
      if (whole(0, 9) == 0) level = 3 * normal();
      cells.push_back(missing && whole(0, 9) == 0 ? none : level + normal());
    }
    columns_.emplace_back("y", std::move(cells));
  }

  void add_category() {
    declarations_ += "  axis V = 3\n  data w: category[V]\n  param p: simplex[A, V]\n";
    factors_ += "  P(w[t] | a[t]) = Categorical(p[a[t]])\n";
    std::vector<double> cells;
    for (int64_t row = 0; row < rows_; ++row)
      cells.push_back(static_cast<double>(row < 3 ? row : whole(0, 2)));
    columns_.emplace_back("w", std::move(cells));
  }

  void add_posterior() {
    if (!point_) return;
    std::string left;
    for (const std::string& z : states_) left += (left.empty() ? "" : ", ") + z;
    const bool both = factors_.find("P(w[t]") != std::string::npos;
    std::string right = both ? "y, w" : "y";
    for (const std::string& z : states_)
      if (factors_.find(", x" + z + "[t])") != std::string::npos) right += ", x" + z;
    factors_ += "  q(" + left + " | " + right + ") = point\n";
  }

  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_;
  int64_t rows_ = 0;
  bool point_ = false;
  std::string declarations_, factors_;
  std::vector<std::string> states_;
  std::vector<int64_t> sizes_;
  std::vector<std::pair<std::string, std::vector<double>>> columns_;
};

}  // namespace

TEST_CASE("random chains: compiled code equals the interpreter, climbs, and does not depend on threads") {
  int fitted = 0;
  constexpr uint64_t cases = 60;
  for (uint64_t seed = 0; seed < cases; ++seed) {
    const RandomChain random(seed);
    INFO("case " << seed << "\n" << random.text());
    const Model model = compile(random.text());
    INFO(model.report().render());
    REQUIRE(model.ok());
    const BoundModel bound = bind_or_fail(model, random.table());
    fitted += check_climb(bound, 1e-9) ? 1 : 0;
  }
  CHECK(fitted >= static_cast<int>(cases) * 3 / 4);
}

}  // namespace lvm::numeric
