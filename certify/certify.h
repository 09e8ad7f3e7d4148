#pragma once
// certify: is what was compiled true?  Purpose: check the posterior and the updates of a Program on rows of a
// table against ln P(y, z | theta) as the model is written (`joint.h`), which shares nothing with the
// lowering.
//
//   E-step   ln P(y, z) - ln q(z | y) is the same number for every z, and that number is the row's part of
//   the
//            objective.
//   M-step   from theta the compiled step leads to theta'. No coordinate of theta' that has a closed form can
//            be moved to a greater
//              Q(v) = sum over rows and z of w q(z | y, theta) ln P(y, z | v) + ln P(v):
//            the parabola through Q promises less than 10^-11 nats a row. A closed form that is exact given
//            the old spread is judged there.
//   Newton   one step is not at the top: Q does not fall along it (halved as a fit would halve it), and where
//   a
//            fit of these rows ends, the objective itself is level (a fit may end on a saddle).
//
// A parabola's promise, g^2 / (2 |h|), depends neither on the units of the data nor on the coordinates.

#include <string>
#include <vector>

#include "ir/passes/plan.h"
#include "ir/program/program.h"
#include "runtime/bind.h"

namespace lvm::certificate {

/// What is on trial: all of it made from one model.
struct Subject {
  const ir::Model& model;  // with all sizes
  const ir::Plan& plan;
  const ir::Program& program;
  const ir::Executable& functions;
  const runtime::BoundData& data;  // some hundred rows
};

struct Options {
  uint64_t seed = 1;
  int64_t posterior_rows = 16;  // E-step, spread over the table
  size_t moves = 24;            // of each parameter
};

enum class Verdict : uint8_t { certified, failed, open };
std::string_view name(Verdict verdict);

/// What stands for the latents of a model that has none.
inline constexpr const char* of_rows = "rows";

/// What was found of one latent or one parameter.
struct Certificate {
  std::string block = {};
  bool latent = false;
  ir::Solver solver = ir::Solver::held;
  Verdict verdict = Verdict::certified;
  std::string claim = {};  // "ln P(y, z) - ln q(z) is constant in z"
  double found = 0;        // the largest deviation or gain
  double allowed = 0;
  int64_t checked = 0, all = 0;  // rows, or coordinates
  std::string place = {};        // of what failed: "row 3, state 2"
};

struct Result {
  std::vector<Certificate> certificates;
  /// Why there are none: the start or the step on these rows failed. Others may do.
  std::string failure;
};

Result certify(const Subject& subject, const Options& options);

}  // namespace lvm::certificate
