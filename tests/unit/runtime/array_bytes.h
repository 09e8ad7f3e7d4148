#pragma once
// Files of bytes for tests: NumPy arrays, IDX arrays, gzip.

#include <fmt/format.h>
#include <zlib.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace lvm::runtime::test {

/// A .npy of version 1 with any header; NumPy pads it with blanks to 64 bytes, which readers do not ask for.
inline std::string npy(const std::string& header, const std::string& cells, char version = 1) {
  std::string to = "\x93NUMPY";
  to += version;
  to += '\0';
  const size_t length = header.size() + 1;
  to += static_cast<char>(length & 0xFF);
  to += static_cast<char>(length >> 8 & 0xFF);
  if (version > 1) to += std::string(2, '\0');
  return to + header + "\n" + cells;
}

inline std::string npy(const std::string& descr, bool fortran, const std::string& shape,
                       const std::string& cells) {
  return npy(fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}", descr,
                         fortran ? "True" : "False", shape),
             cells);
}

inline std::string idx(char type, const std::vector<uint32_t>& dimensions, const std::string& cells) {
  std::string to = {'\0', '\0', type, static_cast<char>(dimensions.size())};
  for (const uint32_t n : dimensions) {
    for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(n >> shift & 0xFF);
  }
  return to + cells;
}

/// The bytes of values, the other way round where `big`.
template <typename T>
std::string cells(const std::vector<T>& values, bool big = false) {
  std::string to;
  for (const T value : values) {
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    to += big ? std::string(bytes.rbegin(), bytes.rend()) : bytes;
  }
  return to;
}

inline std::string gzip(const std::string& text) {
  z_stream stream = {};
  if (deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("zlib");
  std::string to(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(to.data());
  stream.avail_out = static_cast<uInt>(to.size());
  const int status = deflate(&stream, Z_FINISH);
  to.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("zlib");
  return to;
}

}  // namespace lvm::runtime::test
