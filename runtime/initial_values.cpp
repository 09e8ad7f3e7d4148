#include "runtime/initial_values.h"

#include <cmath>

#include "runtime/events.h"
#include "runtime/linalg.h"
#include "runtime/random.h"

namespace lvm::runtime {
namespace {

/// The inverse of `natural`. A softmax has one coordinate to spare: the logarithms themselves do.
double coordinate(ir::Domain domain, double value) {
  switch (domain) {
    case ir::Domain::real:
    case ir::Domain::ordered:  // together: `write_events`
    case ir::Domain::covariance: return value;
    case ir::Domain::positive:
    case ir::Domain::simplex: return std::log(value);
    case ir::Domain::unit: return std::log(value) - std::log1p(-value);
    case ir::Domain::correlation: break;
  }
  throw ir::InternalError("a domain without coordinates");
}

/// The first value, then the logarithms of the steps up.
void write_ordered(const Stride& event, double* to) {
  for (int64_t k = event.size; k-- > 1;)
    to[k * event.step] = std::log(to[k * event.step] - to[(k - 1) * event.step]);
}

/// Its Cholesky factor, with logarithms on the diagonal; what lies above is not used.
void write_covariance(const Stride& row, const Stride& column, double* to) {
  const int64_t n = row.size;
  std::vector<double> matrix(static_cast<size_t>(n * n)), lower(matrix.size());
  const auto cell = [&](int64_t i, int64_t j) -> double& { return to[i * row.step + j * column.step]; };
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) matrix[static_cast<size_t>(i * n + j)] = cell(i, j);
  }
  lvm_cholesky(lower.data(), matrix.data(), n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j)
      cell(i, j) = i == j  ? std::log(lower[static_cast<size_t>(i * n + i)])
                   : j < i ? lower[static_cast<size_t>(i * n + j)]
                           : 0;
  }
}

/// Values of events that have coordinates together, in their place.
void write_events(const ir::ParameterSlot& slot, const ir::Module& module, double* to) {
  const std::vector<Stride> event = event_strides(slot, module);
  each_event(slot, event, [&](int64_t first) {
    if (slot.domain == ir::Domain::ordered) write_ordered(event[0], to + first);
    if (slot.domain == ir::Domain::covariance) write_covariance(event[0], event[1], to + first);
  });
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

std::vector<double> initial_values(const ir::Program& program,
                                   const std::map<std::string, std::vector<double>>& given, uint64_t seed) {
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
    const bool together = slot.domain == ir::Domain::ordered || slot.domain == ir::Domain::covariance;
    if (together && !values.empty() && !slot.fixed && !slot.internal)
      write_events(slot, program.module, out.data() + slot.offset);
  }
  return out;
}

}  // namespace lvm::runtime
