#pragma once
// group_rows: Model -> Model whose rows are the groups of its plate.  Purpose: a latent per plate is then a
// latent per row, and everything that is right for rows is right for groups.  Before: one plate, all latents
// are `per` it; sizes are known. After: data and given variables of rows have one axis more, the rows of a
// group; groups with fewer rows have absent cells there.
//
//   data y: real   latent b: real[J] per subject      ->      data y: real[subject.row] missing   latent b:
//   real[J]

#include "ir/model/model.h"

namespace lvm::ir {

/// `longest`: rows of the largest group; `ragged`: some group has fewer.
Model group_rows(const Model& model, int64_t longest, bool ragged);

/// The variable has a value for each row of a group, not one for the group.
bool varies_in_groups(const Variable& variable);

}  // namespace lvm::ir
