#pragma once
// What the tests of the public interface share: they use the header and the shared library alone, as a host
// does.

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

#include "lvm/lvm.hpp"

namespace host {

inline std::string read(const std::string& path) {
  std::ifstream in(std::string(LVM_SOURCE_DIR) + "/" + path, std::ios::binary);
  REQUIRE(in.good());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The rows of examples/data/faithful.csv, row by row.
inline const std::vector<double>& faithful() {
  static const std::vector<double> cells = [] {
    std::istringstream lines(read("examples/data/faithful.csv"));
    std::vector<double> to;
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
      const size_t comma = line.find(',');
      to.push_back(std::stod(line));
      to.push_back(std::stod(line.substr(comma + 1)));
    }
    return to;
  }();
  return cells;
}
constexpr int64_t faithful_rows = 272;

inline std::vector<double> column(const std::vector<double>& cells, size_t width, size_t which) {
  std::vector<double> to;
  for (size_t i = which; i < cells.size(); i += width) to.push_back(cells[i]);
  return to;
}

template <class T>
T must(lvm::Result<T> result) {
  INFO(result.error().text());
  REQUIRE(result);
  return std::move(*result);
}

inline lvm::Table faithful_table() {
  const double* cells = faithful().data();
  return must(
      lvm::Table::over({{"eruptions", cells, faithful_rows, 2}, {"waiting", cells + 1, faithful_rows, 2}}));
}

inline lvm::Model gmm(int states) {
  return must(lvm::Model::compile(read("examples/gmm.lvm"), {{"K", std::to_string(states)}}));
}

inline std::string scratch(const std::string& name) {
  return (std::filesystem::temp_directory_path() / ("lvm-capi-" + std::to_string(getpid()) + "-" + name))
      .string();
}

/// Of a mixture of Gaussians from its parameters, by Gaussian elimination: ln P(y).
inline double log_density(const std::vector<double>& y, const lvm::Parameter& weight,
                          const lvm::Parameter& mean, const lvm::Parameter& cov) {
  const size_t d = y.size();
  std::vector<double> terms;
  for (size_t k = 0; k < weight.values.size(); ++k) {
    std::vector<double> a(cov.values.begin() + static_cast<int64_t>(k * d * d),
                          cov.values.begin() + static_cast<int64_t>((k + 1) * d * d)),
        x(d);
    for (size_t i = 0; i < d; ++i) x[i] = y[i] - mean.values[k * d + i];
    double log_determinant = 0, square = 0;
    for (size_t i = 0; i < d; ++i) {
      log_determinant += std::log(a[i * d + i]);
      square += x[i] * x[i] / a[i * d + i];
      for (size_t r = i + 1; r < d; ++r) {
        const double part = a[r * d + i] / a[i * d + i];
        for (size_t j = i; j < d; ++j) a[r * d + j] -= part * a[i * d + j];
        x[r] -= part * x[i];
      }
    }
    terms.push_back(
        std::log(weight.values[k]) -
        0.5 * (static_cast<double>(d) * std::log(2 * 3.14159265358979323846) + log_determinant + square));
  }
  double top = terms[0], sum = 0;
  for (const double t : terms) top = std::max(top, t);
  for (const double t : terms) sum += std::exp(t - top);
  return top + std::log(sum);
}

}  // namespace host
