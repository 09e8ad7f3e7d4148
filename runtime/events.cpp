#include "runtime/events.h"

namespace lvm::runtime {
namespace {

std::vector<ir::AxisId> event_axes(const ir::ParameterSlot& slot, const ir::Module& module) {
  if (!slot.event.empty()) return slot.event;
  if (!is_matrix(slot.domain)) return {slot.axes.back()};
  // The twin of an axis may have any higher id.
  for (const ir::AxisId axis : slot.axes) {
    const auto twin = module.find_axis(module.axis(axis).name + "'");
    if (twin && std::find(slot.axes.begin(), slot.axes.end(), *twin) != slot.axes.end()) return {axis, *twin};
  }
  throw ir::InternalError("parameter `" + slot.name + "` is a matrix without an axis and its twin");
}

Stride stride_of(const ir::ParameterSlot& slot, ir::AxisId axis, const ir::Module& module) {
  Stride out;
  bool behind = false;
  for (const ir::AxisId a : slot.axes) {
    if (behind) out.step *= module.axis(a).size;
    if (a == axis) {
      behind = true;
      out.size = module.axis(a).size;
    }
  }
  return out;
}

}  // namespace

bool is_matrix(ir::Domain domain) {
  return domain == ir::Domain::covariance || domain == ir::Domain::correlation;
}

std::vector<Stride> event_strides(const ir::ParameterSlot& slot, const ir::Module& module) {
  std::vector<Stride> out;
  for (const ir::AxisId axis : event_axes(slot, module)) out.push_back(stride_of(slot, axis, module));
  return out;
}

}  // namespace lvm::runtime
