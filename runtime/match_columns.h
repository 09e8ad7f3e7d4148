#pragma once
// match_columns: which columns of a table are which variable of a model (language, "Binding"). Looks at names
// and at whether the cells fit the type; counts and cells are checked by `bind`.

#include <map>
#include <string>
#include <vector>

#include "frontend/diagnostics/diagnostic.h"
#include "ir/model/model.h"
#include "runtime/table.h"

namespace lvm::runtime {

struct Match {
  int variable = 0;          // index into Model::variables
  std::vector<int> columns;  // indices into Table::columns, row-major over the declared axes
};

/// One match a data, given and weight variable, in the model's order. What could not be matched is reported
/// and left out.
std::vector<Match> match_columns(const ir::Model& model, const Table& table,
                                 const std::map<std::string, std::vector<std::string>>& by_hand,
                                 Diagnostics& diagnostics);

/// `*` is any text and `?` any one byte.
bool glob_matches(std::string_view pattern, std::string_view name);

}  // namespace lvm::runtime
