#include "tests/numeric/random_mixture.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "tests/numeric/models.h"

namespace lvm::numeric {
namespace {

constexpr int64_t levels = 5;

class Draw {
 public:
  explicit Draw(uint64_t seed) : engine_(seed * 0x9E3779B97F4A7C15u + 1) {}
  double uniform(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(engine_);
  }
  double normal() { return normal_(engine_); }
  int64_t whole(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine_);
  }
  double power_of_ten(double low, double high) { return std::pow(10.0, uniform(low, high)); }

  std::vector<double> simplex(int64_t n) {
    std::vector<double> p(static_cast<size_t>(n));
    for (double& x : p) x = uniform(0.2, 1);
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& x : p) x /= sum;
    return p;
  }

 private:
  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_;
};

size_t at(int64_t row, int64_t column, int64_t columns) {
  return static_cast<size_t>(row * columns + column);
}

/// Correlated Gaussian clusters; each column has its own offset, and its own scale unless the form has one
/// for all.
void draw_gaussian(Draw& draw, RandomMixture& mixture) {
  const int64_t D = mixture.columns;
  const bool one_scale = mixture.form.find("spherical") != std::string::npos;
  const double shared = draw.power_of_ten(-6, 6);
  std::vector<double> scale, offset, centre, mix(static_cast<size_t>(D * D));
  for (int64_t d = 0; d < D; ++d) {
    scale.push_back(one_scale ? shared * draw.uniform(0.5, 2) : draw.power_of_ten(-6, 6));
    offset.push_back(draw.whole(0, 2) == 0 ? 0 : draw.uniform(-1, 1) * draw.power_of_ten(-6, 7));
  }
  for (int64_t i = 0; i < D * D; ++i)
    mix[static_cast<size_t>(i)] = 0.4 * draw.normal() + (i % (D + 1) == 0 ? 1 : 0);
  for (int64_t i = 0; i < mixture.K * D; ++i) centre.push_back(2 * draw.normal());
  std::vector<double> noise(static_cast<size_t>(D));
  for (int64_t row = 0; row < mixture.rows; ++row) {
    const int64_t k = draw.whole(0, mixture.K - 1);
    for (double& x : noise) x = draw.normal();
    for (int64_t d = 0; d < D; ++d) {
      double value = centre[at(k, d, D)];
      for (int64_t e = 0; e < D; ++e) value += mix[at(d, e, D)] * noise[static_cast<size_t>(e)];
      mixture.data.push_back(offset[static_cast<size_t>(d)] + scale[static_cast<size_t>(d)] * value);
    }
  }
}

/// The population covariance of the columns [D, D], about their means.
std::vector<double> covariance(const RandomMixture& mixture) {
  const int64_t N = mixture.rows, D = mixture.columns;
  std::vector<double> mean(static_cast<size_t>(D)), result(static_cast<size_t>(D * D));
  for (int64_t d = 0; d < D; ++d) {
    // About the first row: a plain sum would lose the digits that a large offset leaves.
    const double origin = mixture.data[static_cast<size_t>(d)];
    double sum = 0;
    for (int64_t row = 0; row < N; ++row) sum += mixture.data[at(row, d, D)] - origin;
    mean[static_cast<size_t>(d)] = origin + sum / static_cast<double>(N);
  }
  for (int64_t i = 0; i < D * D; ++i) {
    const int64_t d = i / D, e = i % D;
    for (int64_t row = 0; row < N; ++row) {
      result[static_cast<size_t>(i)] += (mixture.data[at(row, d, D)] - mean[static_cast<size_t>(d)]) *
                                        (mixture.data[at(row, e, D)] - mean[static_cast<size_t>(e)]) /
                                        static_cast<double>(N);
    }
  }
  return result;
}

std::vector<double> repeated(const std::vector<double>& values, int64_t times) {
  std::vector<double> result;
  for (int64_t i = 0; i < times; ++i) result.insert(result.end(), values.begin(), values.end());
  return result;
}

Values spread(const RandomMixture& mixture, const std::vector<double>& cov) {
  const int64_t K = mixture.K, D = mixture.columns;
  const std::string& form = mixture.form;
  std::vector<double> diagonal;
  for (int64_t d = 0; d < D; ++d) diagonal.push_back(cov[at(d, d, D)]);
  const double mean = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) / static_cast<double>(D);
  if (form == "full") return {"cov", {K, D, D}, repeated(cov, K)};
  if (form == "tied") return {"cov", {D, D}, cov};
  if (form == "diagonal") return {"var", {K, D}, repeated(diagonal, K)};
  if (form == "tied_diagonal") return {"var", {D}, diagonal};
  if (form == "spherical") return {"var", {K}, repeated({mean}, K)};
  return {"var", {}, {mean}};
}

/// Means at K different rows, the covariance of all rows.
void start_gaussian(Draw& draw, RandomMixture& mixture) {
  const int64_t K = mixture.K, D = mixture.columns, stride = mixture.rows / K;
  Values mean{"mean", {K, D}, {}};
  for (int64_t k = 0; k < K; ++k) {
    const int64_t row = k * stride + draw.whole(0, stride - 1);
    for (int64_t d = 0; d < D; ++d) mean.values.push_back(mixture.data[at(row, d, D)]);
  }
  const std::vector<double> cov = covariance(mixture);
  for (size_t i = 0; i < mean.values.size(); ++i) {
    const auto d = static_cast<int64_t>(i) % D;
    const double sd = std::sqrt(cov[at(d, d, D)]);
    mixture.mean_rounding = std::max(mixture.mean_rounding,
                                     std::numeric_limits<double>::epsilon() * std::abs(mean.values[i]) / sd);
  }
  mixture.start.push_back(std::move(mean));
  mixture.start.push_back(spread(mixture, cov));
}

