#pragma once
// Which elements of a node are needed at all: a choice between two values leaves the other one unread.
//   %3 = contract …;  %4 = select %observed, %unit, %3      %3 is needed only where %observed is false

#include <utility>
#include <vector>

#include "ir/loop/layout.h"

namespace lvm::loop {

/// The flag `leaf`, read at the positions of an element, is `holds`.
struct Condition {
  NodeId leaf = -1;
  std::vector<std::pair<AxisId, AxisId>> axes;  // of the leaf; of the element
  bool holds = true;
  auto operator<=>(const Condition&) const = default;
};

/// All of them hold. None: every element may be needed.
using Conditions = std::vector<Condition>;

/// By NodeId, for nodes that `live_nodes` names. What does not meet the conditions is never chosen, but it
/// may be read.
std::vector<Conditions> demands(const ir::Function& function);

}  // namespace lvm::loop
