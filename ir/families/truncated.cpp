// Truncated(D, low, high):  ln p = ln D(y) - ln(D's mass between the bounds) within them, -inf outside.
// Only for the D whose mass is known with all its digits in both tails: `log_mass` has one rule a family.

#include "ir/families/log_mass.h"
#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

struct Which {
  bool low, high;
};

struct Split {
  Slots inner;
  Bounds bounds;
};

/// The slots of D stand first, then the bounds that are given.
Split split(const Slots& slots, Which which) {
  const size_t count = slots.size() - (which.low ? 1 : 0) - (which.high ? 1 : 0);
  const auto end = slots.begin() + static_cast<std::ptrdiff_t>(count);
  Bounds bounds;
  if (which.low) bounds.low = slots.at(count);
  if (which.high) bounds.high = slots.back();
  return {Slots({slots.begin(), end}, slots.event), bounds};
}

NodeId density(const Family& inner, const LogMass& log_mass, Builder& b, NodeId value, const Slots& slots,
               Which which) {
  const Split s = split(slots, which);
  NodeId result = b.sub(inner.log_density(b, value, s.inner), log_mass(b, s.inner, s.bounds));
  const NodeId never = b.constant(-__builtin_inf());
  if (which.low) result = b.select(b.binary(Op::less, value, s.bounds.low), never, result);
  if (which.high) result = b.select(b.binary(Op::less, s.bounds.high, value), never, result);
  return result;
}

/// As if nothing were cut off.
std::vector<NodeId> start(const Family& inner, Builder& b, NodeId mean, NodeId variance, const Slots& slots,
                          Which which) {
  std::vector<NodeId> all = inner.start.slots(b, mean, variance, split(slots, which).inner);
  all.resize(slots.size(), no_node);
  return all;
}

Family wrap(const Family& inner, const LogMass& log_mass, Which which) {
  const std::string text = "Truncated.D(" + std::string(inner.parameterisation) + ")" +
                           (which.low ? ".low" : "") + (which.high ? ".high" : "");
  Family wrapped;
  wrapped.parameterisation = kept(text);
  wrapped.log_density = [=](Builder& b, NodeId value, const Slots& slots) {
    return density(inner, log_mass, b, value, slots, which);
  };
  if (inner.start.slots) {
    wrapped.start.feature = inner.start.feature;
    wrapped.start.slots = [=](Builder& b, NodeId mean, NodeId variance, const Slots& slots) {
      return start(inner, b, mean, variance, slots, which);
    };
  }
  if (inner.narrowness)
    wrapped.narrowness = [=](Builder& b, const Slots& slots) {
      return inner.narrowness(b, split(slots, which).inner);
    };
  return wrapped;
}

}  // namespace

std::vector<Family> truncated_families(const std::vector<Family>& plain) {
  std::vector<Family> list;
  for (const Family& inner : plain) {
    const LogMass log_mass = find_log_mass(inner.parameterisation);
    if (!log_mass) continue;
    for (const Which which : {Which{true, true}, Which{true, false}, Which{false, true}})
      list.push_back(wrap(inner, log_mass, which));
  }
  return list;
}

}  // namespace lvm::ir
