#include "api/fit_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>

#include "api/whole_file.h"

namespace lvm::fit_file {
namespace {

constexpr std::string_view format = "lvmfit 1";
constexpr size_t length_bytes = 8;
const std::string state_prefix = "state.";
constexpr size_t most_header = size_t{64} << 20;

template <class Word>
void put(std::string& to, Word word) {
  for (size_t byte = 0; byte < sizeof(Word); ++byte) to += static_cast<char>(word >> (8 * byte) & 0xFF);
}

template <class Word>
Word get(std::string_view from) {
  Word word = 0;
  for (size_t byte = 0; byte < sizeof(Word); ++byte)
    word |= static_cast<Word>(static_cast<unsigned char>(from[byte])) << (8 * byte);
  return word;
}

/// Four bytes a number where that loses nothing: networks are trained in single precision.
bool is_single(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) {
    return std::bit_cast<uint64_t>(static_cast<double>(static_cast<float>(value))) ==
           std::bit_cast<uint64_t>(value);
  });
}

/// Of all that stands in the file but itself.
std::string digest(const Header& header, std::string_view numbers) {
  Digest digest;
  for (const auto& [name, value] : header.metadata) {
    if (name == "digest") continue;
    digest.add(name);
    digest.add(value);
  }
  for (const Array& array : header.arrays) {
    digest.add(array.name);
    digest.add(array.dtype);
    for (const int64_t size : array.shape) digest.add(static_cast<uint64_t>(size));
    digest.add(array.begin);
    digest.add(array.end);
  }
  digest.add(numbers);
  return fmt::format("{:016x}", digest.value);
}

bool add_texts(Header& to, const std::string& prefix,
               const std::map<std::string, std::vector<std::string>>& lists) {
  for (const auto& [name, texts] : lists) {
    std::optional<std::string> json = texts_to_json(texts);
    if (!json) return false;
    to.metadata[prefix + name] = std::move(*json);
  }
  return true;
}

/// Sizes of an array that can be: their product times the bytes of a number is the length of its place.
bool has_its_size(const Array& array) {
  const uint64_t bytes = array.dtype == "F64" ? 8 : 4;
  uint64_t count = 1;
  for (const int64_t size : array.shape) {
    if (size < 0 ||
        (size > 0 && count > std::numeric_limits<uint64_t>::max() / bytes / static_cast<uint64_t>(size)))
      return false;
    count *= static_cast<uint64_t>(size);
  }
  return array.begin <= array.end && array.end - array.begin == count * bytes;
}

/// Empty, or what is wrong with the places: together they fill the numbers, each byte once.
std::string places_fault(std::vector<Array> arrays, size_t bytes) {
  std::ranges::sort(arrays, {}, [](const Array& array) { return std::pair(array.begin, array.end); });
  uint64_t end = 0;
  for (const Array& array : arrays) {
    if (array.dtype != "F64" && array.dtype != "F32")
      return fmt::format("`{}` has numbers of type `{}`, and only F64 and F32 are known", array.name,
                         array.dtype);
    if (!has_its_size(array)) return fmt::format("the place of `{}` is not as long as its shape", array.name);
    if (array.begin != end)
      return fmt::format("`{}` does not begin where the array before it ends", array.name);
    end = array.end;
  }
  return end == bytes ? "" : fmt::format("its arrays have {} bytes, and {} are there", end, bytes);
}

Values numbers_of(const Array& array, std::string_view bytes) {
  Values to{array.name, array.shape, {}};
  const bool wide = array.dtype == "F64";
  for (uint64_t at = array.begin; at < array.end; at += wide ? 8 : 4) {
    const std::string_view from = bytes.substr(at);
    to.values.push_back(wide ? std::bit_cast<double>(get<uint64_t>(from))
                             : static_cast<double>(std::bit_cast<float>(get<uint32_t>(from))));
  }
  return to;
}

/// "columns.y" -> "y" where the prefix is "columns.".
std::optional<std::string> behind(const std::string& name, std::string_view prefix) {
  return name.starts_with(prefix) ? std::optional(name.substr(prefix.size())) : std::nullopt;
}

