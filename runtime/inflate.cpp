#include "runtime/inflate.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace lvm::runtime {
namespace {

struct End {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

bool is_padding(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

}  // namespace

bool is_gzip(std::string_view bytes) {
  return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

std::string inflate(std::string_view bytes, ByteBuffer& to) {
  z_stream stream = {};
  constexpr int gzip_alone = 16 + MAX_WBITS;
  if (inflateInit2(&stream, gzip_alone) != Z_OK) return "zlib cannot start";
  const std::unique_ptr<z_stream, End> closing(&stream);
  for (size_t used = 0;;) {
    if (to.room() == 0) to.grow();
    constexpr size_t most = std::numeric_limits<uInt>::max();
    const size_t in = std::min(most, bytes.size() - used), out = std::min(most, to.room());
    // zlib's interface is older than const.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + used));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(to.end());
    stream.avail_out = static_cast<uInt>(out);
    const int status = ::inflate(&stream, Z_NO_FLUSH);
    used += in - stream.avail_in;
    to.written(out - stream.avail_out);
    if (status == Z_STREAM_END) {
      const std::string_view rest = bytes.substr(used);
      if (is_padding(rest)) return "";
      if (!is_gzip(rest)) return fmt::format("{} bytes that are not gzip follow its end", rest.size());
      inflateReset(&stream);
    } else if (status == Z_OK || status == Z_BUF_ERROR) {
      // Whatever is left of the output's room, zlib would have used it.
      if (used == bytes.size() && stream.avail_out > 0) return "it ends too early: a part of it is missing";
    } else {
      return stream.msg != nullptr ? stream.msg : "it is damaged";
    }
  }
}

}  // namespace lvm::runtime
