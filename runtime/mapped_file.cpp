#include "runtime/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace lvm::runtime {
namespace {

std::string system_message() {
  return std::generic_category().message(errno);
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  if (path == "-") {
    read_all(STDIN_FILENO);
    return;
  }
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    error_ = system_message();
    return;
  }
  load(descriptor);
  ::close(descriptor);
}

void MappedFile::load(int descriptor) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) {
    error_ = system_message();
    return;
  }
  if (!S_ISREG(status.st_mode)) return read_all(descriptor);
  if (status.st_size == 0) return;
  mapped_ = static_cast<size_t>(status.st_size);
  void* memory = ::mmap(nullptr, mapped_, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (memory == MAP_FAILED) return read_all(descriptor);
  mapping_ = memory;
  ::madvise(memory, mapped_, MADV_SEQUENTIAL);
  bytes_ = {static_cast<const char*>(memory), mapped_};
}

void MappedFile::read_all(int descriptor) {
  for (;;) {
    if (buffer_.room() == 0) buffer_.grow();
    const ssize_t count = ::read(descriptor, buffer_.end(), buffer_.room());
    if (count == 0) break;
    if (count < 0) {
      error_ = system_message();
      return;
    }
    buffer_.written(static_cast<size_t>(count));
  }
  bytes_ = buffer_.bytes();
}

void let_go(std::string_view part) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(part.data()) + page - 1) / page * page;
  const auto end = (reinterpret_cast<uintptr_t>(part.data()) + part.size()) / page * page;
  if (begin < end)
    (void)::madvise(reinterpret_cast<void*>(begin), end - begin,
                    MADV_DONTNEED);  // a wish: nothing depends on it
}

MappedFile::~MappedFile() {
  if (mapping_) ::munmap(mapping_, mapped_);
}

}  // namespace lvm::runtime
