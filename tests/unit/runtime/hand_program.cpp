#include "tests/unit/runtime/hand_program.h"

#include <cmath>
#include <numbers>

#include "runtime/random.h"
#include "tests/unit/runtime/bind_script.h"

namespace lvm::runtime::test {
namespace {

/// Layouts: parameters weight, mean, variance; statistics n, s1, s2, objective; derived log_norm, y.variance;
/// checks collapse, empty.
struct View {
  const double* parameters;
  int64_t states;
  double weight(int64_t k) const { return parameters[k]; }
  double mean(int64_t k) const { return parameters[states + k]; }
  double variance(int64_t k) const { return parameters[2 * states + k]; }
};

int32_t prepare(const HandProgram& hand, lvm_frame* f) {
  const View p{static_cast<const double*>(f->parameters), hand.states};
  auto* out = static_cast<double*>(f->output);
  for (int64_t k = 0; k < hand.states; ++k) {
    out[k] = std::log(p.weight(k)) - 0.5 * std::log(2 * std::numbers::pi * p.variance(k));
  }
  const double scale = static_cast<const double*>(f->derived)[hand.states];
  for (int64_t k = 0; k < hand.states; ++k) {
    if (!(p.variance(k) > 1e-10 * scale)) return static_cast<int32_t>(1 + k);
  }
  return 0;
}

void add_moments(const HandProgram& hand, lvm_frame* f, int64_t k, int64_t i, double r) {
  const View p{static_cast<const double*>(f->parameters), hand.states};
  const double d = static_cast<const double*>(f->columns[0])[i] - p.mean(k);
  auto* s = static_cast<double*>(f->statistics) + i % LVM_LANES;
  s[k * LVM_LANES] += r;
  s[(hand.states + k) * LVM_LANES] += r * d;
  s[(2 * hand.states + k) * LVM_LANES] += r * d * d;
}

int32_t rows(const HandProgram& hand, lvm_frame* f) {
  const View p{static_cast<const double*>(f->parameters), hand.states};
  const auto* log_norm = static_cast<const double*>(f->derived);
  const auto* y = static_cast<const double*>(f->columns[0]);
  auto* objective = static_cast<double*>(f->statistics) + 3 * hand.states * LVM_LANES;
  std::vector<double> lp(static_cast<size_t>(hand.states));
  for (int64_t i = 0; i < f->rows; ++i) {
    double most = -HUGE_VAL, sum = 0;
    for (int64_t k = 0; k < hand.states; ++k) {
      lp[k] = log_norm[k] - 0.5 * (y[i] - p.mean(k)) * (y[i] - p.mean(k)) / p.variance(k);
      most = std::max(most, lp[k]);
    }
    for (const double x : lp) sum += std::exp(x - most);
    const double ll = most + std::log(sum);
    objective[i % LVM_LANES] += ll;
    for (int64_t k = 0; k < hand.states; ++k) {
      const double r = std::exp(lp[k] - ll);
      add_moments(hand, f, k, i, r);
      static_cast<double*>(f->output)[k * LVM_TILE_ROWS + i] = r;
    }
  }
  return 0;
}

int32_t start(const HandProgram& hand, lvm_frame* f) {
  for (int64_t i = 0; i < f->rows; ++i) {
    add_moments(hand, f, static_cast<int64_t>(static_cast<const double*>(f->columns[1])[i]), i, 1);
  }
  return 0;
}

int32_t update(const HandProgram& hand, lvm_frame* f) {
  const View p{static_cast<const double*>(f->parameters), hand.states};
  const auto* s = static_cast<const double*>(f->statistics);
  auto* out = static_cast<double*>(f->output);
  double total = 0;
  for (int64_t k = 0; k < hand.states; ++k) total += s[k];
  for (int64_t k = 0; k < hand.states; ++k) {
    if (!(s[k] > 1)) return static_cast<int32_t>(1 + hand.states + k);
    const double shift = s[hand.states + k] / s[k];
    out[k] = s[k] / total;
    out[hand.states + k] = p.mean(k) + shift;
    out[2 * hand.states + k] = s[2 * hand.states + k] / s[k] - shift * shift;
  }
  return hand.meddle ? hand.meddle(out) : 0;
}

template <typename S>
S slot(std::string name, std::vector<ir::AxisId> axes) {
  S s;
  s.name = std::move(name);
  s.axes = std::move(axes);
  return s;
}

ir::ParameterSlot parameter(std::string name, std::vector<ir::AxisId> axes, ir::Domain domain, int64_t free) {
  ir::ParameterSlot s = slot<ir::ParameterSlot>(std::move(name), std::move(axes));
  s.domain = domain;
  s.free_dimensions = free;
  return s;
}

ir::Check check(std::string name, std::vector<ir::AxisId> axes, ir::Check::Kind kind, std::string message) {
  ir::Check c = slot<ir::Check>(std::move(name), std::move(axes));
  c.kind = kind;
  c.message = std::move(message);
  return c;
}

}  // namespace

void make_mixture(HandProgram& hand, int64_t states) {
  hand.states = states;
  ir::Program& p = hand.program;
  p.model = "hand";
  p.method = "em";
  p.module.add_axis({"row", ir::AxisKind::rows, ir::unknown_size, -1});
  const ir::AxisId k = p.module.add_axis({"K", ir::AxisKind::fixed, states, -1});
  p.data = {slot<ir::DataSlot>("y", {}), slot<ir::DataSlot>("assignment", {})};
  p.parameters = {parameter("weight", {k}, ir::Domain::simplex, states - 1),
                  parameter("mean", {k}, ir::Domain::real, states),
                  parameter("variance", {k}, ir::Domain::positive, states)};
  p.derived = {slot<ir::Slot>("log_norm", {k}), slot<ir::Slot>("y.variance", {})};
  p.statistics = {slot<ir::Slot>("n", {k}), slot<ir::Slot>("s1", {k}), slot<ir::Slot>("s2", {k}),
                  slot<ir::Slot>("objective", {})};
  p.row_outputs = {slot<ir::Slot>("z", {k})};
  p.checks = {check("collapse", {k}, ir::Check::Kind::collapse, "component {} has collapsed"),
              check("empty", {k}, ir::Check::Kind::empty, "component {} is empty")};
  p.phases = {{"em", {"prepare", "rows", "update"}}};
  ir::StartLatent z;
  z.latent = "z";
  z.states = states;
  p.starts = {z};
  ir::assign_offsets(p);
  hand.functions["prepare"] = [&hand](lvm_frame* f) { return prepare(hand, f); };
  hand.functions["rows"] = [&hand](lvm_frame* f) { return rows(hand, f); };
  hand.functions["start"] = [&hand](lvm_frame* f) { return start(hand, f); };
  hand.functions["update"] = [&hand](lvm_frame* f) { return update(hand, f); };
}

std::vector<double> draws(const std::vector<double>& centres, int64_t count, uint64_t seed) {
  const Random random(seed, Site::user, 0);
  std::vector<double> y;
  for (const double centre : centres) {
    for (int64_t i = 0; i < count; ++i) y.push_back(centre + random.normal(static_cast<int64_t>(y.size())));
  }
  return y;
}

BoundData bind_values(const std::vector<double>& y) {
  const BindScript script = parse_script("data y real\n");
  Diagnostics diagnostics;
  const Table table = make_table({{"y", y.data(), 1}}, static_cast<int64_t>(y.size()));
  return bind(script.model, table, {}, diagnostics);
}

}  // namespace lvm::runtime::test
