#pragma once
// ln P(y, z | theta) from the factors as they are written: every latent is a value like any other, each
// density is the arithmetic of its family, and the reference interpreter computes. Nothing of the lowering is
// used: no responsibilities, no moments, no statistics, no enumeration along an axis.

#include <optional>

#include "backends/interpreter/interpret.h"
#include "certify/design.h"
#include "certify/global_nodes.h"
#include "certify/observed.h"
#include "certify/paths.h"
#include "certify/steps.h"
#include "ir/model/model.h"
#include "runtime/bind.h"

namespace lvm::certificate {

/// Values of all parameters in the layout of a Program.
using Parameters = std::vector<double>;

/// A finite latent of each row. The values that some rows have (labels) are NaN in the others; empty: none.
struct LatentAxis {
  std::string name;
  int64_t states = 1;
  std::vector<double> known = {};
};

class LogJoint {
 public:
  /// All sizes are known; all of them outlive this.
  LogJoint(const ir::Model& model, const ir::Program& layout, const runtime::BoundData& data);

  int64_t rows() const { return paths_ ? paths_->units() : steps_ ? steps_->units() : rows_; }
  /// A state is one value of every latent, row-major over `latents()`; 1 where there is none.
  /// Of a sequence a row is a whole series, and a state a path: values of all latents in each of its steps.
  int64_t states() const { return paths_ ? paths_->most() : states_; }
  const Paths* paths() const { return paths_ ? &*paths_ : nullptr; }
  const std::vector<LatentAxis>& latents() const { return latents_; }
  /// A continuous latent has the values of these points in turn; `design` outlives this.
  void set_design(std::string latent, const Design& design);
  /// The same of all steps of a series, which is then a row.
  void set_design(const Steps& steps, const Design& design);
  const Steps* steps() const { return steps_; }
  const Design* design() const { return design_; }
  int64_t points() const { return design_ ? design_->points() : 1; }

  /// ln P(y, z | theta), doubles[rows][states][points]; -inf where z contradicts a label. Its expectation
  /// over latents that rows share.
  std::vector<double> operator()(const Parameters& parameters);
  /// The factor's value is a vector that lacks elements in some rows: its density is that of the others.
  bool integrates(int factor) const;
  /// ln P(theta): 0 without priors. Of latents that rows share its expectation, and the entropy of their q.
  double log_prior(const Parameters& parameters);

 private:
  std::vector<double> of_rows(const Parameters& parameters);
  static ir::NodeId where_it_holds(ir::Builder& b, const ir::Model& model, const ir::Factor& factor,
                                   ir::NodeId density);
  void write(const ir::Model& model);
  void fill(const ir::Model& model, const runtime::BoundData& data);
  void set(const Parameters& parameters);
  void place(int64_t state, int64_t point);
  std::vector<double> at_values();
  double prior_at_values();
  void place_steps(const std::vector<double>& point);
  std::vector<double> of_series(const std::vector<double>& rows) const;
  bool contradicts(int64_t state, int64_t row) const;
  std::string latent_key(size_t latent) const { return "data." + latents_[latent].name; }

  const ir::Program& layout_;
  GlobalNodes globals_;
  ir::Module module_;                    // functions "joint" and "prior"
  std::vector<ObservedVector> vectors_;  // factors that "joint" leaves out
  interpreter::Environment environment_;
  std::vector<LatentAxis> latents_;
  std::string continuous_;  // a latent that has a design
  std::vector<ir::AxisId> continuous_axes_;
  const Design* design_ = nullptr;
  int64_t rows_ = 0, states_ = 1;
  std::optional<Paths> paths_;
  const Steps* steps_ = nullptr;
};

}  // namespace lvm::certificate
