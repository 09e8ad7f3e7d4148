// EM of Armadillo's gmm_full or gmm_diag from a given start:
//   armadillo FOLDER ROWS COLUMNS K BASE ITERATIONS full|diag -> one JSON line.
#include <armadillo>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {
std::vector<double> read(const std::string& path, size_t count) {
  std::vector<double> values(count);
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file || std::fread(values.data(), sizeof(double), count, file) != count) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    std::exit(4);
  }
  std::fclose(file);
  return values;
}

template <class Model, class Covariances>
void time(Model& model, const arma::mat& data, const arma::mat& means, const Covariances& covariances,
          const arma::rowvec& weights, arma::uword base, arma::uword iterations) {
  auto seconds = [&](arma::uword count) {
    model.set_params(means, covariances, weights);
    const auto begin = std::chrono::steady_clock::now();
    model.learn(data, weights.n_elem, arma::maha_dist, arma::keep_existing, 0, count, 1e-12, false);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const double brief = seconds(base), full = seconds(iterations);
  std::printf("{\"seconds\": %.6g, \"log_likelihood\": %.12g}\n", (full - brief) / double(iterations - base),
              model.sum_log_p(data));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) return 2;
  const std::string folder = argv[1];
  const arma::uword rows = std::stoull(argv[2]), D = std::stoull(argv[3]), K = std::stoull(argv[4]);
  const arma::uword base = std::stoull(argv[5]), iterations = std::stoull(argv[6]);

  // Row-major rows x D is column-major D x rows: what Armadillo wants, and so for the symmetric covariances.
  const auto values = read(folder + "/rows.f64", rows * D);
  const auto weights = read(folder + "/weight.f64", K), means = read(folder + "/mean.f64", K * D),
             covs = read(folder + "/cov.f64", K * D * D);
  const arma::mat data(values.data(), D, rows), mean(means.data(), D, K);
  const arma::cube cov(covs.data(), D, D, K);
  const arma::rowvec weight(weights.data(), K);
  if (std::string(argv[7]) == "full") {
    arma::gmm_full model;
    time(model, data, mean, cov, weight, base, iterations);
  } else {
    arma::gmm_diag model;
    arma::mat variances(D, K);
    for (arma::uword k = 0; k < K; ++k) variances.col(k) = cov.slice(k).diag();
    time(model, data, mean, variances, weight, base, iterations);
  }
}
