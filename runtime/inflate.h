#pragma once
// inflate: the bytes of a gzip file. The only user of zlib.

#include <string>
#include <string_view>

#include "runtime/byte_buffer.h"

namespace lvm::runtime {

bool is_gzip(std::string_view bytes);

/// Appends what all members of a gzip file hold; zeros behind them are padding. Returns what is wrong with
/// the file, or nothing.
std::string inflate(std::string_view bytes, ByteBuffer& to);

}  // namespace lvm::runtime
