#include "ir/tensor/convolution.h"

#include <algorithm>

namespace lvm::ir {

Convolution convolution_of(const Attributes& attributes) {
  const auto& a = attributes.axes;
  const auto& n = attributes.integers;
  if (a.size() != 8 || n.size() != 3) throw InternalError("a convolution has eight axes and three integers");
  return {{a[0], a[1], a[2]}, {a[3], a[4], a[5]}, a[6], a[7], n[0], n[1], n[2]};
}

Attributes attributes_of(const Convolution& c) {
  return {.axes = {c.in.channels, c.in.rows, c.in.columns, c.out.channels, c.out.rows, c.out.columns,
                   c.kernel_rows, c.kernel_columns},
          .integers = {c.stride, c.top, c.left}};
}

Convolution reversed(const Convolution& convolution) {
  Convolution back = convolution;
  std::swap(back.in, back.out);
  return back;
}

ReshapeAxes reshape_axes(const Attributes& attributes) {
  const auto& axes = attributes.axes;
  if (attributes.integers.size() != 1 || attributes.integers[0] < 0 ||
      attributes.integers[0] > static_cast<int64_t>(axes.size()))
    throw InternalError("a reshape says how many of its axes it takes away");
  const auto middle = axes.begin() + attributes.integers[0];
  return {{axes.begin(), middle}, {middle, axes.end()}};
}

Attributes reshape_attributes(std::vector<AxisId> from, const std::vector<AxisId>& to) {
  const auto count = static_cast<int64_t>(from.size());
  from.insert(from.end(), to.begin(), to.end());
  return {.axes = std::move(from), .integers = {count}};
}

bool keeps_memory_order(const Type& from, const Node& reshape) {
  const ReshapeAxes axes = reshape_axes(reshape.attributes);
  // The place of a run of axes among sorted ones; none where it is not one.
  const auto place = [](const std::vector<AxisId>& all, const std::vector<AxisId>& run) {
    return std::search(all.begin(), all.end(), run.begin(), run.end()) - all.begin();
  };
  const auto before = place(from.axes, axes.from), after = place(reshape.type.axes, axes.to);
  const bool runs = before + static_cast<std::ptrdiff_t>(axes.from.size()) <=
                        static_cast<std::ptrdiff_t>(from.axes.size()) &&
                    after + static_cast<std::ptrdiff_t>(axes.to.size()) <=
                        static_cast<std::ptrdiff_t>(reshape.type.axes.size());
  return runs && (before == after || axes.from.empty() || axes.to.empty());
}

}  // namespace lvm::ir
