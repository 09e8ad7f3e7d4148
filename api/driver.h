#pragma once
// The way of the data through the compiler, in two straight lists: what needs the text alone, and what needs
// the table too.

#include <memory>
#include <optional>
#include <string>

#include "backends/llvm/jit.h"
#include "frontend/analysis/analyse.h"
#include "frontend/ast/ast.h"
#include "ir/passes/plan.h"
#include "runtime/bind.h"
#include "runtime/groups.h"
#include "runtime/series.h"

namespace lvm::driver {

/// What the text gives. A member stands when the stages up to it found no error.
struct Compiled {
  std::shared_ptr<const SourceFile> source;
  Settings settings;
  Diagnostics diagnostics;
  std::optional<ast::ModelFile> syntax;
  std::optional<ir::Model> model;  // as it is written
  std::optional<ir::Model> steps;  // of a model with a sequence: its rows are steps
  std::optional<ir::Module> elbo;
  std::optional<ir::Plan> plan;
  std::optional<ir::Module> canonical;
  double seconds = 0;
  const ir::Model& planned() const { return steps ? *steps : *model; }
};
Compiled compile(std::string name, std::string text, const Settings& settings);

/// What the text and the table give: the same stages with all sizes known, and the Program.
struct Lowered {
  Diagnostics diagnostics;
  std::optional<runtime::BoundData> data;
  std::optional<ir::Model> model;
  std::optional<ir::Module> elbo;
  std::optional<ir::Plan> plan;
  std::optional<ir::Module> canonical;
  std::optional<ir::Program> program;
  double bind_seconds = 0;
  double seconds = 0;  // of the stages behind it
};
Lowered lower(const Compiled& compiled, const runtime::Table& table, const runtime::BindOptions& options);
/// The same, and uses the table up.
Lowered lower(const Compiled& compiled, runtime::Table&& table, const runtime::BindOptions& options);

/// The stages behind binding, of `to.model`, whose axes have their sizes.
void lower_sized(Lowered& to);

/// Of the gradient route, for certificates: the same Program in double precision, of which a step adds the
/// gradient.
ir::Program plain_gradient(const Lowered& lowered);

/// Of a lowered model that draws its latents: `bound` is ln P(y, z) - ln q(z | y) of one draw of z. None, and
/// `diagnostics` say why, where the model allows no such thing.
std::optional<ir::Program> importance_program(const Lowered& lowered, Diagnostics& diagnostics);

/// The text of `lvmc explain`; `program` is null where no table is bound.
std::string explain(const ir::Model& model, const ir::Module& elbo, const ir::Plan& plan,
                    const ir::Program* program);

/// The Program as Loop code for the machine under us. `program` is a copy: scheduling notes the scratch
/// memory in it.
struct Scheduled {
  ir::Program program;
  loop::Unit unit;
};
Scheduled schedule(const ir::Program& program);

}  // namespace lvm::driver
