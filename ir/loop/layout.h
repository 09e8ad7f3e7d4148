#pragma once
// Where the values of nodes lie: strides by axis, and room in scratch.

#include <utility>
#include <vector>

#include "ir/loop/builder.h"
#include "ir/program/program.h"

namespace lvm::loop {

using ir::AxisId;
using ir::NodeId;

inline constexpr AxisId row_axis = 0;

/// A position along an axis: `value` (none: 0) + `constant`.
struct Index {
  Value value = no_value;
  int64_t constant = 0;
  bool operator==(const Index&) const = default;
};

/// The position along each axis of the module, by AxisId. The row axis is not among them.
using Binding = std::vector<Index>;

using Strides = std::vector<std::pair<AxisId, int64_t>>;

/// The doubles of a node: one for each position of its axes.
struct Storage {
  enum class Form : uint8_t {
    scalar,  // one double an element
    vector,  // eight doubles an element: of the rows that are at work
    tile,    // rows of the tile behind each element: the row at work is added
    column,  // the element numbers a column of the frame
  };
  Form form = Form::scalar;
  Buffer buffer = Buffer::scratch;
  int64_t offset = 0;
  Strides strides;
};

int64_t size_of(const ir::Module& module, AxisId axis);
/// Row-major over `axes` in their order, the row axis left out; the last one has stride `unit`.
Strides row_major(const ir::Module& module, const std::vector<AxisId>& axes, int64_t unit = 1);
int64_t elements(const ir::Module& module, const std::vector<AxisId>& axes);

/// Room in scratch, in doubles, at multiples of 64 bytes.
class Arena {
 public:
  int64_t take(int64_t doubles) {
    int64_t at = used_;
    used_ += (doubles + 7) / 8 * 8;
    return at;
  }
  int64_t bytes() const { return used_ * 8; }

 private:
  int64_t used_ = 0;
};

/// Position as an index value; sums of products of constants are folded.
Value index_value(Builder& b, Index index);
/// offset + sum of stride * position over the strides.
Index linear(Builder& b, const Strides& strides, const Binding& binding, int64_t offset);

/// The slot of a leaf or output. Throws ir::InternalError if the Program has none of this name.
template <class S>
const S& find_slot(const std::vector<S>& slots, std::string_view name) {
  for (const S& slot : slots) {
    if (slot.name == name) return slot;
  }
  throw ir::InternalError("schedule: the program has no slot \"" + std::string(name) + "\"");
}

/// Nodes that outputs need, inputs included.
std::vector<char> live_nodes(const ir::Function& function);

}  // namespace lvm::loop
