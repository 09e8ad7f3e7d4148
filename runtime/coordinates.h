#pragma once
// The parameters that are not fixed as a point of a real space, which every update and every step stays
// inside of.
//
//   real      v                simplex      ln (v_k / v_m) for each k but m, the greatest share where the
//   coordinates are made correlation  L_ij / L_ii for i > j, of its Cholesky factor L, whose rows have the
//   length 1 positive  ln v             covariance   ln L_ii and L_ij for i > j, of its Cholesky factor L
//   unit      ln (v / (1 - v))
//
// As many coordinates as the parameters have free dimensions. On a bound (a share of 0) a coordinate is
// infinite.

#include <vector>

#include "ir/program/program.h"

namespace lvm::runtime {

class Coordinates {
 public:
  /// `parameters` choose m. Throws InternalError for domains that are not fitted (correlation).
  Coordinates(const ir::Program& program, const std::vector<double>& parameters);

  size_t size() const { return size_; }
  std::vector<double> of(const std::vector<double>& parameters) const;
  /// Writes the point's parameters; fixed ones keep what is there.
  void write(const std::vector<double>& point, std::vector<double>& parameters) const;

 private:
  /// One element, simplex or matrix of a slot.
  struct Event {
    ir::Domain domain;
    int64_t at = 0;  // of its first element, in doubles
    int64_t size = 1, row = 1, column = 1;
    int64_t greatest = 0;  // of a simplex
  };
  void add(const ir::ParameterSlot& slot, const ir::Module& module, const std::vector<double>& parameters);
  static int64_t dimensions(const Event& event);
  static void read(const Event& event, const std::vector<double>& parameters, double* to);
  static void write(const Event& event, const double* from, std::vector<double>& parameters);

  std::vector<Event> events_;
  size_t size_ = 0;
};

}  // namespace lvm::runtime
