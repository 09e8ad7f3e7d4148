#include "api/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace lvm {

std::string write_whole_file(const std::string& path, std::string_view bytes) {
  const std::string temporary = fmt::format("{}.{}", path, ::getpid());
  const auto failed = [&](const char* what) {
    std::string why = fmt::format("cannot {} `{}`: {}", what, path, std::strerror(errno));
    (void)::unlink(temporary.c_str());
    return why;
  };
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return failed("write");
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = ::write(file, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      (void)::close(file);
      return failed("write");
    }
    done += static_cast<size_t>(written);
  }
  // On the disk before it takes the other's place.
  const bool kept = ::fsync(file) == 0;
  if (::close(file) != 0 || !kept || std::rename(temporary.c_str(), path.c_str()) != 0)
    return failed("write");
  return "";
}

}  // namespace lvm
