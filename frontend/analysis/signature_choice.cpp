// Which parameterisation a call means: by the names of its arguments alone.

#include <fmt/format.h>

#include <algorithm>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

using ast::Expression;
using ir::Signature;
using ir::SlotChoice;
using ir::SlotRow;

std::vector<const Signature*> candidates_of(std::string_view family) {
  std::vector<const Signature*> found;
  for (const Signature& signature : ir::signatures())
    if (signature.family == family) found.push_back(&signature);
  return found;
}

struct Given {
  std::string name;
  SourceRange range;
  const Expression* value;
};

std::string slots_text(const std::vector<const Signature*>& candidates) {
  std::string text;
  for (const Signature* signature : candidates) {
    text += fmt::format("{}`{}(", text.empty() ? "" : " or ", signature->family);
    for (size_t i = 0; i < signature->slots.size(); ++i) {
      text += i > 0 ? ", " : "";
      for (const SlotChoice& choice : signature->slots[i].choices)
        text += fmt::format("{}{}", &choice == &signature->slots[i].choices.front() ? "" : "|", choice.name);
    }
    text += ")`";
  }
  return text;
}

std::vector<std::string> slot_names(const std::vector<const Signature*>& candidates) {
  std::vector<std::string> names;
  for (const Signature* signature : candidates)
    for (const SlotRow& row : signature->slots)
      for (const SlotChoice& choice : row.choices)
        if (std::find(names.begin(), names.end(), choice.name) == names.end())
          names.emplace_back(choice.name);
  return names;
}

const SlotChoice* find_choice(const SlotRow& row, std::string_view name) {
  for (const SlotChoice& choice : row.choices)
    if (choice.name == name) return &choice;
  return nullptr;
}

// The slot that the argument at `position` means without a name: the first, or a distribution's, which no
// name could confuse.
std::optional<std::string> positional_slot(const Signature& signature, size_t position) {
  if (position == 0) return std::string(signature.slots[0].choices[0].name);
  if (position >= signature.slots.size()) return {};
  const SlotChoice& choice = signature.slots[position].choices[0];
  if (choice.kind == ir::SlotKind::distribution) return std::string(choice.name);
  return {};
}

// The arguments with their slot names; none after a report.
std::optional<std::vector<Given>> named_arguments(Context& context, const Expression& call,
                                                  const std::vector<const Signature*>& candidates) {
  std::vector<Given> given;
  const std::vector<std::string> known = slot_names(candidates);
  bool sound = true;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const ast::Argument& argument = call.arguments[i];
    Given each{argument.name.text, argument.name.range, argument.value.get()};
    if (each.name.empty()) {
      const auto slot = positional_slot(*candidates.front(), i);
      if (!slot) {
        report(context, Code::positional_argument, argument.value->range,
               "only the first argument of a distribution may stand without a name", "",
               "the form is " + slots_text(candidates));
        sound = false;
        continue;
      }
      each.name = *slot;
      each.range = argument.value->range;
    }
    if (std::find(known.begin(), known.end(), each.name) == known.end()) {
      report(context, Code::unknown_slot, each.range,
             fmt::format("`{}` has no argument `{}`", call.text, each.name), "",
             suggestion(each.name, known, "the form is " + slots_text(candidates)));
      sound = false;
      continue;
    }
    const auto first =
        std::find_if(given.begin(), given.end(), [&](const Given& other) { return other.name == each.name; });
    if (first != given.end()) {
      report(context, Code::slot_given_twice, each.range, fmt::format("`{}` is given twice", each.name), "",
             "", {{first->range, "first given here"}});
      sound = false;
      continue;
    }
    given.push_back(each);
  }
  if (!sound) return {};
  return given;
}

bool has_all(const Signature& signature, const std::vector<Given>& given) {
  return std::all_of(given.begin(), given.end(), [&](const Given& each) {
    return std::any_of(signature.slots.begin(), signature.slots.end(),
                       [&](const SlotRow& row) { return find_choice(row, each.name) != nullptr; });
  });
}

// Two arguments that no parameterisation holds together, or that are alternatives of one slot.
bool report_conflict(Context& context, const std::vector<const Signature*>& candidates,
                     const std::vector<Given>& given) {
  for (size_t j = 1; j < given.size(); ++j) {
    for (size_t i = 0; i < j; ++i) {
      const bool together =
          std::any_of(candidates.begin(), candidates.end(), [&](const Signature* signature) {
            const bool one_slot =
                std::any_of(signature->slots.begin(), signature->slots.end(), [&](const SlotRow& row) {
                  return find_choice(row, given[i].name) && find_choice(row, given[j].name);
                });
            return !one_slot && has_all(*signature, {given[i], given[j]});
          });
      if (together) continue;
      report(context, Code::conflicting_slots, given[j].range,
             fmt::format("`{}` cannot stand beside `{}`", given[j].name, given[i].name),
             "both say the same thing", "the form is " + slots_text(candidates),
             {{given[i].range, "given here"}});
      return true;
    }
  }
  return false;
}

std::optional<ChosenSignature> fill(const Signature& signature, const std::vector<Given>& given) {
  ChosenSignature chosen{&signature, {}};
  for (const SlotRow& row : signature.slots) {
    const SlotArgument* filled = nullptr;
    for (const Given& each : given) {
      const SlotChoice* choice = find_choice(row, each.name);
      if (!choice) continue;
      chosen.arguments.push_back({choice, each.value});
      filled = &chosen.arguments.back();
    }
    if (!filled && !row.optional) return {};
  }
  return chosen;
}

void report_missing(Context& context, const Expression& call, const std::vector<const Signature*>& fitting,
                    const std::vector<Given>& given) {
  std::vector<std::string> missing;
  for (const Signature* signature : fitting) {
    for (const SlotRow& row : signature->slots) {
      const bool filled = std::any_of(given.begin(), given.end(), [&](const Given& each) {
        return find_choice(row, each.name) != nullptr;
      });
      if (filled || row.optional) continue;
      for (const SlotChoice& choice : row.choices) missing.emplace_back(choice.name);
      break;
    }
  }
  report(context, Code::missing_slot, call.range, fmt::format("`{}` lacks {}", call.text, listed(missing)),
         "", "the form is " + slots_text(fitting));
}

}  // namespace

bool is_distribution(std::string_view name) {
  return !candidates_of(name).empty();
}

std::optional<ChosenSignature> choose_signature(Context& context, const Expression& call) {
  const std::vector<const Signature*> candidates = candidates_of(call.text);
  if (candidates.empty()) {
    std::vector<std::string> names;
    for (const Signature& signature : ir::signatures())
      if (names.empty() || names.back() != signature.family) names.emplace_back(signature.family);
    report(context, Code::unknown_distribution, call.name_range,
           fmt::format("`{}` is not a distribution", call.text), "", suggestion(call.text, names));
    return {};
  }
  const auto given = named_arguments(context, call, candidates);
  if (!given || report_conflict(context, candidates, *given)) return {};
  std::vector<const Signature*> fitting;
  for (const Signature* signature : candidates)
    if (has_all(*signature, *given)) fitting.push_back(signature);
  for (const Signature* signature : fitting)
    if (auto chosen = fill(*signature, *given)) return chosen;
  report_missing(context, call, fitting.empty() ? candidates : fitting, *given);
  return {};
}

}  // namespace lvm::analysis
