// libFuzzer: any bytes are a fit's file or refused with a reason; what is read is written back to what reads
// the same.
#include <cstdio>
#include <cstdlib>

#include "api/fit_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string fault;
  const auto content = lvm::fit_file::read({reinterpret_cast<const char*>(data), size}, fault);
  if (content.has_value() != fault.empty()) abort();
  if (!content) return 0;
  const auto bytes = lvm::fit_file::write(*content, fault);
  if (bytes && !lvm::fit_file::read(*bytes, fault)) abort();
  return 0;
}
