#pragma once
// The bytes of a file: mapped where it is a regular file, read where it is a pipe or the standard input
// ("-").

#include <string>
#include <string_view>

#include "runtime/byte_buffer.h"

namespace lvm::runtime {

class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return bytes_; }
  /// Empty, or why the file could not be read.
  const std::string& error() const { return error_; }
  /// The bytes are pages of the file, which may be let go.
  bool mapped() const { return mapping_ != nullptr; }

 private:
  void load(int descriptor);
  void read_all(int descriptor);

  std::string_view bytes_;
  ByteBuffer buffer_;
  std::string error_;
  void* mapping_ = nullptr;
  size_t mapped_ = 0;
};

/// Lets the whole pages within `part` of a mapped file go: what has been read counts no longer among the
/// memory of the process. They come back when they are read again.
void let_go(std::string_view part);

}  // namespace lvm::runtime
