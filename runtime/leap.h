#pragma once
// Guarded acceleration of EM: SQUAREM, scheme S3 (Varadhan and Roland 2008, Scandinavian Journal of
// Statistics 35, section 3).
//
// From three points of EM in succession, θ0, θ1 = M(θ0), θ2 = M(θ1): r = θ1 − θ0, v = θ2 − 2 θ1 + θ0, α =
// −|r| / |v|, and the leap goes to θ0 − 2 α r + α² v (α = −1 is θ2 itself). It is made in Coordinates, so
// that it stays inside of every domain, and each coordinate is measured by the longest EM step that it has
// made: the leap does not depend on the units of the columns.

#include <optional>
#include <vector>

#include "runtime/coordinates.h"

namespace lvm::runtime {

class Leap {
 public:
  explicit Leap(const ir::Program& program) : program_(program) {}

  /// The next point of EM.
  void add(const std::vector<double>& parameters);
  /// The parameters that three points lead to; none before there are three, or where they lead no further
  /// than the last.
  std::optional<std::vector<double>> propose();
  /// Was the leap taken? Points are collected anew from where the run now is.
  void settle(bool taken, const std::vector<double>& parameters);

 private:
  const ir::Program& program_;
  std::optional<Coordinates> coordinates_;
  std::vector<std::vector<double>> points_;  // the last of them are in parameters_
  std::vector<double> parameters_;
  std::vector<double> longest_;  // step of each coordinate
  double length_ = 0;            // −α of the leap that was proposed
  double most_ = 4;              // −α at most; four times as much where a leap of that length was taken
};

}  // namespace lvm::runtime
