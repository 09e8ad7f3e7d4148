#include "ir/families/signatures.h"

#include <array>
#include <utility>

namespace lvm::ir {
namespace {

constexpr std::array<std::string_view, 11> slot_kind_names = {
    "real",        "positive",        "unit",     "count",        "simplex", "covariance", "cholesky",
    "real_vector", "positive_vector", "loadings", "distribution",
};
constexpr std::array<std::string_view, 11> support_names = {
    "real",    "positive",    "unit",       "bool",  "count", "category",
    "simplex", "real_vector", "covariance", "angle", "any",
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t at = text.find(separator); at != text.npos; at = text.find(separator)) {
    parts.push_back(trim(text.substr(0, at)));
    text.remove_prefix(at + 1);
  }
  parts.push_back(trim(text));
  return parts;
}

SlotKind find_slot_kind(std::string_view name) {
  for (size_t i = 0; i < slot_kind_names.size(); ++i)
    if (slot_kind_names[i] == name) return static_cast<SlotKind>(i);
  throw InternalError("signatures.def: unknown slot kind " + std::string(name));
}

std::vector<SlotRow> read_slots(std::string_view text) {
  std::vector<SlotRow> slots;
  for (std::string_view slot : split(text, ',')) {
    SlotRow row;
    for (std::string_view choice : split(slot, '|')) {
      auto parts = split(choice, ':');
      if (parts[0].ends_with('?')) {
        row.optional = true;
        parts[0].remove_suffix(1);
      }
      row.choices.push_back({parts[0], find_slot_kind(parts[1])});
    }
    slots.push_back(std::move(row));
  }
  return slots;
}

}  // namespace

const std::vector<Signature>& signatures() {
  static const std::vector<Signature> table = {
#define LVM_SIGNATURE(family, slots, support, event_rank) \
  {family, read_slots(slots), Support::support, event_rank},
#include "ir/families/signatures.def"
#undef LVM_SIGNATURE
  };
  return table;
}

std::string_view name(SlotKind kind) {
  return slot_kind_names[static_cast<size_t>(kind)];
}

std::string_view name(Support support) {
  return support_names[static_cast<size_t>(support)];
}

std::string parameterisation(std::string_view family, const std::vector<std::string_view>& slots) {
  std::string text(family);
  for (std::string_view slot : slots) text.append(".").append(slot);
  return text;
}

}  // namespace lvm::ir
