#pragma once
// What a fitted model says of rows: the posterior of their latents, and rows that it draws.
//
//   lvm::FittedModel fitted = lvm::load("lvm_runs/gmm/1/fit.lvmfit");
//   lvm::Results z = lvm::infer(fitted, lvm::bind(fitted, lvm::read_data("new.csv")));

#include "api/lvm.h"

namespace lvm {

/// A column of results. Of categories the values count from 0, and `levels` says what they are called.
struct ResultColumn {
  std::string name;
  std::vector<double> values;
  std::vector<std::string> levels = {};
};

struct Results {
  bool ok() const { return !report.has_errors(); }
  Report report;
  std::vector<ResultColumn> columns;  // all of the same length
};

struct SampleOptions {
  int64_t rows = 100;  // where no rows are given
  uint64_t seed = 1;
  bool mean = false;  // E[data | latents] instead of draws; of categories the most probable
  int threads = 0;    // 0: as many as the machine has; results do not depend on it
};

/// q of the latents: of finite ones the most probable value and the probability of each, of drawn ones means
/// and standard deviations (of a q that depends on another latent: at the mean of that one). `bound` is of
/// the same fitted model, here and below.
Results infer(const FittedModel& fitted, const BoundModel& bound, int threads = 0);
/// Which elements of drawn latents a model uses: the variance over the rows of the mean of q is above 0.01
/// (Burda, Grosse and Salakhutdinov 2016). Of what `infer` gave.
struct ActiveLatents {
  std::vector<std::string> names;
  int64_t all = 0;  // 0: no latent is drawn
};
ActiveLatents active_latents(const Results& latents);
/// Rows of P(latents) and P(data | latents): data under the names of their columns, then latents. Refused
/// where the model has `given` variables.
Results sample(const FittedModel& fitted, const SampleOptions& options = {});
/// P(data | latents) at the mean (of finite latents: at the most probable value) of q of the rows.
Results reconstruct(const FittedModel& fitted, const BoundModel& bound, const SampleOptions& options = {});

/// The table's data, with E[cell | what is observed of its row] in the place of missing cells, and in columns
/// `NAME_sd` the standard deviations of these; of categories and of `bool` the most probable value, and in
/// `NAME_p` its probability. Cells that were there have NaN in those columns. Of models by EM whose data
/// depend on finite latents.
Results impute(const FittedModel& fitted, const BoundModel& bound, int threads = 0);

/// Columns by name; categories by what they are called.
std::string to_json(const Results& results);
/// NumPy's format: a matrix of doubles, rows by columns; categories by their numbers from 0.
std::string to_npy(const Results& results);
/// With a header, as `read_data` takes it.
std::string to_csv(const Results& results);

}  // namespace lvm