/// False where something is not as it was written.
bool read_metadata(const std::map<std::string, std::string>& metadata, Content& to) {
  const std::map<std::string, std::string*> texts = {
      {"lvm", &to.lvm}, {"model", &to.text}, {"file", &to.file}, {"method", &to.method}};
  for (const auto& [name, text] : texts) {
    const auto found = metadata.find(name);
    if (found == metadata.end()) return false;
    *text = found->second;
  }
  const auto seed = metadata.find("seed");
  if (seed == metadata.end()) return false;
  const char* last = seed->second.data() + seed->second.size();
  if (const auto [end, error] = std::from_chars(seed->second.data(), last, to.seed);
      error != std::errc() || end != last)
    return false;
  for (const auto& [name, value] : metadata) {
    if (const auto setting = behind(name, "setting.")) to.settings[*setting] = value;
    if (const auto metric = behind(name, "metric.")) to.metrics[*metric] = value;
    for (const auto& [prefix, lists] :
         {std::pair("columns.", &to.columns), std::pair("levels.", &to.levels)}) {
      const auto variable = behind(name, prefix);
      if (!variable) continue;
      std::optional<std::vector<std::string>> list = texts_from_json(value);
      if (!list) return false;
      (*lists)[*variable] = std::move(*list);
    }
  }
  return true;
}

}  // namespace

std::optional<std::string> write(const Content& content, std::string& fault) {
  Header header;
  header.metadata = {{"format", std::string(format)}, {"lvm", content.lvm},
                     {"model", content.text},         {"file", content.file},
                     {"method", content.method},      {"seed", std::to_string(content.seed)}};
  for (const auto& [name, value] : content.settings) header.metadata["setting." + name] = value;
  for (const auto& [name, value] : content.metrics) header.metadata["metric." + name] = value;
  fault = "a name in it is not UTF-8";
  if (!add_texts(header, "columns.", content.columns) || !add_texts(header, "levels.", content.levels))
    return {};
  std::string numbers;
  std::vector<Values> all = content.parameters;
  for (const Values& values : content.state)
    all.push_back({state_prefix + values.name, values.shape, values.values});
  for (const Values& values : all) {
    const bool single = is_single(values.values);
    Array array{values.name, single ? "F32" : "F64", values.shape, numbers.size(), 0};
    for (const double value : values.values) {
      if (single) {
        put(numbers, std::bit_cast<uint32_t>(static_cast<float>(value)));
      } else {
        put(numbers, std::bit_cast<uint64_t>(value));
      }
    }
    array.end = numbers.size();
    header.arrays.push_back(std::move(array));
  }
  header.metadata["digest"] = digest(header, numbers);
  std::optional<std::string> json = header_to_json(header);
  if (!json) return {};
  json->resize((json->size() + length_bytes - 1) / length_bytes * length_bytes,
               ' ');  // numbers begin at a multiple of their size
  fault = "it is too large";
  if (json->size() > most_header) return {};
  fault.clear();
  std::string bytes;
  put(bytes, static_cast<uint64_t>(json->size()));
  return bytes + *json + numbers;
}

std::optional<Content> read(std::string_view bytes, std::string& fault) {
  const auto refuse = [&](std::string why) {
    fault = std::move(why);
    return std::nullopt;
  };
  if (bytes.size() < length_bytes) return refuse("is no fitted model: it is too short");
  const auto length = get<uint64_t>(bytes);
  if (length > most_header) return refuse("is no fitted model");
  if (length > bytes.size() - length_bytes)
    return refuse("is no fitted model, or was cut off: its header ends behind its end");
  std::string what;
  const std::optional<Header> header = header_from_json(bytes.substr(length_bytes, length), what);
  if (!header) return refuse("is no fitted model, or is damaged: " + what);
  const auto found = header->metadata.find("format");
  if (found == header->metadata.end()) return refuse("is no fitted model: nothing in it says so");
  if (found->second != format)
    return refuse(
        fmt::format("has the format `{}`, and this version of lvm reads `{}`", found->second, format));
  const std::string_view numbers = bytes.substr(length_bytes + length);
  if (const std::string place = places_fault(header->arrays, numbers.size()); !place.empty())
    return refuse("is damaged: " + place);
  const auto written = header->metadata.find("digest");
  if (written == header->metadata.end() || written->second != digest(*header, numbers))
    return refuse("is damaged: its digest is another");
  Content to;
  if (!read_metadata(header->metadata, to))
    return refuse("is damaged: its header does not say all that it should");
  for (const Array& array : header->arrays) {
    Values values = numbers_of(array, numbers);
    const bool state = values.name.starts_with(state_prefix);
    if (state) values.name.erase(0, state_prefix.size());
    (state ? to.state : to.parameters).push_back(std::move(values));
  }
  return to;
}

}  // namespace lvm::fit_file
