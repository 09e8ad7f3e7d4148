#pragma once
// The JSON of the frozen fixtures: just enough to read them.

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lvm::numeric {

struct Json {
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json>;
  std::variant<std::nullptr_t, bool, double, std::string, Array, Object> value;

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value); }
  double number() const { return std::get<double>(value); }
  const std::string& text() const { return std::get<std::string>(value); }
  const Array& array() const { return std::get<Array>(value); }
  const Object& object() const { return std::get<Object>(value); }
  /// Throws std::out_of_range where the key is absent.
  const Json& operator[](const std::string& key) const { return object().at(key); }
};

/// Throws std::runtime_error, with the place, for anything that is not JSON.
Json parse_json(std::string_view text);

}  // namespace lvm::numeric
