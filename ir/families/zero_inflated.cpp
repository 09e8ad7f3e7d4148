// ZeroInflated(p, D) for the D of counts:  p(0) = p + (1 - p) D(0),  p(y) = (1 - p) D(y) for y > 0.
// The density of D at the value itself serves both.

#include "ir/families/members.h"
#include "ir/families/terms.h"

namespace lvm::ir {
namespace {

/// ln(e^x + e^y), where at most one of them is -inf.
NodeId log_sum(Builder& b, NodeId x, NodeId y) {
  const NodeId most = b.binary(Op::maximum, x, y), least = b.binary(Op::minimum, x, y);
  return b.add(most, b.unary(Op::log1p, b.unary(Op::exp, b.sub(least, most))));
}

NodeId density(const Family& inner, Builder& b, NodeId value, const Slots& slots) {
  const NodeId p = slots.at(0);
  const NodeId drawn = inner.log_density(b, value, Slots({slots.begin() + 1, slots.end()}, slots.event));
  const NodeId counted = b.add(b.unary(Op::log1p, negative(b, p)), drawn);
  const NodeId zero = b.binary(Op::equal, value, b.constant(0));
  return b.select(zero, log_sum(b, log_of(b, p), counted), counted);
}

constexpr double first_share = 0.25;  // of the zeros beyond those of D

std::vector<NodeId> start(const Family& inner, Builder& b, NodeId mean, NodeId variance, const Slots& slots) {
  const Slots own({slots.begin() + 1, slots.end()}, slots.event);
  std::vector<NodeId> all =
      inner.start.slots(b, b.mul(b.constant(1 / (1 - first_share)), mean), variance, own);
  all.insert(all.begin(), b.constant(first_share));
  return all;
}

}  // namespace

std::vector<Family> zero_inflated_families(const std::vector<Family>& plain) {
  std::vector<Family> list;
  for (const Family& inner : plain) {
    const std::string_view name = inner.parameterisation.substr(0, inner.parameterisation.find('.'));
    if (name != "Poisson" && name != "NegativeBinomial" && name != "Geometric" && name != "Binomial")
      continue;
    Family wrapped;
    wrapped.parameterisation = kept("ZeroInflated.p.D(" + std::string(inner.parameterisation) + ")");
    wrapped.log_density = [inner](Builder& b, NodeId value, const Slots& slots) {
      return density(inner, b, value, slots);
    };
    if (inner.start.slots) {
      wrapped.start.slots = [inner](Builder& b, NodeId mean, NodeId variance, const Slots& slots) {
        return start(inner, b, mean, variance, slots);
      };
    }
    list.push_back(std::move(wrapped));
  }
  return list;
}

}  // namespace lvm::ir
