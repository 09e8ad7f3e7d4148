#pragma once
// The exact posterior of a continuous latent of a row, at level step: its nodes (ir/passes/nodes.h), the
// evidence that it leaves, and its moments.

#include "backends/em/emission.h"

namespace lvm::em {

struct ContinuousPosterior {
  NodeId log_evidence;    // ln P(what the row has, finite latents): [row, states…]
  NodeId nodes;           // as node_type
  NodeId mean, variance;  // of each element: [row, states…, event]
};

/// `members`: all factors that hold the latent.
ContinuousPosterior conditioned(Builder& b, const Setting& setting, const std::vector<Emission>& members,
                                const ir::NodeLatent& latent);
ContinuousPosterior conjugate(Builder& b, const Setting& setting, const std::vector<Emission>& members,
                              const ir::NodeLatent& latent);

/// Nodes about the values in the data column that the run time writes before a start (Program::start_values);
/// near them where they are `good` ones.
struct StartNodes {
  std::string slot;
  bool good = false;
  int64_t steps = 0;  // of a chain: how many before the row
};
NodeId start_nodes(Builder& b, const Setting& setting, const ir::NodeLatent& latent, const StartNodes& start);

}  // namespace lvm::em
