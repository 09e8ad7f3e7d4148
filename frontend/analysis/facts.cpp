#include <cmath>

#include "frontend/analysis/value.h"

namespace lvm::analysis {

using ir::Element;

Facts facts_of(Element element) {
  switch (element) {
    case Element::real: return {};
    case Element::positive: return {.nonnegative = true, .positive = true};
    case Element::unit: return {.nonnegative = true, .at_most_one = true};
    case Element::boolean: return {.integer = true, .nonnegative = true, .at_most_one = true};
    case Element::count: return {.integer = true, .nonnegative = true};
    case Element::integer: return {.integer = true};
    case Element::category: return {};
  }
  return {};
}

Facts facts_of(double number) {
  return {.integer = std::floor(number) == number && std::isfinite(number),
          .nonnegative = number >= 0,
          .positive = number > 0,
          .at_most_one = number <= 1};
}

Facts add_facts(Facts a, Facts b) {
  return {.integer = a.integer && b.integer,
          .nonnegative = a.nonnegative && b.nonnegative,
          .positive = (a.positive && b.nonnegative) || (a.nonnegative && b.positive)};
}

Facts subtract_facts(Facts a, std::optional<double> left_number, Facts b) {
  return {.integer = a.integer && b.integer,
          .nonnegative = left_number && *left_number >= 1 && b.at_most_one,
          .positive = left_number && *left_number > 1 && b.at_most_one,
          .at_most_one = a.at_most_one && b.nonnegative};
}

Facts multiply_facts(Facts a, Facts b) {
  const bool nonnegative = a.nonnegative && b.nonnegative;
  return {.integer = a.integer && b.integer,
          .nonnegative = nonnegative,
          .positive = a.positive && b.positive,
          .at_most_one = nonnegative && a.at_most_one && b.at_most_one};
}

Facts divide_facts(Facts a, Facts b) {
  return {.nonnegative = a.nonnegative && b.positive, .positive = a.positive && b.positive};
}

Facts power_facts(Facts base, std::optional<double> exponent, Facts of_exponent) {
  const bool even = exponent && std::fmod(*exponent, 2.0) == 0;
  return {.integer = base.integer && of_exponent.integer && of_exponent.nonnegative,
          .nonnegative = base.nonnegative || even,
          .positive = base.positive,
          .at_most_one = base.nonnegative && base.at_most_one && of_exponent.nonnegative};
}

Facts common_facts(Facts a, Facts b) {
  return {.integer = a.integer && b.integer,
          .nonnegative = a.nonnegative && b.nonnegative,
          .positive = a.positive && b.positive,
          .at_most_one = a.at_most_one && b.at_most_one};
}

int event_axes(ir::Domain domain) {
  switch (domain) {
    case ir::Domain::real:
    case ir::Domain::positive:
    case ir::Domain::unit: return 0;
    case ir::Domain::simplex:
    case ir::Domain::ordered: return 1;
    case ir::Domain::covariance:
    case ir::Domain::correlation: return 2;
  }
  return 0;
}

}  // namespace lvm::analysis
