#pragma once
// analyse: syntax tree -> Model. Resolves names, types, axes, roles and the rules of P and q; reports every
// fault of the file in one run.

#include <map>
#include <string>

#include "frontend/ast/ast.h"
#include "frontend/diagnostics/diagnostic.h"
#include "ir/model/model.h"

namespace lvm {

/// `--set name=value`: axis sizes, constants, fit settings (also as "fit.beta").
using Settings = std::map<std::string, std::string>;

/// The Model, complete only when `diagnostics` gained no error. Axes sized by data keep `ir::unknown_size`.
ir::Model analyse(const ast::ModelFile& file, const Settings& settings, Diagnostics& diagnostics);

}  // namespace lvm
