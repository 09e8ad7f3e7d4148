#include "certify/certify_paths.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "certify/posterior.h"

namespace lvm::certificate {
namespace {

constexpr double tolerance = 1e-10;  // of the size of ln P
constexpr double least_q = 1e-200;   // below, a posterior has no digits

struct Trial {
  const Subject& subject;
  const LogJoint& joint;
  const std::vector<double>& log_joint;
  const std::map<std::string, std::vector<double>>& outputs;
  const Paths& paths = *joint.paths();
  bool point = is_point(subject.plan);

  const double* of(int64_t unit) const { return log_joint.data() + unit * paths.most(); }
  double evidence(int64_t unit) const {
    return point ? *std::max_element(of(unit), of(unit) + paths.most()) : log_sum(of(unit), paths.most());
  }
  double size(int64_t unit) const {
    double largest = 1;
    for (int64_t p = 0; p < paths.count(unit); ++p)
      if (std::isfinite(of(unit)[p])) largest = std::max(largest, std::abs(of(unit)[p]));
    return largest;
  }
  const std::vector<double>& posterior(size_t latent) const {
    const auto alone = outputs.find("responsibilities");
    return alone != outputs.end() ? alone->second : outputs.at("responsibilities_" + paths.name(latent));
  }

  static void note(Certificate& c, double deviation, std::string place) {
    if (deviation <= c.found) return;  // NaN goes on
    c.found = deviation;
    c.place = std::move(place);
  }

  /// The rows' parts of the objective add up to ln of the sum over all paths.
  void check_evidence(Certificate& c, int64_t unit) const {
    double sum = 0;
    for (int64_t t = 0; t < paths.steps(unit); ++t)
      sum += outputs.at("log_likelihood")[static_cast<size_t>(paths.first(unit) + t)];
    note(c, std::abs(sum - evidence(unit)) / size(unit), fmt::format("piece {} of the series", unit + 1));
  }

  void check_marginals(Certificate& c, size_t latent, int64_t unit) const {
    const int64_t values = paths.values(latent);
    for (int64_t t = 0; t < paths.steps(unit); ++t) {
      std::vector<double> exact(static_cast<size_t>(values), 0);
      for (int64_t p = 0; p < paths.count(unit); ++p)
        exact[static_cast<size_t>(paths.value(unit, p, t, latent))] += std::exp(of(unit)[p] - evidence(unit));
      for (int64_t k = 0; k < values; ++k) {
        const double q = posterior(latent)[static_cast<size_t>((paths.first(unit) + t) * values + k)],
                     p = exact[static_cast<size_t>(k)];
        if (q < least_q && p < least_q) continue;
        note(c, std::abs(std::log(q) - std::log(p)) / size(unit),
             fmt::format("piece {} of the series, step {}, state {}", unit + 1, t + 1, k + 1));
      }
    }
  }

  /// The path with all mass has the greatest probability.
  void check_path(Certificate& c, int64_t unit) const {
    int64_t taken = -1;
    for (int64_t p = 0; p < paths.count(unit) && taken < 0; ++p) {
      const bool same = std::ranges::all_of(paths.own(), [&](size_t latent) {
        for (int64_t t = 0; t < paths.steps(unit); ++t) {
          if (posterior(latent)[static_cast<size_t>((paths.first(unit) + t) * paths.values(latent) +
                                                    paths.value(unit, p, t, latent))] != 1)
            return false;
        }
        return true;
      });
      if (same) taken = p;
    }
    const std::string place = fmt::format("piece {} of the series", unit + 1);
    if (taken < 0) return note(c, HUGE_VAL, place + ": no path has all mass");
    note(c, (evidence(unit) - of(unit)[taken]) / size(unit), place);
  }
};

}  // namespace

std::vector<Certificate> certify_paths(const Subject& subject, const LogJoint& joint,
                                       const std::vector<double>& log_joint,
                                       const std::map<std::string, std::vector<double>>& outputs,
                                       const std::string& failure) {
  const Trial trial{subject, joint, log_joint, outputs};
  std::vector<Certificate> list;
  const std::vector<size_t>& own = trial.paths.own();
  for (size_t i = 0; i < std::max<size_t>(own.size(), 1); ++i) {
    Certificate c{.latent = true, .allowed = tolerance};
    c.block = own.empty() ? of_rows : trial.paths.name(own[i]);
    c.solver = own.empty() ? ir::Solver::enumerate : subject.plan.find(c.block)->solver;
    c.claim = own.empty()   ? "the objective is the sum of ln P(y)"
              : trial.point ? fmt::format("the path of `{}` is the most probable of all", c.block)
                            : fmt::format("q({}) is the sum over all paths", c.block);
    c.checked = c.all = trial.paths.units();
    for (int64_t unit = 0; unit < c.all && failure.empty(); ++unit) {
      trial.check_evidence(c, unit);
      if (own.empty()) continue;
      trial.point ? trial.check_path(c, unit) : trial.check_marginals(c, own[i], unit);
    }
    if (!(c.found <= c.allowed)) c.verdict = Verdict::failed;
    if (!failure.empty()) {
      c.verdict = Verdict::open;
      c.place = failure;
    }
    list.push_back(std::move(c));
  }
  return list;
}

}  // namespace lvm::certificate
