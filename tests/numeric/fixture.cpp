#include "tests/numeric/fixture.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

namespace lvm::numeric {
namespace {

/// Nested arrays of one parameter to its shape and values.
void flatten(const Json& json, size_t depth, Values& into) {
  const auto* items = std::get_if<Json::Array>(&json.value);
  if (!items) {
    into.values.push_back(json.number());
    return;
  }
  if (into.shape.size() == depth) into.shape.push_back(static_cast<int64_t>(items->size()));
  for (const Json& item : *items) flatten(item, depth + 1, into);
}

}  // namespace

Json fixture(const std::string& name) {
  std::ifstream in(std::string(LVM_SOURCE_DIR) + "/tests/oracles/" + name + ".json", std::ios::binary);
  INFO("fixture " << name);
  REQUIRE(in.good());
  return parse_json(std::string(std::istreambuf_iterator<char>(in), {}));
}

std::vector<Values> parameters_of(const Json& json) {
  std::vector<Values> result;
  for (const auto& [name, nested] : json.object()) {
    Values values{.name = name, .shape = {}, .values = {}};
    flatten(nested, 0, values);
    result.push_back(std::move(values));
  }
  return result;
}

}  // namespace lvm::numeric
