#include "certify/derivatives.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/passes/estimators.h"
#include "runtime/initial_values.h"

namespace lvm::certificate {

template <class Real>
DerivativesOf<Real>::DerivativesOf(const ir::Program& program, const ir::Executable& functions,
                                   const runtime::BoundData& data, int64_t rows, double divergence)
    : program_(program),
      functions_(functions),
      rows_(rows),
      table_(program, data),
      divergence_(divergence),
      tile_(program),
      derived_(static_cast<size_t>(program.derived_doubles())),
      statistics_(static_cast<size_t>(program.statistic_doubles())),
      output_(static_cast<size_t>((program.row_outputs.back().offset + program.row_outputs.back().size) *
                                  LVM_TILE_ROWS)),
      scratch_(program.scratch_bytes / static_cast<int64_t>(sizeof(double)) + 1) {
  for (int64_t row = 0; row < rows; ++row) all_.push_back(row);
  draw(1);
  for (const ir::Slot& slot : program.derived) {
    const bool count = slot.name == ir::batch_rows_slot || slot.name == ir::data_rows_slot;
    derived_[static_cast<size_t>(slot.offset)] =
        static_cast<Real>(count                              ? table_.weight(all_)
                          : slot.name == ir::divergence_slot ? divergence
                                                             : 1);
  }
}

template <class Real>
void DerivativesOf<Real>::draw(uint32_t step) {
  constexpr uint64_t seed = 3;
  tile_.fill(table_, all_, seed, runtime::Site::noise, step);
}

template <class Real>
void DerivativesOf<Real>::call(const char* name, const Coordinates& parameters, Real* to) {
  if (!functions_.contains(name)) return;
  lvm_frame frame{};
  frame.columns = tile_.columns();
  frame.parameters = parameters.data();
  frame.derived = derived_.data();
  frame.statistics = statistics_.data();
  frame.scratch = scratch_.data();
  frame.output = to;
  frame.rows = static_cast<int32_t>(rows_);
  if (const int32_t code = functions_.at(name)(&frame); code != 0)
    throw ir::InternalError(fmt::format("`{}` failed with the code {}", name, code));
}

template <class Real>
double DerivativesOf<Real>::statistic(std::string_view name) const {
  const auto found = std::ranges::find(program_.statistics, name, &ir::Slot::name);
  return found == program_.statistics.end() ? 0 : statistics_[static_cast<size_t>(found->offset)];
}

template <class Real>
double DerivativesOf<Real>::climbed(const Coordinates& coordinates) {
  call("prepare", coordinates, derived_.data());
  call(program_.trained_otherwise ? "step" : "bound", coordinates, output_.data());
  const double bound = divergence_ == 1 ? statistic("objective")
                                        : statistic("reconstruction") - divergence_ * statistic("divergence");
  call("prior", coordinates, derived_.data());
  const auto value = [&](const char* slot) {
    const auto found = std::ranges::find(program_.derived, slot, &ir::Slot::name);
    return found == program_.derived.end() ? 0 : derived_[static_cast<size_t>(found->offset)];
  };
  return bound / value(ir::batch_rows_slot) + value(ir::log_prior_slot) / value(ir::data_rows_slot);
}

template <class Real>
auto DerivativesOf<Real>::gradient(const Coordinates& coordinates) -> Coordinates {
  Coordinates next = coordinates;
  call("prepare", coordinates, derived_.data());
  call("step", coordinates, output_.data());
  call("optimise", coordinates, next.data());
  for (size_t i = 0; i < next.size(); ++i) next[i] -= coordinates[i];
  return next;
}

template class DerivativesOf<double>;
template class DerivativesOf<float>;

namespace {

using Coordinates = Derivatives::Coordinates;

constexpr int directions = 2;  // of each parameter

/// A random direction of one parameter, about as long as 1.
Coordinates direction_of(const ir::ParameterSlot& slot, const runtime::Random& random, int number) {
  Coordinates to;
  for (int64_t i = slot.offset; i < slot.offset + slot.size; ++i)
    to.push_back(random.normal(i, static_cast<uint32_t>(number + 2)) /
                 std::sqrt(static_cast<double>(slot.size)));
  return to;
}

Coordinates moved(const Coordinates& from, const ir::ParameterSlot& slot, const Coordinates& direction,
                  double length) {
  Coordinates to = from;
  for (size_t i = 0; i < direction.size(); ++i)
    to[static_cast<size_t>(slot.offset) + i] += length * direction[i];
  return to;
}

double along(const Coordinates& gradient, const ir::ParameterSlot& slot, const Coordinates& direction) {
  double sum = 0;
  for (size_t i = 0; i < direction.size(); ++i)
    sum += gradient[static_cast<size_t>(slot.offset) + i] * direction[i];
  return sum;
}

double length_of(const Coordinates& gradient, const ir::ParameterSlot& slot) {
  double norm = 0;
  for (int64_t i = slot.offset; i < slot.offset + slot.size; ++i)
    norm = std::hypot(norm, gradient[static_cast<size_t>(i)]);
  return norm;
}

bool is_climbed(const ir::ParameterSlot& slot) {
  return !slot.fixed && !slot.internal && !slot.follows;
}

/// The mean of the derivative over many draws against that of differences of the bound, by the same draws. A
/// draw that moves in steps changes somewhere between the two points or not at all: the differences are
/// unbiased too.
Result certify_means(const Subject& s, Derivatives& derivatives, const Coordinates& at,
                     const runtime::Random& random) {
  constexpr uint32_t draws = 400;
  constexpr double length = 1e-2, errors = 5,
                   allowed = 1e-3;  // beyond the errors, of the length of the derivative
  struct Line {
    const ir::ParameterSlot* slot;
    Coordinates direction;
    double mean = 0, squares = 0, norm = 0;
  };
  std::vector<Line> lines;
  for (const ir::ParameterSlot& slot : s.program.parameters) {
    for (int direction = 0; is_climbed(slot) && direction < directions; ++direction)
      lines.push_back({&slot, direction_of(slot, random, direction)});
  }
  for (uint32_t draw = 1; draw <= draws; ++draw) {
    derivatives.draw(draw);
    const Coordinates gradient = derivatives.gradient(at);
    for (Line& line : lines) {
      const double above = derivatives.climbed(moved(at, *line.slot, line.direction, length));
      const double below = derivatives.climbed(moved(at, *line.slot, line.direction, -length));
      const double gap = along(gradient, *line.slot, line.direction) - (above - below) / (2 * length),
                   step = gap - line.mean;
      line.mean += step / draw;  // Welford 1962
      line.squares += step * (gap - line.mean);
      line.norm += length_of(gradient, *line.slot) / draws;
    }
  }
  Result result;
  for (size_t i = 0; i < lines.size(); i += directions) {
    const ir::ParameterSlot& slot = *lines[i].slot;
    Certificate c{
        .block = slot.name,
        .solver = ir::Solver::gradient,
        .claim = "the mean of its derivative over 400 draws is that of differences, within 5 standard errors",
        .allowed = allowed,
        .checked = slot.size,
        .all = slot.size};
    for (int direction = 0; direction < directions; ++direction) {
      const Line& line = lines[i + static_cast<size_t>(direction)];
      const double error = std::sqrt(line.squares / (draws - 1) / draws);
      const double beyond = std::fmax(0.0, std::abs(line.mean) - errors * error) / (line.norm + 1e-6);
      if (beyond > c.found || std::isnan(line.mean)) {
        c.found = std::isnan(line.mean) ? line.mean : beyond;
        c.place = fmt::format("direction {}", direction + 1);
      }
    }
    if (!(c.found <= allowed)) c.verdict = Verdict::failed;
    result.certificates.push_back(std::move(c));
  }
  return result;
}

bool draws_in_steps(const ir::Model& model) {
  const std::vector<ir::Estimated> latents = ir::estimators(model);
  return ir::has_given_posterior(model) &&
         std::ranges::any_of(latents, [](const ir::Estimated& e) { return e.how == ir::Estimator::score; });
}

}  // namespace

Result certify_derivatives(const Subject& s, const Options& options, double divergence) {
  constexpr double allowed = 1e-6;  // of the length of the derivative
  Result result;
  Derivatives derivatives(s.program, s.functions, s.data, std::min(s.data.rows, derivative_rows), divergence);
  const std::vector<double> start = runtime::initial_values(s.program, {}, options.seed);
  Coordinates at(start.begin(), start.end());
  const runtime::Random random(options.seed, runtime::Site::user, 0);
  for (size_t i = 0; i < at.size(); ++i)
    at[i] += 0.05 * random.normal(static_cast<int64_t>(i), 1);  // biases are 0 at the start
  const double level = derivatives.climbed(at);
  if (!std::isfinite(level)) {
    result.failure = "the bound is not finite where a run would begin";
    return result;
  }
  if (draws_in_steps(s.model)) return certify_means(s, derivatives, at, random);
  const Coordinates gradient = derivatives.gradient(at);
  for (const ir::ParameterSlot& slot : s.program.parameters) {
    if (!is_climbed(slot)) continue;
    Certificate c{.block = slot.name,
                  .solver = ir::Solver::gradient,
                  .claim = "its derivative is that of central differences",
                  .allowed = allowed,
                  .checked = slot.size,
                  .all = slot.size};
    const double norm = length_of(gradient, slot);
    for (int number = 0; number < directions; ++number) {
      const Coordinates direction = direction_of(slot, random, number);
      const double slope = along(gradient, slot, direction);
      // A kink (relu) between the two points, or rounding, spoils one length of a step: the better one of two
      // counts.
      double best = std::numeric_limits<double>::infinity();
      for (const double length : {1e-4, 1e-6}) {
        const double above = derivatives.climbed(moved(at, slot, direction, length)),
                     below = derivatives.climbed(moved(at, slot, direction, -length));
        best = std::min(
            best, std::abs(slope - (above - below) / (2 * length)) / (norm + 1e-6 * (1 + std::abs(level))));
      }
      if (best > c.found || std::isnan(best)) {
        c.found = best;
        c.place = fmt::format("direction {}", number + 1);
      }
    }
    if (!(c.found <= allowed)) c.verdict = Verdict::failed;
    result.certificates.push_back(std::move(c));
  }
  return result;
}

}  // namespace lvm::certificate
