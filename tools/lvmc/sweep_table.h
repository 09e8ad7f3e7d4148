#pragma once
// The sweep of `--set K=1..9` as a table.

#include <string>

#include "api/lvm.h"

namespace lvmc {

std::string sweep_table(const lvm::Sweep& sweep);

/// "1..9" and "2,3,5" are several values; none for a single one. `fault` says what is wrong with a range.
std::vector<std::string> swept_values(const std::string& text, std::string& fault);

}  // namespace lvmc