void draw_bernoulli(Draw& draw, RandomMixture& mixture) {
  const int64_t K = mixture.K, D = mixture.columns;
  std::vector<double> truth;
  Values p{"p", {K, D}, {}};
  for (int64_t i = 0; i < K * D; ++i) {
    truth.push_back(draw.uniform(0, 1));
    p.values.push_back(draw.uniform(0.1, 0.9));
  }
  for (int64_t row = 0; row < mixture.rows; ++row) {
    const int64_t k = draw.whole(0, K - 1);
    for (int64_t d = 0; d < D; ++d) mixture.data.push_back(draw.uniform(0, 1) < truth[at(k, d, D)] ? 1 : 0);
  }
  mixture.start.push_back(std::move(p));
}

void draw_latent_class(Draw& draw, RandomMixture& mixture) {
  const int64_t K = mixture.K, D = mixture.columns;
  Values p{"p", {K, D, levels}, {}};
  for (int64_t i = 0; i < K * D; ++i) {
    const std::vector<double> row = draw.simplex(levels);
    p.values.insert(p.values.end(), row.begin(), row.end());
  }
  for (int64_t row = 0; row < mixture.rows; ++row) {
    const int64_t k = draw.whole(0, K - 1);
    // The first rows show every level, so that the axis has its size.
    for (int64_t d = 0; d < D; ++d) {
      mixture.data.push_back(static_cast<double>(
          row < levels ? row : (draw.whole(0, levels - 1) * draw.whole(0, 1) + k + d) % levels));
    }
  }
  mixture.start.push_back(std::move(p));
}

}  // namespace

std::string RandomMixture::describe() const {
  return form + (weights.empty() ? "" : ", weighted") + (missing ? ", with absent cells" : "") + ": " +
         std::to_string(rows) + " rows, " + std::to_string(columns) + " columns, K = " + std::to_string(K) +
         ", rounding of a mean " + std::to_string(mean_rounding) + " sd";
}

BindOptions RandomMixture::binding() const {
  std::vector<std::string> names;
  for (int64_t d = 0; d < columns; ++d) names.push_back("y" + std::to_string(d + 1));
  return {.columns = {{form == "latent_class" ? "c" : "y", names}}};
}

Model RandomMixture::model() const {
  return compile_mixture(form, K, weights.empty() ? Weights::none : Weights::column, missing);
}

Data RandomMixture::table() const {
  std::vector<HostColumn> host;
  for (int64_t d = 0; d < columns; ++d)
    host.push_back({"y" + std::to_string(d + 1), data.data() + d, columns});
  if (!weights.empty()) host.push_back({"n", weights.data(), 1});
  return make_data(host, rows);
}

double RandomMixture::total_weight() const {
  return weights.empty() ? static_cast<double>(rows) : std::accumulate(weights.begin(), weights.end(), 0.0);
}

RandomMixture random_mixture(uint64_t seed, int64_t most_rows) {
  Draw draw(seed);
  RandomMixture mixture;
  const size_t kind = seed % (std::size(gaussian_forms) + 2);
  mixture.form = kind < std::size(gaussian_forms)    ? std::string(gaussian_forms[kind])
                 : kind == std::size(gaussian_forms) ? "bernoulli"
                                                     : "latent_class";
  mixture.columns = draw.whole(1, 8);
  mixture.K = draw.whole(1, 6);
  // As many tables of tens of rows as of thousands.
  const double least = static_cast<double>(2 * mixture.K + levels);
  mixture.rows =
      static_cast<int64_t>(least * std::pow(static_cast<double>(most_rows) / least, draw.uniform(0, 1)));
  if (mixture.form == "bernoulli") {
    draw_bernoulli(draw, mixture);
  } else if (mixture.form == "latent_class") {
    draw_latent_class(draw, mixture);
  } else {
    draw_gaussian(draw, mixture);
    start_gaussian(draw, mixture);
  }
  mixture.start.push_back({"weight", {mixture.K}, draw.simplex(mixture.K)});
  // A quarter of the cases weigh their rows: counts, or numbers of any size.
  if (const int64_t kind_of_weight = draw.whole(0, 7); kind_of_weight < 2) {
    const double scale = kind_of_weight == 0 ? 1 : draw.power_of_ten(-3, 3);
    for (int64_t row = 0; row < mixture.rows; ++row) {
      const bool counts = draw.whole(0, 4) > 0;
      const double one = kind_of_weight == 0 ? static_cast<double>(draw.whole(1, 3)) : draw.uniform(0, 1);
      mixture.weights.push_back(counts ? scale * one : 0);
    }
    mixture.weights[0] = scale;
  }
  return mixture;
}

void remove_cells(RandomMixture& mixture, uint64_t seed) {
  Draw draw(seed + 77);
  mixture.missing = true;
  for (int64_t d = 0; d < mixture.columns; ++d) {
    const double part = draw.whole(0, 2) == 0 ? 0 : draw.uniform(0, 0.5);
    // The first rows show every level of a category.
    for (int64_t row = levels; row < mixture.rows; ++row) {
      if (draw.uniform(0, 1) < part)
        mixture.data[at(row, d, mixture.columns)] = std::numeric_limits<double>::quiet_NaN();
    }
  }
}

}  // namespace lvm::numeric
