#include "runtime/coordinates.h"

#include <algorithm>
#include <cmath>

#include "ir/program/medians.h"
#include "runtime/events.h"
#include "runtime/linalg.h"

namespace lvm::runtime {

using ir::Domain;

Coordinates::Coordinates(const ir::Program& program, const std::vector<double>& parameters) {
  for (const ir::ParameterSlot& slot : program.parameters) {
    // The objective has a kink at a median, and no curvature.
    if (!slot.fixed && !ir::is_median(program, slot.name)) add(slot, program.module, parameters);
  }
  for (const Event& event : events_) size_ += static_cast<size_t>(dimensions(event));
}

void Coordinates::add(const ir::ParameterSlot& slot, const ir::Module& module,
                      const std::vector<double>& parameters) {
  switch (slot.domain) {
    case Domain::real:
    case Domain::positive:
    case Domain::unit:
      for (int64_t i = 0; i < slot.size; ++i) events_.push_back({slot.domain, slot.offset + i});
      return;
    case Domain::simplex:
    case Domain::ordered:
    case Domain::covariance:
    case Domain::correlation: {
      const std::vector<Stride> event = event_strides(slot, module);
      each_event(slot, event, [&](int64_t first) {
        Event made{slot.domain, slot.offset + first, event[0].size, event[0].step, event.back().step};
        for (int64_t k = 0; slot.domain == Domain::simplex && k < made.size; ++k) {
          const auto share = [&](int64_t i) {
            return parameters[static_cast<size_t>(made.at + i * made.row)];
          };
          if (share(k) > share(made.greatest)) made.greatest = k;
        }
        events_.push_back(made);
      });
      return;
    }
  }
}

int64_t Coordinates::dimensions(const Event& event) {
  switch (event.domain) {
    case Domain::real:
    case Domain::positive:
    case Domain::unit: return 1;
    case Domain::simplex: return event.size - 1;
    case Domain::covariance: return event.size * (event.size + 1) / 2;
    case Domain::correlation: return event.size * (event.size - 1) / 2;
    case Domain::ordered: return event.size;
  }
  return 0;
}

void Coordinates::read(const Event& event, const std::vector<double>& parameters, double* to) {
  const double v = parameters[static_cast<size_t>(event.at)];
  switch (event.domain) {
    case Domain::real: *to = v; return;
    case Domain::positive: *to = std::log(v); return;
    case Domain::unit: *to = std::log(v) - std::log1p(-v); return;
    case Domain::simplex: {
      const auto share = [&](int64_t k) { return parameters[static_cast<size_t>(event.at + k * event.row)]; };
      for (int64_t k = 0; k < event.size; ++k) {
        if (k != event.greatest) *to++ = std::log(share(k) / share(event.greatest));
      }
      return;
    }
    case Domain::covariance:
    case Domain::correlation: {
      const int64_t n = event.size;
      std::vector<double> matrix(static_cast<size_t>(n * n)), lower(matrix.size());
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          matrix[static_cast<size_t>(i * n + j)] =
              parameters[static_cast<size_t>(event.at + i * event.row + j * event.column)];
        }
      }
      lvm_cholesky(lower.data(), matrix.data(), n);
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j <= i; ++j) {
          const double l = lower[static_cast<size_t>(i * n + j)];
          if (event.domain == Domain::covariance) *to++ = i == j ? std::log(l) : l;
          if (event.domain == Domain::correlation && i != j)
            *to++ = l / lower[static_cast<size_t>(i * n + i)];
        }
      }
      return;
    }
    case Domain::ordered:
      for (int64_t k = 0; k < event.size; ++k)
        to[k] = parameters[static_cast<size_t>(event.at + k * event.row)];
      return;
  }
}

void Coordinates::write(const Event& event, const double* from, std::vector<double>& parameters) {
  double& v = parameters[static_cast<size_t>(event.at)];
  switch (event.domain) {
    case Domain::real: v = *from; return;
    case Domain::positive: v = std::exp(*from); return;
    case Domain::unit:
      v = *from > 0 ? 1 / (1 + std::exp(-*from)) : std::exp(*from) / (1 + std::exp(*from));
      return;
    case Domain::simplex: {
      const auto share = [&](int64_t k) -> double& {
        return parameters[static_cast<size_t>(event.at + k * event.row)];
      };
      // Relative to the greatest ratio, so that none overflows.
      double top = 0, sum = 0;
      for (int64_t i = 0; i + 1 < event.size; ++i) top = std::max(top, from[i]);
      for (int64_t k = 0; k < event.size; ++k)
        sum += share(k) = std::exp((k == event.greatest ? 0 : *from++) - top);
      for (int64_t k = 0; k < event.size; ++k) share(k) /= sum;
      return;
    }
    case Domain::covariance:
    case Domain::correlation: {
      const int64_t n = event.size;
      std::vector<double> lower(static_cast<size_t>(n * n), 0);
      for (int64_t i = 0; i < n; ++i) {
        double length = 1;
        for (int64_t j = 0; j <= i; ++j) {
          double& l = lower[static_cast<size_t>(i * n + j)];
          if (event.domain == Domain::covariance) {
            l = i == j ? std::exp(*from) : *from;
            ++from;
          } else {
            l = i == j ? 1 : *from++;
            if (i != j) length += l * l;
          }
        }
        for (int64_t j = 0; j <= i && event.domain == Domain::correlation; ++j)
          lower[static_cast<size_t>(i * n + j)] /= std::sqrt(length);
      }
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j <= i; ++j) {
          double sum = 0;
          for (int64_t k = 0; k <= j; ++k)
            sum += lower[static_cast<size_t>(i * n + k)] * lower[static_cast<size_t>(j * n + k)];
          parameters[static_cast<size_t>(event.at + i * event.row + j * event.column)] = sum;
          parameters[static_cast<size_t>(event.at + j * event.row + i * event.column)] = sum;
        }
      }
      return;
    }
    case Domain::ordered: {
      // A place out of order stands for the one above it that is in order.
      double least = from[0];
      for (int64_t k = 0; k < event.size; ++k) {
        least = std::max(least, from[k]);
        parameters[static_cast<size_t>(event.at + k * event.row)] = least;
      }
      return;
    }
  }
}

std::vector<double> Coordinates::of(const std::vector<double>& parameters) const {
  std::vector<double> point(size_);
  double* to = point.data();
  for (const Event& event : events_) {
    read(event, parameters, to);
    to += dimensions(event);
  }
  return point;
}

void Coordinates::write(const std::vector<double>& point, std::vector<double>& parameters) const {
  const double* from = point.data();
  for (const Event& event : events_) {
    write(event, from, parameters);
    from += dimensions(event);
  }
}

}  // namespace lvm::runtime
