#pragma once
// Models from text to a Program, and a Program walked by the interpreter over a small table.

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "backends/em/lower.h"
#include "backends/interpreter/interpret.h"
#include "frontend/analysis/analyse.h"
#include "frontend/parse/parse.h"
#include "ir/passes/build_elbo.h"
#include "ir/passes/push_expectations.h"

namespace lvm::test {

struct Compiled {
  ir::Model model;
  ir::Module elbo, canonical;
  ir::Plan plan;
  ir::Program program;
};

inline ir::Model analysed(const std::string& text, const std::map<std::string, int64_t>& sizes) {
  const SourceFile source("model.lvm", text);
  Diagnostics diagnostics;
  const auto tree = parse(source, diagnostics);
  ir::Model model;
  if (tree) model = analyse(*tree, {}, diagnostics);
  INFO(render_all(diagnostics, &source));
  REQUIRE_FALSE(diagnostics.has_errors());
  for (ir::Axis& axis : model.module.axes) {
    const std::string base = axis.name.back() == '\'' ? axis.name.substr(0, axis.name.size() - 1) : axis.name;
    if (sizes.count(base)) axis.size = sizes.at(base);
  }
  return model;
}

inline Compiled compiled(const std::string& text, const std::map<std::string, int64_t>& sizes) {
  Compiled c;
  c.model = analysed(text, sizes);
  c.elbo = ir::build_elbo(c.model);
  CHECK(ir::verify(c.elbo) == std::vector<std::string>{});
  Diagnostics diagnostics;
  c.plan = ir::plan(c.model, c.elbo, diagnostics);
  const SourceFile source("model.lvm", text);
  INFO(render_all(diagnostics, &source));
  REQUIRE_FALSE(diagnostics.has_errors());
  c.canonical = ir::push_expectations(c.model, c.elbo, c.plan);
  CHECK(ir::verify(c.canonical) == std::vector<std::string>{});
  c.program = em::lower_em(c.model, c.canonical, c.plan);
  return c;
}

/// Values by name, row-major over the slot's axes.
using Values = std::map<std::string, std::vector<double>>;

/// Runs the functions of a program on columns of at most one tile of rows.
class Walker {
 public:
  /// columns: in the order of Program::data, one vector a cell.
  Walker(const ir::Program& program, std::vector<std::vector<double>> columns)
      : program_(program),
        functions_(interpreter::interpret(program)),
        columns_(std::move(columns)),
        parameters_(static_cast<size_t>(program.parameter_doubles())),
        derived_(static_cast<size_t>(program.derived_doubles())) {
    for (const auto& column : columns_) pointers_.push_back(column.data());
    for (const ir::DataSlot& slot : program.data) set_variance(slot);
  }

  void set(const std::string& parameter, const std::vector<double>& values) {
    const ir::Slot& slot = find(program_.parameters, parameter);
    REQUIRE(static_cast<int64_t>(values.size()) == slot.size);
    std::copy(values.begin(), values.end(), parameters_.begin() + slot.offset);
  }
  std::vector<double> parameter(const std::string& name) const {
    return read(parameters_, find(program_.parameters, name));
  }
  std::vector<double> derived(const std::string& name) const {
    return read(derived_, find(program_.derived, name));
  }
  std::vector<double> statistic(const std::string& name) const {
    return read(statistics_, find(program_.statistics, name));
  }

  int32_t prepare() { return call("prepare", derived_.data()); }
  /// Returns the objective.
  double rows() {
    pass("rows");
    return statistic("objective").at(0);
  }
  /// The same by way of sums about one origin.
  double rows_about_origin() {
    pass(ir::origin_rows_function);
    std::vector<double> centred = statistics_;
    REQUIRE(call(ir::recentre_function, centred.data()) == 0);
    statistics_ = centred;
    return statistic("objective").at(0);
  }
  void start() { pass("start"); }
  int32_t update() {
    std::vector<double> next = parameters_;
    const int32_t code = call("update", next.data());
    parameters_ = next;
    return code;
  }
  /// The row outputs, [element][row].
  std::vector<double> posterior(const std::string& name) {
    std::vector<double> output(static_cast<size_t>(row_doubles()) * LVM_TILE_ROWS, NAN);
    REQUIRE(call("posterior", output.data()) == 0);
    const ir::Slot& slot = find(program_.row_outputs, name);
    std::vector<double> values;
    for (int64_t e = 0; e < slot.size; ++e) {
      for (size_t r = 0; r < rows_count(); ++r)
        values.push_back(output[static_cast<size_t>(slot.offset + e) * LVM_TILE_ROWS + r]);
    }
    return values;
  }
  size_t rows_count() const { return columns_.front().size(); }
  const std::vector<double>& column(size_t i) const { return columns_.at(i); }

 private:
  template <class S>
  static const ir::Slot& find(const std::vector<S>& slots, const std::string& name) {
    for (const S& slot : slots) {
      if (slot.name == name) return slot;
    }
    FAIL("no slot " << name);
    throw 0;
  }
  static std::vector<double> read(const std::vector<double>& buffer, const ir::Slot& slot) {
    return {buffer.begin() + slot.offset, buffer.begin() + slot.offset + slot.size};
  }
  int64_t row_doubles() const {
    int64_t sum = 0;
    for (const ir::Slot& slot : program_.row_outputs) sum += slot.size;
    return sum;
  }

  void set_variance(const ir::DataSlot& data) {
    for (const ir::Slot& slot : program_.derived) {
      if (slot.name != data.name + ".variance") continue;
      for (int64_t e = 0; e < slot.size; ++e) {
        const auto& x = columns_.at(static_cast<size_t>(data.offset + e));
        double mean = 0, square = 0;
        for (const double value : x) mean += value / static_cast<double>(x.size());
        for (const double value : x)
          square += (value - mean) * (value - mean) / static_cast<double>(x.size());
        derived_[static_cast<size_t>(slot.offset + e)] = square;
      }
    }
  }

  int32_t call(const std::string& name, void* output) {
    lvm_frame frame{};
    frame.columns = pointers_.data();
    frame.parameters = parameters_.data();
    frame.derived = derived_.data();
    frame.statistics = statistics_.data();
    frame.output = output;
    frame.rows = static_cast<int32_t>(rows_count());
    return functions_.at(name)(&frame);
  }

  void pass(const std::string& name) {
    std::vector<double> lanes(static_cast<size_t>(program_.statistic_doubles()) * LVM_LANES, 0.0);
    statistics_.swap(lanes);
    const int32_t code = call(name, nullptr);
    REQUIRE(code == 0);
    std::vector<double> sums(static_cast<size_t>(program_.statistic_doubles()), 0.0);
    for (size_t i = 0; i < sums.size(); ++i) {
      for (size_t lane = 0; lane < LVM_LANES; ++lane) sums[i] += statistics_[i * LVM_LANES + lane];
    }
    ir::complete_symmetric(program_, sums.data());
    statistics_ = std::move(sums);
  }

  const ir::Program& program_;
  ir::Executable functions_;
  std::vector<std::vector<double>> columns_;
  std::vector<const void*> pointers_;
  std::vector<double> parameters_, derived_, statistics_;
};

}  // namespace lvm::test
