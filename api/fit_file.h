#pragma once
// fit.lvmfit: a fitted model in the layout of safetensors, which many programs read: the length of a JSON
// header (8 bytes, little-endian), the header with name, dtype, shape and place of each array, and the
// numbers behind it, without gaps. `__metadata__` has what is no array:
//   format "lvmfit 1" · lvm · digest of all else · model · file · method · seed · setting.NAME · columns.NAME
//   · levels.NAME · metric.NAME

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/lvm.h"

namespace lvm::fit_file {

struct Content {
  std::string lvm;         // the version that wrote it
  std::string text, file;  // the model, and what its file was called
  std::string method;
  uint64_t seed = 1;
  std::map<std::string, std::string> settings;
  std::map<std::string, std::vector<std::string>> columns, levels;  // by variable
  std::map<std::string, std::string> metrics;
  std::vector<Values> parameters;
  std::vector<Values> state;  // running sums: arrays called "state.NAME", which no parameter can be
};

/// None, and the reason in `fault`, where a name is no text that JSON can hold.
std::optional<std::string> write(const Content& content, std::string& fault);
/// None, and what is wrong in `fault`.
std::optional<Content> read(std::string_view bytes, std::string& fault);

/// The header as data; its JSON is read and written in json.cpp.
struct Array {
  std::string name, dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;
};
struct Header {
  std::map<std::string, std::string> metadata;
  std::vector<Array> arrays;
};
std::optional<std::string> header_to_json(const Header& header);
std::optional<Header> header_from_json(std::string_view text, std::string& fault);
std::optional<std::string> texts_to_json(const std::vector<std::string>& texts);
std::optional<std::vector<std::string>> texts_from_json(std::string_view text);

}  // namespace lvm::fit_file
