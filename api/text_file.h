#pragma once

#include <optional>
#include <string>

#include "frontend/diagnostics/diagnostic.h"

namespace lvm {

/// The text of a file, or of the standard input for "-", up to `most_bytes`; where it cannot be read, why, in
/// `diagnostics`.
std::optional<std::string> read_text_file(const std::string& path, size_t most_bytes,
                                          Diagnostics& diagnostics);

}  // namespace lvm
