#pragma once
// Parameters in order: ordered[K].

#include "backends/em/solvers.h"

namespace lvm::em {

/// The ascending values m_k that minimise  sum of weight_k (value_k - m_k)^2  along an axis. They also
/// maximise sum of weight_k (value_k v_k - psi(v_k)) over ascending v_k = link(m_k) where value_k = psi'(v_k)
/// is the mean of an exponential family (Robertson, Wright & Dykstra 1988, theorem 1.5.2). By the formula of
/// minima and maxima,
///
///   m_k = max over i <= k of min over j >= k of (sum of weight value) / (sum of weight) from i to j,
///
/// which ascends whatever the rounding is.
NodeId isotonic(Builder& builder, NodeId value, NodeId weight, AxisId axis);

/// v_k = link(isotonic mean) of a slot that the family has a LinkForm for.
void solve_isotonic(UpdateContext& context, const ir::Block& block);

}  // namespace lvm::em
