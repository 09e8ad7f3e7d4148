#include "certify/derivatives.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/initial_values.h"

namespace lvm::certificate {

Derivatives::Derivatives(const ir::Program& program, const ir::Executable& functions, const runtime::BoundData& data, int64_t rows, double divergence)
    : program_(program), functions_(functions), rows_(rows), divergence_(divergence), tile_(program),
      derived_(static_cast<size_t>(program.derived_doubles())), statistics_(static_cast<size_t>(program.statistic_doubles())),
      output_(static_cast<size_t>((program.row_outputs.back().offset + program.row_outputs.back().size) * LVM_TILE_ROWS)),
      scratch_(program.scratch_bytes / static_cast<int64_t>(sizeof(double)) + 1) {
  const runtime::RowMajorTable<double> table(program, data);
  std::vector<int64_t> all(static_cast<size_t>(rows));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);
  tile_.fill(table, all, 3, runtime::Site::noise, 1);
  for (const ir::Slot& slot : program.derived) {
    const bool count = slot.name == ir::batch_rows_slot || slot.name == ir::data_rows_slot;
    derived_[static_cast<size_t>(slot.offset)] = count ? table.weight(all) : slot.name == ir::divergence_slot ? divergence : 1;
  }
}

void Derivatives::call(const char* name, const Coordinates& parameters, double* to) {
  if (!functions_.contains(name)) return;
  lvm_frame frame{};
  frame.columns = tile_.columns();
  frame.parameters = parameters.data();
  frame.derived = derived_.data();
  frame.statistics = statistics_.data();
  frame.scratch = scratch_.data();
  frame.output = to;
  frame.rows = static_cast<int32_t>(rows_);
  if (const int32_t code = functions_.at(name)(&frame); code != 0) throw ir::InternalError(fmt::format("`{}` failed with the code {}", name, code));
}

double Derivatives::statistic(std::string_view name) const {
  const auto found = std::ranges::find(program_.statistics, name, &ir::Slot::name);
  return found == program_.statistics.end() ? 0 : statistics_[static_cast<size_t>(found->offset)];
}

double Derivatives::climbed(const Coordinates& coordinates) {
  call("prepare", coordinates, derived_.data());
  call(program_.trained_otherwise ? "step" : "bound", coordinates, output_.data());
  const double bound = divergence_ == 1 ? statistic("objective") : statistic("reconstruction") - divergence_ * statistic("divergence");
  call("prior", coordinates, derived_.data());
  const auto value = [&](const char* slot) {
    const auto found = std::ranges::find(program_.derived, slot, &ir::Slot::name);
    return found == program_.derived.end() ? 0 : derived_[static_cast<size_t>(found->offset)];
  };
  return bound / value(ir::batch_rows_slot) + value(ir::log_prior_slot) / value(ir::data_rows_slot);
}

Derivatives::Coordinates Derivatives::gradient(const Coordinates& coordinates) {
  Coordinates next = coordinates;
  call("prepare", coordinates, derived_.data());
  call("step", coordinates, output_.data());
  call("optimise", coordinates, next.data());
  for (size_t i = 0; i < next.size(); ++i) next[i] -= coordinates[i];
  return next;
}

Result certify_derivatives(const Subject& s, const Options& options, double divergence) {
  constexpr double allowed = 1e-6;  // of the length of the derivative
  constexpr int directions = 2;
  Result result;
  Derivatives derivatives(s.program, s.functions, s.data, std::min(s.data.rows, derivative_rows), divergence);
  using Coordinates = Derivatives::Coordinates;
  const std::vector<double> start = runtime::initial_values(s.program, {}, options.seed);
  Coordinates at(start.begin(), start.end());
  const runtime::Random random(options.seed, runtime::Site::user, 0);
  for (size_t i = 0; i < at.size(); ++i) at[i] += 0.05 * random.normal(static_cast<int64_t>(i), 1);  // biases are 0 at the start
  const double level = derivatives.climbed(at);
  if (!std::isfinite(level)) {
    result.failure = "the bound is not finite where a run would begin";
    return result;
  }
  const Coordinates gradient = derivatives.gradient(at);
  for (const ir::ParameterSlot& slot : s.program.parameters) {
    if (slot.fixed || slot.internal || slot.follows) continue;
    Certificate c{.block = slot.name, .solver = ir::Solver::gradient, .claim = "its derivative is that of central differences", .allowed = allowed,
                  .checked = slot.size, .all = slot.size};
    double norm = 0;
    for (int64_t i = slot.offset; i < slot.offset + slot.size; ++i) norm = std::hypot(norm, gradient[static_cast<size_t>(i)]);
    for (int direction = 0; direction < directions; ++direction) {
      // A kink (relu) between the two points, or rounding, spoils one length of a step: the better one of two counts.
      double best = std::numeric_limits<double>::infinity();
      for (const double length : {1e-4, 1e-6}) {
        Coordinates above = at, below = at;
        double slope = 0;
        for (int64_t i = slot.offset; i < slot.offset + slot.size; ++i) {
          const auto place = static_cast<size_t>(i);
          const double part = random.normal(i, static_cast<uint32_t>(direction + 2)) / std::sqrt(static_cast<double>(slot.size));
          slope += part * gradient[place];
          above[place] += length * part;
          below[place] -= length * part;
        }
        const double difference = (derivatives.climbed(above) - derivatives.climbed(below)) / (2 * length);
        best = std::min(best, std::abs(slope - difference) / (norm + 1e-6 * (1 + std::abs(level))));
      }
      if (best > c.found || std::isnan(best)) {
        c.found = best;
        c.place = fmt::format("direction {}", direction + 1);
      }
    }
    if (!(c.found <= allowed)) c.verdict = Verdict::failed;
    result.certificates.push_back(std::move(c));
  }
  return result;
}

}  // namespace lvm::certificate
