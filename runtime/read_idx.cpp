#include <fmt/format.h>

#include "runtime/array_file.h"

namespace lvm::runtime {
namespace {

std::optional<Array> element_of(uint8_t type) {
  using Kind = Array::Kind;
  switch (type) {
    case 0x08: return Array{Kind::unsigned_integer, 1, true};
    case 0x09: return Array{Kind::signed_integer, 1, true};
    case 0x0B: return Array{Kind::signed_integer, 2, true};
    case 0x0C: return Array{Kind::signed_integer, 4, true};
    case 0x0D: return Array{Kind::real, 4, true};
    case 0x0E: return Array{Kind::real, 8, true};
    default: return std::nullopt;
  }
}

}  // namespace

std::variant<Array, ArrayFault> read_idx(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  if (bytes.size() < 4) return ArrayFault{Code::array_damaged, "the file ends inside its header"};
  if (byte(0) != 0 || byte(1) != 0) {
    return ArrayFault{
        Code::array_damaged,
        fmt::format("an IDX file begins with two zero bytes, and this one with 0x{:02X} 0x{:02X}", byte(0),
                    byte(1))};
  }
  std::optional<Array> array = element_of(byte(2));
  if (!array)
    return ArrayFault{Code::array_damaged, fmt::format("0x{:02X} is no type of an IDX file", byte(2))};
  const size_t count = byte(3);
  const size_t header = 4 + 4 * count;
  if (count == 0) return ArrayFault{Code::array_unsupported, "the array has no dimensions"};
  if (bytes.size() < header) return ArrayFault{Code::array_damaged, "the file ends inside its header"};
  std::vector<int64_t> dimensions;
  for (size_t at = 4; at < header; at += 4) {
    dimensions.push_back(int64_t{byte(at)} << 24 | int64_t{byte(at + 1)} << 16 | int64_t{byte(at + 2)} << 8 |
                         byte(at + 3));
  }
  if (auto fault = set_shape(*array, dimensions, bytes.substr(header))) return *fault;
  return *array;
}

}  // namespace lvm::runtime
