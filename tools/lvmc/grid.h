#pragma once
// Parameters as small aligned tables.

#include <string>

#include "api/lvm.h"

namespace lvmc {

/// `full`: every cell; else what a reader can take in, and a note of what was left out.
std::string parameter_table(const lvm::Parameter& parameter, bool full);

/// The standard errors in the same shape; "–" where a value has none.
std::string error_table(const lvm::Parameter& parameter, bool full);

/// All numbers with the same decimals: enough for five significant digits of the largest and, up to five
/// decimals, four of the smallest. Where the smallest would keep less than two, each has four significant
/// digits.
std::vector<std::string> aligned_numbers(const std::vector<double>& values);

/// Width on the terminal, for labels of ASCII and other single-width letters.
size_t display_width(const std::string& text);

}  // namespace lvmc
