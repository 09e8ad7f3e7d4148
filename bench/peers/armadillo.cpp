// EM of Armadillo's gmm_full from a given start: armadillo FOLDER ROWS COLUMNS K BASE ITERATIONS -> one JSON
// line.
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
}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  const std::string folder = argv[1];
  const arma::uword rows = std::stoull(argv[2]), D = std::stoull(argv[3]), K = std::stoull(argv[4]);
  const arma::uword base = std::stoull(argv[5]), iterations = std::stoull(argv[6]);

  // Row-major rows x D is column-major D x rows: what Armadillo wants, and so for the symmetric covariances.
  const auto values = read(folder + "/rows.f64", rows * D);
  const auto weights = read(folder + "/weight.f64", K), means = read(folder + "/mean.f64", K * D),
             covs = read(folder + "/cov.f64", K * D * D);
  const arma::mat data(values.data(), D, rows);
  arma::gmm_full model;
  auto seconds = [&](arma::uword count) {
    model.set_params(arma::mat(means.data(), D, K), arma::cube(covs.data(), D, D, K),
                     arma::rowvec(weights.data(), K));
    const auto begin = std::chrono::steady_clock::now();
    model.learn(data, K, arma::maha_dist, arma::keep_existing, 0, count, 1e-12, false);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const double brief = seconds(base), full = seconds(iterations);
  std::printf("{\"seconds\": %.6g, \"log_likelihood\": %.12g}\n", (full - brief) / double(iterations - base),
              model.sum_log_p(data));
}
