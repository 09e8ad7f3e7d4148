#pragma once
// How far a function of one coordinate is from its maximum, or from where it is level.

#include <functional>

namespace lvm::certificate {

struct Line {
  std::function<double(double u)> value;
  double at = 0;          // value(0)
  double noise = 0;       // the rounding of a value
  double first_step = 0;  // a small u, to begin with
  double last_step = 0;   // the largest u of use
  bool inward = false;    // u >= 0 only
  bool saddles = false;   // a parabola that opens upward has its end at its foot: g^2 / (2 |h|) there too
};

struct Gain {
  double nats = 0;       // what the parabola through the values promises: g^2 / (2 |h|)
  double slope = 0;      // g, by central differences and Richardson's extrapolation
  double curvature = 0;  // h
};

/// The step is chosen so that the parabola falls by about 10^-3 nats: large against rounding, small against
/// the higher terms. Where the function is flat nothing is to be gained; where the parabola opens upward the
/// gain is what the step itself shows. At a bound it is the most that steps inside show.
Gain gain(const Line& line);

}  // namespace lvm::certificate
