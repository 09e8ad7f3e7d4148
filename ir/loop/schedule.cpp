#include "ir/loop/schedule.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/loop/batch.h"
#include "ir/loop/flat.h"
#include "ir/loop/rows.h"
#include "ir/loop/small.h"

namespace lvm::loop {

namespace {

ir::Slot& statistic(ir::Program& program, const std::string& name) {
  return *std::ranges::find(program.statistics, name, &ir::Slot::name);
}

}  // namespace

Unit schedule(ir::Program& program, const Target& target) {
  Unit unit;
  program.scratch_bytes = 0;
  auto add = [&](auto&& scheduled) {
    unit.functions.push_back(scheduled.run());
    program.scratch_bytes = std::max(program.scratch_bytes, scheduled.scratch_bytes());
  };
  for (const ir::Function& function : program.module.functions) {
    switch (function.time) {
      case ir::BindingTime::rows: {
        if (program.batched) {
          BatchSchedule scheduled(program, function);
          for (Function& kernel : scheduled.run()) unit.functions.push_back(std::move(kernel));
          unit.staged[function.name] = scheduled.stages;
          break;
        }
        RowsSchedule scheduled(program, function, target);
        add(scheduled);
        if (function.name == "rows" && program.module.find(ir::origin_rows_function))
          unit.functions.back().use = Use::spare;
        for (auto& [name, axes] : scheduled.symmetric()) statistic(program, name).symmetric = axes;
        break;
      }
      case ir::BindingTime::prepare:
      case ir::BindingTime::update: {
        FlatSchedule flat(program, function);
        if (!program.batched || !flat.applies()) {
          add(SmallSchedule(program, function));
          break;
        }
        for (Function& kernel : flat.run()) unit.functions.push_back(std::move(kernel));
        unit.staged[function.name] = flat.stages;
        break;
      }
      case ir::BindingTime::once:
        throw ir::InternalError(fmt::format("schedule: function \"{}\": binding time {}", function.name,
                                            ir::name(function.time)));
      case ir::BindingTime::plain: break;  // expanded where it is called
    }
  }
  for (const Function& made : unit.functions) {
    auto faults = verify(made);
    if (!faults.empty()) throw ir::InternalError("loop: " + faults.front() + "\n" + print(made));
  }
  return unit;
}

}  // namespace lvm::loop
