#include "runtime/initial_values.h"

#include <cmath>

#include "runtime/random.h"

namespace lvm::runtime {
namespace {

/// The inverse of `natural`. A softmax has one coordinate to spare: the logarithms themselves do.
double coordinate(ir::Domain domain, double value) {
  switch (domain) {
    case ir::Domain::real: return value;
    case ir::Domain::positive:
    case ir::Domain::simplex: return std::log(value);
    case ir::Domain::unit: return std::log(value) - std::log1p(-value);
    case ir::Domain::ordered:
    case ir::Domain::covariance:
    case ir::Domain::correlation: break;
  }
  throw ir::InternalError("a domain without coordinates");
}

double drawn(const ir::StartDraw& draw, const Random& random, int64_t place) {
  using Kind = ir::StartDraw::Kind;
  switch (draw.kind) {
    case Kind::constant: return draw.mean;
    case Kind::uniform: return draw.mean + draw.spread * (2 * random.uniform(place) - 1);
    case Kind::normal: return draw.mean + draw.spread * random.normal(place);
  }
  return 0;
}

}  // namespace

std::vector<double> initial_values(const ir::Program& program, const std::map<std::string, std::vector<double>>& given, uint64_t seed) {
  std::vector<double> out(static_cast<size_t>(program.parameter_doubles()));
  const Random random(seed, Site::initial_value, 0);
  for (const ir::ParameterSlot& slot : program.parameters) {
    const auto found = given.find(slot.name);
    const std::vector<double>& values = found == given.end() ? slot.start : found->second;
    for (int64_t i = 0; i < slot.size; ++i) {
      double& to = out[static_cast<size_t>(slot.offset + i)];
      if (values.empty()) {
        to = drawn(slot.draw, random, slot.offset + i);
      } else {
        const double value = values[static_cast<size_t>(i)];
        to = slot.fixed || slot.internal ? value : coordinate(slot.domain, value);
      }
    }
  }
  return out;
}

}  // namespace lvm::runtime
